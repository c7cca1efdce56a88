/**
 * What tests of this checkout have in Docker, noted on disk: a run that is interrupted or killed does
 * not get to its own clean-up, and then the test command, or its next run, does it by this.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { gatewayOf, keeperName } from "../../model/names";
import { writeOnce } from "../../steps/writeOnce";

const NOTES = path.join(__dirname, "..", "..", ".local", "test-stacks");

interface Note {
    readonly folder: string;
    /** Process of the test. */
    readonly pid: number;
}

/** Notes a gateway before anything of it is made. @param folder its project's */
export function note(container: string, folder: string, pid = process.pid, notes = NOTES): void {
    mkdirSync(notes, { recursive: true });
    const text: Note = { folder, pid };
    writeOnce(path.join(notes, container), JSON.stringify(text));
}

/**
 * Removes a gateway from Docker, and its project, whatever state it is in; and the note of it, once
 * Docker has nothing of it any more.
 */
export async function removeAll(container: string, folder: string, notes = NOTES): Promise<void> {
    const gone = [
        await docker("rm", "--force", "--volumes", container),
        await docker("rm", "--force", "--volumes", keeperName(gatewayOf(container))),
        await docker("network", "rm", container),
        await docker("volume", "rm", "--force", container),
    ];
    rmSync(folder, { recursive: true, force: true });
    if (gone.every(Boolean)) {
        rmSync(path.join(notes, container), { force: true });
    }
}

/** Removes what tests of this checkout have left that run no more. @returns names of what was */
export async function removeLeftOvers(notes = NOTES): Promise<string[]> {
    mkdirSync(notes, { recursive: true });
    const removed: string[] = [];
    for (const name of readdirSync(notes)) {
        const text = readFileSync(path.join(notes, name), "utf8");
        const { folder, pid } = JSON.parse(text) as Note;
        if (!runs(pid)) {
            await removeAll(name, folder, notes);
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

/** Whether it is gone. What is not there need not be removed. */
async function docker(...args: string[]): Promise<boolean> {
    try {
        await promisify(execFile)("docker", args);
        return true;
    } catch (error) {
        const { stderr } = error as { stderr?: string };
        return /no such|not found/i.test(stderr ?? "");
    }
}
