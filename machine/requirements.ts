/** What the machine must have before anything is tried. */
import { statfsSync } from "node:fs";
import * as os from "node:os";
import { StepError } from "../steps/errors";

const GIB = 2 ** 30;

/** What a machine is for: to build programs, to hold the gateway, or to run pulumi alone. */
export type Purpose = "builds" | "containers" | "pulumi";

/** Bytes that must be there. */
const NEEDS: Readonly<Record<Purpose, { readonly disk: number; readonly memory: number }>> = {
    /** What a finished `make up` takes when everything is built here, caches and Docker included. */
    builds: { disk: 20 * GIB, memory: 3 * GIB },
    /** Images and a first workspace; the gateway and one OpenClaw. */
    containers: { disk: 6 * GIB, memory: 3 * GIB },
    /** Plugins and state; the engine, its language host and the program. */
    pulumi: { disk: GIB, memory: GIB },
};

/**
 * Checks disk and memory.
 *
 * @param folders folders that will grow
 * @returns what the machine is, for people
 * @throws StepError when there is too little
 */
export function checkMachine(folders: readonly string[], purpose: Purpose): string {
    const needs = NEEDS[purpose];
    for (const folder of folders) {
        const { bavail, bsize } = statfsSync(folder);
        if (bavail * bsize < needs.disk) {
            throw new StepError(
                `the disk of ${folder} has ${gib(bavail * bsize)} free; ${gib(needs.disk)} are needed`,
                // Nothing that removes what no container uses: that is all of a stopped gateway.
                "make room (of Docker's things, `docker builder prune` removes build caches alone), then run this again",
            );
        }
    }
    if (os.totalmem() < needs.memory) {
        throw new StepError(
            `the machine has ${gib(os.totalmem())} of memory; ${gib(needs.memory)} are needed`,
            "run it on a larger machine",
        );
    }
    return `${os.type()} ${os.release()}, ${os.availableParallelism()} cores, ${gib(os.totalmem())}`;
}

function gib(bytes: number): string {
    return `${(bytes / GIB).toFixed(1)} GiB`;
}
