/** The Pulumi engine, its language host and its plugins: what PATH has, and what has to be made. */
import { execFile } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { buildBundle, bundleRecipe } from "./bundle";
import { cached, cacheRoot, entryName, isCached, type Recipe } from "./cache";
import { announce, enginePath, findPublished, pluginPath, PUBLISHED } from "./download";
import { PARTIAL, pulumiHome, withTools } from "./environment";
import { checkGo, compareVersions, goProgram, goRecipe, hasGoProgram } from "./goBuild";
import { InterruptedError, type Progress } from "./progress";

const ROOT = join(__dirname, "..");

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
    const file = join(ROOT, "node_modules", "@pulumi", name, "package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Version of the `pulumi` on PATH. @returns undefined without one, or with an unfit one */
export async function pulumiOnPath(): Promise<string | undefined> {
    try {
        // In a shell of `make env` PATH leads to what was made here; that is not the machine's own.
        const PATH = (process.env["PATH"] ?? "")
            .split(delimiter)
            .filter((folder) => !folder.startsWith(cacheRoot()))
            .join(delimiter);
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

/** The engine's published archive, asked for once in a run. */
let engineArchive: ReturnType<typeof findPublished> | undefined;

function findEngine(): ReturnType<typeof findPublished> {
    engineArchive ??= findPublished(PUBLISHED + enginePath(sdkVersion("pulumi")));
    return engineArchive;
}

/** Names of the Go programs that will be needed: no fit Pulumi on PATH, none fetched or to be fetched. */
export async function missingPrograms(): Promise<string[]> {
    const published =
        (await pulumiOnPath()) !== undefined ||
        isCached(publishedRecipe()) ||
        (!isCached(builtRecipe()) && (await findEngine()) !== undefined);
    return published ? [] : ["pulumi", file(PLUGINS[0])];
}

/** Finds or makes everything; the slow parts report through `progress`. */
export async function providePulumi(progress: Progress): Promise<PulumiTools> {
    const found = await pulumiOnPath();
    const fetched = found === undefined ? await publishedEngine(progress) : undefined;
    const path = found === undefined ? [fetched ?? (await engineFolder(progress))] : [];
    const missing: Plugin[] = [];
    for (const plugin of PLUGINS) {
        // Where the engine could not be fetched, its plugins cannot be either.
        const published = found !== undefined || fetched !== undefined;
        if (!(published && (await installed(plugin, path, progress)))) {
            missing.push(plugin);
        }
    }
    const made = missing.map(({ name }) => name).join(", ");
    const engine =
        found === undefined
            ? `Pulumi ${sdkVersion("pulumi")} ${fetched ? "as published" : "from its Go module"}`
            : `Pulumi ${found} from PATH`;
    return {
        path,
        ...(missing.length > 0 ? { plugins: await pluginFolder(missing, progress) } : {}),
        description: [engine, made ? `plugins made here: ${made}` : "plugins as published"].join(
            "; ",
        ),
    };
}

/**
 * Folder with the engine as published, fetched by the SDK's own installer. Once one was built here it
 * is used as long as it is in the cache: that costs no look at the network.
 *
 * @returns undefined where it cannot be fetched
 */
async function publishedEngine(progress: Progress): Promise<string | undefined> {
    const recipe = publishedRecipe();
    if (!isCached(recipe)) {
        const archive = isCached(builtRecipe()) ? undefined : await findEngine();
        if (archive === undefined) {
            return undefined;
        }
        announce(progress, `Pulumi ${sdkVersion("pulumi")}`, archive.size);
    }
    try {
        return join(await cached(recipe, installEngine), "bin");
    } catch (error) {
        // The archive may come from another host than the one that was asked.
        progress.print(`     Pulumi was not fetched: ${(error as Error).message.split("\n")[0]}`);
        return undefined;
    }
}

async function installEngine(root: string): Promise<void> {
    // Loaded only here: it is large.
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    await PulumiCommand.install({ root });
}

function publishedRecipe(): Recipe {
    const parameters = [sdkVersion("pulumi"), process.platform, process.arch];
    return { name: "published-pulumi", files: [], parameters };
}

/** A plugin as published: already there, or downloaded now, by the engine on PATH or in `folders`. */
async function installed(
    plugin: Plugin,
    folders: readonly string[],
    progress: Progress,
): Promise<boolean> {
    const folder = join(pulumiHome(), "plugins", directory(plugin));
    // Beside a folder that is not complete yet the engine keeps a mark.
    if (existsSync(folder) && !existsSync(folder + PARTIAL)) {
        return true;
    }
    const { name } = plugin;
    const version = sdkVersion(name);
    const archive = await findPublished(PUBLISHED + pluginPath(name, version));
    announce(progress, `plugin ${name} ${version}`, archive?.size);
    try {
        await progress.run("pulumi", ["plugin", "install", "resource", name, version], {
            timeout: 120,
            // The user's own home, in a shell of `make env` too.
            env: withTools(process.env, folders, { PULUMI_HOME: pulumiHome() }),
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
    return cached(builtRecipe(), async (folder) => {
        requireGo(["pulumi"]);
        // Hard links cost nothing and outlive the entry they come from.
        linkSync(await goProgram("pulumi", progress), join(folder, "pulumi"));
        await buildBundle("pulumi-language-nodejs", folder);
    });
}

function builtRecipe(): Recipe {
    return merge("pulumi", [goRecipe("pulumi"), bundleRecipe("pulumi-language-nodejs")]);
}

/** Checks Go before a build, for where it was not clear beforehand that there would be one. */
function requireGo(programs: readonly string[]): void {
    checkGo(programs.filter((name) => !hasGoProgram(name)));
}

/** A folder as the engine keeps plugins: one below it for each name and version. */
async function pluginFolder(plugins: readonly Plugin[], progress: Progress): Promise<string> {
    const recipes = plugins.map((plugin) =>
        plugin.build === "go" ? goRecipe(file(plugin)) : bundleRecipe(file(plugin)),
    );
    return cached(merge("plugins", recipes), async (folder) => {
        requireGo(plugins.filter(({ build }) => build === "go").map(file));
        for (const plugin of plugins) {
            const own = join(folder, directory(plugin));
            mkdirSync(own);
            if (plugin.build === "go") {
                linkSync(await goProgram(file(plugin), progress), join(own, file(plugin)));
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
