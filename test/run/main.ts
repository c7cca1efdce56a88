/**
 * `make test`: lint, types, format, unit tests, tests of the Go programs that are built here, end-to-end
 * tests, and one closing line of the form `N passed, N failed`. Whatever the end-to-end tests need is found or made first; a test that is
 * skipped counts as failed.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { LOCAL_FOLDER } from "../../machine/environment";
import { removeLeftOvers } from "../support/leftOvers";
import { InterruptedError, StepError } from "../../steps/errors";
import { Progress } from "../../steps/progress";
import { loadToolchain } from "../../machine/standIns";
import { prepareForTests, prepareForUnitTests } from "./prepare";
import { countTests, formatFailures, listFailures, type Count } from "./report";
import {
    FILES_FILE,
    formatTimes,
    TIMES_FILE,
    type FileTimes,
    type Phase,
    type Times,
} from "./times";
import { ROOT } from "../../machine/root";

const BIN = path.join(ROOT, "node_modules", ".bin");
const LOGS = path.join(ROOT, LOCAL_FOLDER, "log");

/** With typed rules a file is looked at again only after a change of its own: CI begins without a cache. */
const CACHED = ["--cache", "--cache-location", path.join(LOCAL_FOLDER, "eslintcache")];

/** Checks that are one program each. */
const CHECKS: readonly [title: string, command: string, args: readonly string[]][] = [
    ["lint", "eslint", ["--max-warnings", "0", ...CACHED, "."]],
    ["types", "tsc", ["--noEmit"]],
    ["unused files and exports", "knip", ["--no-progress"]],
    ["format", "prettier", ["--check", "--log-level", "warn", "."]],
];

async function main(): Promise<number> {
    const progress = new Progress(path.join(LOGS, "test.log"));
    const counts: Count[] = [];
    const phases: Phase[] = [];
    const files: FileTimes[] = [];
    const failures: string[] = [];
    /** Runs a part of it, and notes how long that took. */
    const phase = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
        const began = performance.now();
        const result = await work();
        phases.push({ title, seconds: (performance.now() - began) / 1000 });
        return result;
    };
    const run = async (projects: readonly string[], env: NodeJS.ProcessEnv) => {
        const title = projects.join(", ");
        const { status, report } = await phase(title, () => vitest(projects, env, progress));
        const count = countTests(status, report);
        counts.push(count);
        if (count.failed > 0) {
            failures.push(...listFailures(ROOT, report));
        }
        files.push(...readFiles());
    };
    // Side by side: one of them works on a single core.
    await Promise.all(
        CHECKS.map(async ([title, command, args]) => {
            const check = () => progress.attach(path.join(BIN, command), args, process.env);
            const status = await phase(title, check);
            progress.print(`${title}: ${status === 0 ? "ok" : "FAILED"}`);
            counts.push(status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
            failures.push(...(status === 0 ? [] : [`FAILED ${title}`]));
        }),
    );
    await prepareForUnitTests(progress);
    // Together: one long file of scripts would leave cores idle.
    await run(["unit", "toolchain", "scripts"], process.env);
    try {
        const env = await prepareForTests(ROOT, progress);
        counts.push(await loadToolchain().testGoPrograms(progress));
        phases.push(...progress.done);
        await cleanUp(progress);
        await run(["e2e"], env).finally(() => cleanUp(progress));
    } catch (error) {
        if (error instanceof InterruptedError) {
            return 130;
        }
        const hint =
            error instanceof StepError && error.hint ? `\n  what to do: ${error.hint}` : "";
        const failure = `end-to-end tests could not run: ${(error as Error).message}${hint}`;
        progress.print(failure);
        failures.push(failure);
        progress.print(`  log: ${progress.logFile}`);
        counts.push({ passed: 0, failed: 1 });
    }
    const times: Times = { phases, files };
    writeFileSync(path.join(LOGS, TIMES_FILE), JSON.stringify(times));
    progress.print(`\n${formatTimes(times)}\n`);
    const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
    if (failures.length > 0) {
        // Last, for a log is read from its end.
        progress.print(`${formatFailures(failures)}\n`);
    }
    progress.print(`took ${progress.elapsed()}`);
    progress.print(`${sum("passed")} passed, ${sum("failed")} failed`);
    return sum("failed") === 0 ? 0 : 1;
}

/** Runs projects of tests. @returns the exit status, and the report if it got that far */
async function vitest(
    projects: readonly string[],
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<{ status: number; report: string | undefined }> {
    const file = path.join(LOGS, `${projects.join("-")}.json`);
    rmSync(file, { force: true });
    const status = await progress.attach(
        path.join(BIN, "vitest"),
        [
            "run",
            ...projects.flatMap((project) => ["--project", project]),
            "--reporter=verbose",
            "--reporter=json",
            `--reporter=${path.join(ROOT, "test", "support", "timesReporter.ts")}`,
            `--outputFile.json=${file}`,
        ],
        env,
    );
    return { status, report: existsSync(file) ? readFileSync(file, "utf8") : undefined };
}

/** Removes what tests that were interrupted or killed have left in Docker. */
async function cleanUp(progress: Progress): Promise<void> {
    const names = await removeLeftOvers();
    if (names.length > 0) {
        progress.print(`removed what interrupted tests had left: ${names.join(", ")}`);
    }
}

/** What the reporter of times has written. @returns nothing when it did not get that far */
function readFiles(): FileTimes[] {
    const file = path.join(LOGS, FILES_FILE);
    const files = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as FileTimes[]) : [];
    rmSync(file, { force: true });
    return files;
}

if (require.main === module) {
    void main().then(
        (status) => {
            process.exitCode = status;
        },
        (error: unknown) => {
            if (!(error instanceof InterruptedError)) {
                throw error;
            }
            process.exitCode = 130;
        },
    );
}
