/**
 * `make test`: lint, types, format, unit tests, tests of the Go programs that are built here, end-to-end
 * tests, and one closing line of the form `N passed, N failed`. Whatever the end-to-end tests need is found or made first; a test that is
 * skipped counts as failed.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { LOCAL_FOLDER } from "../toolchain/environment";
import { removeLeftOvers } from "../test/support/leftOvers";
import { InterruptedError, Progress, StepError } from "../toolchain/progress";
import { prepareForTests, prepareForUnitTests, testGoPrograms } from "./prepare";
import {
    FILES_FILE,
    formatTimes,
    TIMES_FILE,
    type FileTimes,
    type Phase,
    type Times,
} from "./times";

const ROOT = path.join(__dirname, "..");
const BIN = path.join(ROOT, "node_modules", ".bin");
const LOGS = path.join(ROOT, LOCAL_FOLDER, "log");

/** Checks that are one program each. */
const CHECKS: readonly [title: string, command: string, args: readonly string[]][] = [
    ["lint", "eslint", ["--max-warnings", "0", "."]],
    ["types", "tsc", ["--noEmit"]],
    ["format", "prettier", ["--check", "--log-level", "warn", "."]],
];

interface Count {
    readonly passed: number;
    readonly failed: number;
}

/** The part of vitest's JSON report that is read. */
interface Report {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numPendingTests: number;
    readonly numTodoTests: number;
    readonly success: boolean;
}

async function main(): Promise<number> {
    const progress = new Progress(path.join(LOGS, "test.log"));
    const counts: Count[] = [];
    const phases: Phase[] = [];
    const files: FileTimes[] = [];
    /** Runs a part of it, and notes how long that took. */
    const phase = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
        const began = performance.now();
        const result = await work();
        phases.push({ title, seconds: (performance.now() - began) / 1000 });
        return result;
    };
    const project = async (name: string, env: NodeJS.ProcessEnv) => {
        counts.push(await phase(name, () => vitest(name, env, progress)));
        files.push(...readFiles());
    };
    // Side by side: one of them works on a single core.
    await Promise.all(
        CHECKS.map(async ([title, command, args]) => {
            const check = () => progress.attach(path.join(BIN, command), args, process.env);
            const status = await phase(title, check);
            progress.print(`${title}: ${status === 0 ? "ok" : "FAILED"}`);
            counts.push(status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
        }),
    );
    await prepareForUnitTests(progress);
    await project("unit", process.env);
    await project("scripts", process.env);
    try {
        const env = await prepareForTests(ROOT, progress);
        counts.push(await testGoPrograms(progress));
        phases.push(...progress.done);
        await cleanUp(progress);
        await project("e2e", env).finally(() => cleanUp(progress));
    } catch (error) {
        if (error instanceof InterruptedError) {
            return 130;
        }
        const hint =
            error instanceof StepError && error.hint ? `\n  what to do: ${error.hint}` : "";
        progress.print(`end-to-end tests could not run: ${(error as Error).message}${hint}`);
        progress.print(`  log: ${progress.logFile}`);
        counts.push({ passed: 0, failed: 1 });
    }
    const times: Times = { phases, files };
    writeFileSync(path.join(LOGS, TIMES_FILE), JSON.stringify(times));
    progress.print(`\n${formatTimes(times)}\n`);
    const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
    progress.print(`took ${progress.elapsed()}`);
    progress.print(`${sum("passed")} passed, ${sum("failed")} failed`);
    return sum("failed") === 0 ? 0 : 1;
}

/** Runs one project of tests. */
async function vitest(project: string, env: NodeJS.ProcessEnv, progress: Progress): Promise<Count> {
    const file = path.join(LOGS, `${project}.json`);
    rmSync(file, { force: true });
    const status = await progress.attach(
        path.join(BIN, "vitest"),
        [
            "run",
            "--project",
            project,
            "--reporter=verbose",
            "--reporter=json",
            `--reporter=${path.join(ROOT, "test", "support", "timesReporter.ts")}`,
            `--outputFile.json=${file}`,
        ],
        env,
    );
    return countTests(status, existsSync(file) ? readFileSync(file, "utf8") : undefined);
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

/**
 * What a report amounts to. A skipped test is a failed one, and so is a run that failed without a
 * failed test: an error outside all tests, no test at all, or no report.
 */
export function countTests(status: number, report: string | undefined): Count {
    if (report === undefined) {
        return { passed: 0, failed: 1 };
    }
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
        report,
    ) as Report;
    const failed = numFailedTests + numPendingTests + numTodoTests;
    const broken = failed === 0 && (status !== 0 || numPassedTests === 0);
    return { passed: numPassedTests, failed: broken ? 1 : failed };
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
