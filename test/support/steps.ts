/** Writes down how long the steps of a test take; times.ts in test/run sums them up. */
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync, mkdirSync } from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";
import { STEPS_FILE, type Step, type StepLine } from "../run/times";
import { until as untilHolds } from "../../steps/wait";

const ROOT = path.join(__dirname, "..", "..");
const LOGS = path.join(ROOT, ".local", "log");

/** Set while a step runs: what a wait does to look is part of the wait. */
const within = new AsyncLocalStorage<true>();

/** Runs one step of the test that is running. */
export async function timed<T>(step: Step, work: () => Promise<T>): Promise<T> {
    if (within.getStore()) {
        return work();
    }
    const began = performance.now();
    try {
        return await within.run(true, work);
    } finally {
        const { testPath } = expect.getState();
        const line: StepLine = {
            file: path.relative(ROOT, testPath ?? ROOT),
            step,
            seconds: (performance.now() - began) / 1000,
        };
        mkdirSync(LOGS, { recursive: true });
        // One short line at once: several processes may write.
        appendFileSync(path.join(LOGS, STEPS_FILE), `${JSON.stringify(line)}\n`);
    }
}

/** Waits for a condition, see steps/wait.ts. */
export function until(...args: Parameters<typeof untilHolds>): Promise<void> {
    return timed("wait", () => untilHolds(...args));
}
