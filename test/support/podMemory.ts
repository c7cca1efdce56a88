/** What the processes of a pod are, and whether they know something. Needs root on the pod's machine. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

/** Bytes that are looked at a time. */
const CHUNK = 4 * 2 ** 20;

/** Numbers of a pod's processes on this machine, the oldest first. @param uid of the pod */
export function processesOf(uid: string): number[] {
    const marks = [uid, uid.replaceAll("-", "_")];
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
            const groups = read(`/proc/${pid}/cgroup`);
            return marks.some((mark) => groups.includes(mark));
        })
        .map(Number)
        .sort((a, b) => startOf(a) - startOf(b));
}

/** When a process was started, in ticks of the kernel. */
function startOf(pid: number): number {
    // After the name in brackets, which may hold anything: the twentieth field.
    return Number(read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[19]);
}

/** Processes of a pod that hold a text anywhere: environment, arguments, memory. */
export function holders(uid: string, text: string): number[] {
    return processesOf(uid).filter(
        (pid) =>
            read(`/proc/${pid}/environ`).includes(text) ||
            read(`/proc/${pid}/cmdline`).includes(text) ||
            inMemory(pid, Buffer.from(text)),
    );
}

/** A process may end at any time. */
function read(file: string): string {
    try {
        return readFileSync(file, "latin1");
    } catch {
        return "";
    }
}

function inMemory(pid: number, text: Buffer): boolean {
    const ranges = [...read(`/proc/${pid}/maps`).matchAll(/^([0-9a-f]+)-([0-9a-f]+) r/gm)];
    let file: number;
    try {
        file = openSync(`/proc/${pid}/mem`, "r");
    } catch {
        return false;
    }
    try {
        return ranges.some(([, from = "", to = ""]) =>
            inRange(file, BigInt(`0x${from}`), BigInt(`0x${to}`), text),
        );
    } finally {
        closeSync(file);
    }
}

function inRange(file: number, from: bigint, to: bigint, text: Buffer): boolean {
    const chunk = Buffer.alloc(CHUNK);
    for (let at = from; at < to; at += BigInt(CHUNK - text.length)) {
        const wanted = Math.min(CHUNK, Number(to - at));
        let count: number;
        try {
            count = readSync(file, chunk, 0, wanted, at);
        } catch {
            // The kernel's own pages cannot be read.
            return false;
        }
        if (chunk.subarray(0, count).includes(text)) {
            return true;
        }
        if (count < wanted || wanted < CHUNK) {
            return false;
        }
    }
    return false;
}
