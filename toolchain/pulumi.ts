/** The Pulumi engine, its language host and its plugins: what PATH has, and what has to be made. */
import { execFile } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { buildBundle, bundleRecipe } from "./bundle";
import { cached, cacheRoot, entryName, type Recipe } from "./cache";
import { pulumiHome } from "./environment";
import { compareVersions, goProgram, goRecipe } from "./goBuild";
import { InterruptedError, type Progress } from "./progress";

const ROOT = path.join(__dirname, "..");

/** Resource plugins the program needs, with how a stand-in is made. */
const PLUGINS = [
    { name: "kubernetes", build: "go" },
    { name: "docker", build: "bundle" },
    { name: "random", build: "bundle" },
] as const;

type Plugin = (typeof PLUGINS)[number];

/** Pulumi as it will be used. */
export interface PulumiTools {
    /** Folders to put in front of PATH; empty when the machine has the engine. */
    readonly path: readonly string[];
    /** Folder of plugins that were made here. @default all are there as published */
    readonly plugins?: string;
    /** What was found or made, for people. */
    readonly description: string;
}

/**
 * The version of the SDK in package.json is the version of the engine that is built, and the oldest
 * that is taken from PATH.
 */
export function sdkVersion(name: string): string {
    const file = path.join(ROOT, "node_modules", "@pulumi", name, "package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Version of the `pulumi` on PATH. @returns undefined without one, or with an unfit one */
export async function pulumiOnPath(): Promise<string | undefined> {
    try {
        // In a shell of `make env` PATH leads to what was made here; that is not the machine's own.
        const PATH = (process.env["PATH"] ?? "")
            .split(path.delimiter)
            .filter((folder) => !folder.startsWith(cacheRoot()))
            .join(path.delimiter);
        const env = { ...process.env, PATH };
        const { stdout } = await promisify(execFile)("pulumi", ["version"], { env });
        const version = stdout.trim().replace(/^v/, "");
        const fits =
            compareVersions(version, sdkVersion("pulumi")) >= 0 && version.startsWith("3.");
        return fits ? version : undefined;
    } catch {
        return undefined;
    }
}

/** Names of the Go programs that will be needed because the machine has no fit Pulumi. */
export async function missingPrograms(): Promise<string[]> {
    return (await pulumiOnPath()) === undefined ? ["pulumi", file(PLUGINS[0])] : [];
}

/** Finds or makes everything; the slow parts report through `progress`. */
export async function providePulumi(progress: Progress): Promise<PulumiTools> {
    const found = await pulumiOnPath();
    const missing: Plugin[] = [];
    for (const plugin of PLUGINS) {
        if (!(found !== undefined && (await installed(plugin, progress)))) {
            missing.push(plugin);
        }
    }
    const made = missing.map(({ name }) => name).join(", ");
    return {
        path: found === undefined ? [await engineFolder(progress)] : [],
        ...(missing.length > 0 ? { plugins: await pluginFolder(missing, progress) } : {}),
        description: [
            found
                ? `Pulumi ${found} from PATH`
                : `Pulumi ${sdkVersion("pulumi")} from its Go module`,
            made ? `plugins made here: ${made}` : "plugins as published",
        ].join("; "),
    };
}

/** A plugin as published: already there, or downloaded now. */
async function installed(plugin: Plugin, progress: Progress): Promise<boolean> {
    if (existsSync(path.join(pulumiHome(), "plugins", directory(plugin)))) {
        return true;
    }
    const { name } = plugin;
    try {
        await progress.run("pulumi", ["plugin", "install", "resource", name, sdkVersion(name)], {
            timeout: 120,
        });
        return true;
    } catch (error) {
        if (error instanceof InterruptedError) {
            throw error;
        }
        return false;
    }
}

/** Folder with the engine and, beside it where the engine looks first, the language host. */
async function engineFolder(progress: Progress): Promise<string> {
    const host = bundleRecipe("pulumi-language-nodejs");
    return cached(merge("pulumi", [goRecipe("pulumi"), host]), async (folder) => {
        // Hard links cost nothing and outlive the entry they come from.
        linkSync(await goProgram("pulumi", progress), path.join(folder, "pulumi"));
        await buildBundle("pulumi-language-nodejs", folder);
    });
}

/** A folder as the engine keeps plugins: one below it for each name and version. */
async function pluginFolder(plugins: readonly Plugin[], progress: Progress): Promise<string> {
    const recipes = plugins.map((plugin) =>
        plugin.build === "go" ? goRecipe(file(plugin)) : bundleRecipe(file(plugin)),
    );
    return cached(merge("plugins", recipes), async (folder) => {
        for (const plugin of plugins) {
            const own = path.join(folder, directory(plugin));
            mkdirSync(own);
            if (plugin.build === "go") {
                linkSync(await goProgram(file(plugin), progress), path.join(own, file(plugin)));
            } else {
                await buildBundle(file(plugin), own);
            }
        }
    });
}

function file({ name }: Plugin): string {
    return `pulumi-resource-${name}`;
}

function directory({ name }: Plugin): string {
    return `resource-${name}-v${sdkVersion(name)}`;
}

function merge(name: string, recipes: readonly Recipe[]): Recipe {
    return { name: `bin-${name}`, files: [], parameters: recipes.map(entryName) };
}
