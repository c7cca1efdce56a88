/** The Pulumi engine and its plugins: what PATH has, what is published, and else what is made here. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { output } from "../steps/command";
import { InterruptedError } from "../steps/errors";
import type { Progress } from "../steps/progress";
import { cached, cacheRoot, hasEntries, isCached, type Recipe } from "./cache";
import { PARTIAL, pulumiHome, withTools } from "./environment";
import { PLUGINS, type Plugin } from "./plugins";
import { announce, enginePath, findPublished, pluginPath, PUBLISHED } from "./published";
import { loadToolchain } from "./standIns";
import { compareVersions, sdkVersion } from "./versions";

/** Name of the cache's entries that hold an engine which was built here. */
const BUILT = "bin-pulumi";

/** Pulumi as it will be used. */
export interface PulumiTools {
    /** Folders to put in front of PATH; empty when the machine has the engine. */
    readonly path: readonly string[];
    /** Folder of plugins that were made here. @default all are there as published */
    readonly plugins?: string;
    /** What was found or made, for people. */
    readonly description: string;
}

/** Version of the `pulumi` on PATH. @returns undefined without one, or with an unfit one */
async function pulumiOnPath(): Promise<string | undefined> {
    try {
        // In a shell of `make env` PATH leads to what was made here; that is not the machine's own.
        const PATH = (process.env["PATH"] ?? "")
            .split(delimiter)
            .filter((folder) => !folder.startsWith(cacheRoot()))
            .join(delimiter);
        const env = { ...process.env, PATH };
        const version = (await output(["pulumi", "version"], { env })).trim().replace(/^v/, "");
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

/**
 * Whether the engine was built here before. It is used as long as it is in the cache then: that costs no
 * look at the network.
 */
function isBuilt(): boolean {
    return hasEntries(BUILT) && loadToolchain().isEngineBuilt();
}

/** Whether the engine is there as published, or can be fetched; it has to be built here where not. */
export async function isPublished(): Promise<boolean> {
    return (
        (await pulumiOnPath()) !== undefined ||
        isCached(publishedRecipe()) ||
        (!isBuilt() && (await findEngine()) !== undefined)
    );
}

/** Finds or makes everything; the slow parts report through `progress`. */
export async function providePulumi(progress: Progress): Promise<PulumiTools> {
    const found = await pulumiOnPath();
    const fetched = found === undefined ? await publishedEngine(progress) : undefined;
    const built = () => loadToolchain().engineFolder(progress);
    const path = found === undefined ? [fetched ?? (await built())] : [];
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
        ...(missing.length > 0 && {
            plugins: await loadToolchain().buildPlugins(missing, progress),
        }),
        description: [engine, made ? `plugins made here: ${made}` : "plugins as published"].join(
            "; ",
        ),
    };
}

/**
 * Folder with the engine as published, fetched by the SDK's own installer.
 *
 * @returns undefined where it cannot be fetched, and where one was built here before
 */
async function publishedEngine(progress: Progress): Promise<string | undefined> {
    const recipe = publishedRecipe();
    if (!isCached(recipe)) {
        const archive = isBuilt() ? undefined : await findEngine();
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
    { name, version, folder }: Plugin,
    folders: readonly string[],
    progress: Progress,
): Promise<boolean> {
    const own = join(pulumiHome(), "plugins", folder);
    // Beside a folder that is not complete yet the engine keeps a mark.
    if (existsSync(own) && !existsSync(own + PARTIAL)) {
        return true;
    }
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
