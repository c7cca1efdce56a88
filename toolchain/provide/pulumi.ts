/** The Pulumi engine, its language host and its plugins, made here. */
import { linkSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cached, entryName, isCached, type Recipe } from "../../machine/cache";
import type { Plugin } from "../../machine/plugins";
import type { Progress } from "../../steps/progress";
import { buildBundle, bundleRecipe } from "./bundle";
import { checkGo, goProgram, goRecipe, hasGoProgram } from "./goBuild";

/** Plugins that are the real ones, from their Go modules; the others are stand-ins. */
const OF_GO: readonly string[] = ["kubernetes"];

/**
 * Checks that the engine and its plugins can be built here. @returns whether anything of them has to be
 *
 * @throws StepError without a Go that is new enough
 */
export async function checkBuild(): Promise<boolean> {
    const missing = ["pulumi", ...OF_GO.map(program)].filter((name) => !hasGoProgram(name));
    await checkGo(missing);
    return missing.length > 0;
}

/** Whether the engine was built here before. */
export function isEngineBuilt(): boolean {
    return isCached(engineRecipe());
}

/** Folder with the engine and, beside it where the engine looks first, the language host. */
export async function engineFolder(progress: Progress): Promise<string> {
    return cached(engineRecipe(), async (folder) => {
        await requireGo(["pulumi"]);
        // Hard links cost nothing and outlive the entry they come from.
        linkSync(await goProgram("pulumi", progress), join(folder, "pulumi"));
        await buildBundle("pulumi-language-nodejs", folder);
    });
}

function engineRecipe(): Recipe {
    return merge("pulumi", [goRecipe("pulumi"), bundleRecipe("pulumi-language-nodejs")]);
}

/** A folder as the engine keeps plugins: one below it for each name and version. */
export async function buildPlugins(
    plugins: readonly Plugin[],
    progress: Progress,
): Promise<string> {
    const recipes = plugins.map((plugin) =>
        isOfGo(plugin) ? goRecipe(program(plugin.name)) : bundleRecipe(program(plugin.name)),
    );
    return cached(merge("plugins", recipes), async (folder) => {
        await requireGo(plugins.filter(isOfGo).map(({ name }) => program(name)));
        for (const plugin of plugins) {
            const own = join(folder, plugin.folder);
            mkdirSync(own);
            const file = program(plugin.name);
            if (isOfGo(plugin)) {
                linkSync(await goProgram(file, progress), join(own, file));
            } else {
                await buildBundle(file, own);
            }
        }
    });
}

function isOfGo({ name }: Plugin): boolean {
    return OF_GO.includes(name);
}

function program(plugin: string): string {
    return `pulumi-resource-${plugin}`;
}

/** Checks Go before a build, for where it was not clear beforehand that there would be one. */
async function requireGo(programs: readonly string[]): Promise<void> {
    await checkGo(programs.filter((name) => !hasGoProgram(name)));
}

function merge(name: string, recipes: readonly Recipe[]): Recipe {
    return { name: `bin-${name}`, files: [], parameters: recipes.map(entryName) };
}
