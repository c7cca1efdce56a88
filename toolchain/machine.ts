/** What the machine must have before anything is tried. */
import { statfsSync } from "node:fs";
import { createServer } from "node:net";
import * as os from "node:os";
import { StepError } from "./progress";

const GIB = 2 ** 30;

/** Bytes that a finished `make up` takes when everything is built here, caches and Docker included. */
const DISK_FOR_BUILDS = 20 * GIB;

/** Bytes for the images and a first workspace. */
const DISK_FOR_IMAGES = 6 * GIB;

/** Memory of the gateway and of one OpenClaw. */
const MEMORY = 3 * GIB;

/**
 * Checks disk and memory.
 *
 * @param folders folders that will grow
 * @param building whether programs are built here
 * @returns what the machine is, for people
 * @throws StepError when there is too little
 */
export function checkMachine(folders: readonly string[], building: boolean): string {
    const needed = building ? DISK_FOR_BUILDS : DISK_FOR_IMAGES;
    for (const folder of folders) {
        const { bavail, bsize } = statfsSync(folder);
        if (bavail * bsize < needed) {
            throw new StepError(
                `the disk of ${folder} has ${gib(bavail * bsize)} free; ${gib(needed)} are needed`,
                "make room, for example with `docker system prune`, then run this again",
            );
        }
    }
    if (os.totalmem() < MEMORY) {
        throw new StepError(
            `the machine has ${gib(os.totalmem())} of memory; ${gib(MEMORY)} are needed`,
            "run it on a larger machine",
        );
    }
    return `${os.type()} ${os.release()}, ${os.availableParallelism()} cores, ${gib(os.totalmem())}`;
}

/** The first of the ports that something listens on. @returns undefined when all are free */
export async function findBusyPort(
    address: string,
    ports: readonly number[],
): Promise<number | undefined> {
    for (const port of ports) {
        if (!(await isFree(address, port))) {
            return port;
        }
    }
    return undefined;
}

function isFree(address: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const server = createServer();
        server.once("error", (error: NodeJS.ErrnoException) =>
            // An address this machine does not have is Docker's to complain about.
            resolve(error.code !== "EADDRINUSE"),
        );
        server.listen(port, address, () => server.close(() => resolve(true)));
    });
}

function gib(bytes: number): string {
    return `${(bytes / GIB).toFixed(1)} GiB`;
}
