/**
 * What tests of this checkout have in Docker, noted on disk: a run that is interrupted or killed does
 * not get to its own clean-up, and then the test command, or its next run, does it by this.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";

const NOTES = path.join(__dirname, "..", "..", ".local", "test-stacks");

interface Note {
    readonly folder: string;
    /** Process of the test. */
    readonly pid: number;
}

/** Notes a gateway before anything of it is made. @param folder its project's */
export function note(container: string, folder: string, pid = process.pid): void {
    mkdirSync(NOTES, { recursive: true });
    const text: Note = { folder, pid };
    writeFileSync(path.join(NOTES, container), JSON.stringify(text));
}

/** Removes a gateway from Docker, its project, and the note of it, whatever state it is in. */
export async function removeAll(container: string, folder: string): Promise<void> {
    await docker("rm", "--force", "--volumes", container);
    await docker("network", "rm", container);
    await docker("volume", "rm", "--force", container);
    rmSync(folder, { recursive: true, force: true });
    rmSync(path.join(NOTES, container), { force: true });
}

/** Removes what tests of this checkout have left that run no more. @returns names of what was */
export async function removeLeftOvers(): Promise<string[]> {
    mkdirSync(NOTES, { recursive: true });
    const removed: string[] = [];
    for (const name of readdirSync(NOTES)) {
        const text = readFileSync(path.join(NOTES, name), "utf8");
        const { folder, pid } = JSON.parse(text) as Note;
        if (!runs(pid)) {
            await removeAll(name, folder);
            removed.push(name);
        }
    }
    return removed;
}

function runs(pid: number): boolean {
    try {
        return process.kill(pid, 0);
    } catch {
        return false;
    }
}

/** What is not there need not be removed. */
function docker(...args: string[]): Promise<unknown> {
    return promisify(execFile)("docker", args).catch(() => undefined);
}
