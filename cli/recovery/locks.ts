/**
 * Locks of Pulumi's file backend. The engine leaves its lock behind when it is killed, and refuses every
 * later run for it: one of a process that is gone is taken away, any other is respected.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { ownName } from "../stack/stackFile";
import { PROJECT } from "../../settings/stackConfig";
import { findEngine, type Sight, type Sought } from "./engines";

/** The one organisation that a file backend has. */
const ORGANIZATION = "organization";

/** How often, and after how many milliseconds, a lock is read again that says nothing. */
const READS = 10;
const READ_INTERVAL = 100;

/** What the engine writes into a lock. */
interface Lock {
    readonly pid: number;
    readonly username: string;
    readonly hostname: string;
    readonly timestamp: string;
}

/** What is asked of a machine. */
export interface Machine {
    readonly hostname: string;
    /** Looks for the engine that has made a lock. */
    readonly findEngine: (sought: Sought) => Promise<Sight> | Sight;
}

/** Where a stack's locks are: by project, and as backends of before 2023 have them. */
export function lockFolders(backend: string, stack: string): string[] {
    const project = projectOf(stack);
    const locks = path.join(backend, ".pulumi", "locks");
    return [
        path.join(locks, ORGANIZATION, project, ownName(stack)),
        path.join(locks, ownName(stack)),
    ];
}

/** Project of a stack's full name; of a short one, this program's. */
function projectOf(stack: string): string {
    const parts = stack.split("/");
    return parts.length === 3 ? (parts[1] ?? PROJECT) : PROJECT;
}

/**
 * Takes away the locks of engines that are gone, with a line for each.
 *
 * @param folders those of `lockFolders`
 * @throws StepError saying who holds one, where that runs or cannot be told from here
 */
export async function clearLocks(
    folders: readonly string[],
    stack: string,
    progress: Pick<Progress, "print">,
    machine: Machine = THIS_MACHINE,
): Promise<void> {
    for (const file of folders.flatMap(lockFiles)) {
        const text = await read(file);
        if (text === undefined) {
            continue;
        }
        // By its own name and no other: a lock that is made meanwhile is another file.
        const reason = await whyGone(text, stack, file, machine);
        rmSync(file, { force: true });
        rmSync(`${file}.attrs`, { force: true });
        progress.print(`  a lock of stack ${stack} was left behind and is taken away: ${reason}`);
    }
}

/**
 * Takes away what the engine was killed in writing beside the state: attributes that are cut short. It
 * needs none, and with such it reads no state at all (`failed to load checkpoint: EOF`).
 *
 * @param backend its folder
 */
export function mendAttributes(
    backend: string,
    stack: string,
    progress: Pick<Progress, "print">,
): void {
    const folder = path.join(backend, ".pulumi", "stacks");
    for (const state of [
        path.join(folder, projectOf(stack), ownName(stack)),
        path.join(folder, ownName(stack)),
    ]) {
        for (const ending of [".json", ".json.gz", ".json.bak", ".json.gz.bak"]) {
            const file = `${state}${ending}.attrs`;
            if (existsSync(file) && !isJson(readFileSync(file, "utf8"))) {
                rmSync(file, { force: true });
                progress.print(
                    `  a run was killed while it saved the state; ${path.basename(file)}, cut short, is taken away: nothing needs it`,
                );
            }
        }
    }
}

function isJson(text: string): boolean {
    try {
        JSON.parse(text);
        return true;
    } catch {
        return false;
    }
}

/** Everything that the engine takes for a lock; what it was killed in writing has another ending. */
function lockFiles(folder: string): string[] {
    try {
        return readdirSync(folder, { withFileTypes: true })
            .filter((entry) => entry.isFile() && !entry.name.endsWith(".attrs"))
            .map(({ name }) => path.join(folder, name));
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return [];
        }
        throw error;
    }
}

/** A lock's text; one that says nothing may be being written. @returns undefined when it has gone */
async function read(file: string): Promise<string | undefined> {
    let text = "";
    for (let i = 0; i < READS && text === ""; i++) {
        await (i > 0 ? sleep(READ_INTERVAL) : undefined);
        try {
            // What a power cut leaves of a file is nothing, or zeros.
            text = readFileSync(file, "utf8").replaceAll("\0", "").trim();
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "ENOENT") {
                return undefined;
            }
            throw error;
        }
    }
    return text;
}

/**
 * Why nobody holds a lock.
 *
 * @param text what is in it
 * @throws StepError when somebody does, or may
 */
export async function whyGone(
    text: string,
    stack: string,
    file: string,
    machine: Machine,
): Promise<string> {
    if (text === "") {
        return `the file is empty, as a power cut leaves it (${path.basename(file)})`;
    }
    const lock = parseLock(text);
    const remove = `take the lock away: \`eval "$(make env)"; pulumi cancel --yes ${stack}\``;
    if (!lock) {
        throw new StepError(
            `stack ${stack} is locked, and by whom cannot be read: ${file}: got ${JSON.stringify(text.slice(0, 80))}, expected JSON with pid, username, hostname and timestamp`,
            `see that no pulumi works on this stack, here or elsewhere; then ${remove}`,
        );
    }
    const { pid, username, hostname, timestamp } = lock;
    const since = `since ${timestamp}`;
    if (hostname !== machine.hostname) {
        throw new StepError(
            `stack ${stack} is locked by ${username}@${hostname}, process ${pid}, ${since}; whether that still runs cannot be seen from ${machine.hostname}`,
            `let it end; once it is known to have ended (on ${hostname}: \`ps -p ${pid}\`; or this machine was called so before), ${remove}`,
        );
    }
    const sight = await machine.findEngine(lock);
    if (sight === "hidden") {
        throw new StepError(
            `stack ${stack} is locked by ${username}@${hostname}, process ${pid}, ${since}; this is a container, or has processes of its own otherwise, and that one may run outside, where it cannot be seen from here`,
            `let it end; once it is known to have ended (where it was begun: \`ps -p ${pid}\`), ${remove}`,
        );
    }
    if (sight === "runs") {
        throw new StepError(
            `stack ${stack} is being changed by another pulumi on this machine: process ${pid} of ${username}, ${since}`,
            `wait for it to end, or end it (\`kill -INT ${pid}\`); then run this again`,
        );
    }
    return `pulumi process ${pid} of ${username}, ${since}, runs no more`;
}

function parseLock(text: string): Lock | undefined {
    try {
        const lock = JSON.parse(text) as Partial<Lock> | null;
        const complete =
            Number.isInteger(lock?.pid) &&
            // Other numbers stand for groups of processes.
            Number(lock?.pid) > 0 &&
            [lock?.username, lock?.hostname, lock?.timestamp].every(
                (value) => typeof value === "string",
            );
        return complete ? (lock as Lock) : undefined;
    } catch {
        return undefined;
    }
}

const THIS_MACHINE: Machine = { hostname: os.hostname(), findEngine };
