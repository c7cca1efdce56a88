/** What the machine must have before anything is tried. */
import { existsSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import * as os from "node:os";
import { StepError } from "./progress";

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

/**
 * Checks that images can be built here. Nothing else needs this kind of machine.
 *
 * @param what the image, for people
 */
export function checkImageBuild(what: string, machine: ImageBuilder = THIS_MACHINE): void {
    const missing = [
        machine.platform === "linux" && machine.hasApt ? [] : ["Debian"],
        machine.arch === "x64" ? [] : ["x86-64"],
        machine.root ? [] : ["root"],
    ].flat();
    if (missing.length > 0) {
        throw new StepError(
            `the ${what} has to be built here, because no registry was reached, and that needs ${missing.join(" and ")}`,
            "run this where the registry is reached (`docker pull` works), or have the image there already, or build on Debian (x86-64) as root",
        );
    }
}

/** What building an image asks of a machine. */
export interface ImageBuilder {
    /** As `process.platform`. */
    readonly platform: string;
    /** As `process.arch`. */
    readonly arch: string;
    readonly hasApt: boolean;
    readonly root: boolean;
}

const THIS_MACHINE: ImageBuilder = {
    platform: process.platform,
    arch: process.arch,
    hasApt: existsSync("/usr/bin/apt-get"),
    root: process.getuid?.() === 0,
};

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
