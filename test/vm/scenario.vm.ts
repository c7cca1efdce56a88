/**
 * The program in the virtual machine. The checks build on one another and run in the order in which
 * they stand here: each leaves the machine as the next needs it.
 */
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, it } from "vitest";
import { Progress } from "../../steps/progress";
import { Connection } from "../../toolchain/vm/ssh";
import { notRun, runCheck, type Check, type Row } from "./check";
import { take } from "./given";
import * as isolation from "./isolation";
import * as lifecycle from "./lifecycle";
import { World } from "./world";

const CHECKS: readonly Check<World>[] = [
    ...isolation.machine,
    ...lifecycle.first,
    ...isolation.limits,
    ...isolation.network,
    ...lifecycle.unchanged,
    ...lifecycle.stopAndStart,
    ...isolation.daemonOptions,
    ...lifecycle.startAgain,
    // Last, because it takes longest.
    ...isolation.neighbours,
];

const given = take();
const folder = path.dirname(given.results);
const progress = new Progress(path.join(folder, "checks.log"));
const rows: Row[] = [];
let world: World;

/** After each check: a run that is ended has results all the same, with what it has not reached. */
function write(): void {
    const rest = CHECKS.slice(rows.length).map((check) =>
        notRun(check, "the run has ended before"),
    );
    writeFileSync(given.results, `${JSON.stringify([...rows, ...rest], undefined, 4)}\n`);
}

beforeAll(async () => {
    write();
    const connection = new Connection(given.folder, given.key, given.port);
    world = await World.enter(connection, given.folder, given.archive);
});

afterAll(async () => {
    await world?.leave(folder);
});

it.each(CHECKS.map((check) => [check.title, check] as const))("%s", async (_, check) => {
    const row = await runCheck(check, world, rows, progress);
    rows.push(row);
    write();
    if (row.result !== "ok") {
        throw new Error(row.seen);
    }
});
