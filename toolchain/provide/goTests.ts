/** Tests of the Go programs that are built here. */
import { readdirSync } from "node:fs";
import * as path from "node:path";
import { cached } from "../../machine/cache";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import {
    checkGo,
    compilation,
    findBuild,
    GO_FOLDER,
    goBuilds,
    goRecipe,
    goVersion,
} from "./goBuild";

/** Names of the programs that have tests of their own. */
export function testedGoPrograms(): string[] {
    return [...goBuilds().values()]
        .filter(({ module }) => testsIn(path.join(GO_FOLDER, module)).length > 0)
        .map(({ name }) => name);
}

/** Runs the tests of all of them. @returns how many programs passed and failed */
export async function testGoPrograms(
    progress: Progress,
): Promise<{ readonly passed: number; readonly failed: number }> {
    const names = testedGoPrograms();
    if ((await goVersion()) === undefined) {
        progress.print("Go: none on PATH; nothing of Go is made here then, nor tested");
        return { passed: 0, failed: 0 };
    }
    try {
        await checkGo(names);
    } catch (error) {
        progress.print(`Go: ${(error as Error).message}`);
        return { passed: 0, failed: names.length };
    }
    let failed = 0;
    for (const name of names) {
        try {
            await progress.step(`tests of ${name}`, () => testGoProgram(name, progress));
        } catch (error) {
            if (!(error instanceof StepError)) {
                throw error;
            }
            failed++;
            progress.print(`     ${error.message}; see ${progress.logFile}`);
        }
    }
    return { passed: names.length - failed, failed };
}

/**
 * Runs a program's own tests, once for every change of what they are made from. They are compiled as
 * the program is: after it was built, little is left to compile.
 *
 * @throws StepError when one fails
 */
async function testGoProgram(name: string, progress: Progress): Promise<void> {
    const build = findBuild(name);
    const folder = path.join(GO_FOLDER, build.module);
    const program = goRecipe(name);
    await cached(
        {
            ...program,
            name: `${name}-tested`,
            files: [
                ...program.files,
                ...testsIn(folder)
                    .sort()
                    .map((file) => path.join(folder, file)),
            ],
        },
        async (scratch) => {
            const { flags, cwd, env } = await compilation(build, scratch, progress);
            await progress.run("go", ["test", ...flags, build.package], { cwd, env });
        },
    );
}

function testsIn(folder: string): string[] {
    return readdirSync(folder).filter((file) => file.endsWith("_test.go"));
}
