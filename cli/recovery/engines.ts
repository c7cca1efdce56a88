/**
 * Engines that run, as far as they can be seen from here: by the process that a lock of theirs names. A
 * container, and whatever else has processes of its own, counts them by itself, and may have the name
 * of its host.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import * as os from "node:os";
import { output } from "../../steps/command";

/** Of one that is hidden it cannot be told whether it runs. */
export type Sight = "runs" | "gone" | "hidden";

/** What a lock says of its engine. */
export interface Sought {
    /** As its own container counts. */
    readonly pid: number;
    /** Since when it has the lock. */
    readonly timestamp: string;
}

/** What Linux calls the namespace of processes from which all others are seen. */
const ALL_PROCESSES = "pid:[4026531836]";

/** Seconds by which two clocks may differ that tell when this machine was started. */
const CLOCKS_DIFFER = 60;

/** Looks for an engine, here and in every container whose processes are seen from here. */
export async function findEngine({ pid, timestamp }: Sought): Promise<Sight> {
    if ((await hasEngine(pid)) || isInside(pid)) {
        return "runs";
    }
    const seesAll =
        (read(() => readlinkSync("/proc/self/ns/pid")) ?? ALL_PROCESSES) === ALL_PROCESSES;
    const wasBeforeStart =
        Date.parse(timestamp) / 1000 < Date.now() / 1000 - os.uptime() - CLOCKS_DIFFER;
    return seesAll || wasBeforeStart || pid <= lastPid() ? "gone" : "hidden";
}

/**
 * Whether a process runs that may be an engine: a number is given to other programs once it is free.
 * What has ended and is waited for by nobody still has its number, and does nothing.
 */
export async function hasEngine(pid: number): Promise<boolean> {
    try {
        process.kill(pid, 0);
    } catch (error) {
        // Another user's process is one that runs.
        if ((error as NodeJS.ErrnoException).code === "ESRCH") {
            return false;
        }
    }
    const { state, command } = await describeProcess(pid);
    return !state.startsWith("Z") && (command === "" || isEngine(command));
}

const isEngine = (command: string) => /pulumi/i.test(command);

/** Whether an engine runs that has this number in some container. */
function isInside(pid: number): boolean {
    return (read(() => readdirSync("/proc")) ?? [])
        .filter((name) => /^\d+$/.test(name))
        .map((name) => read(() => readFileSync(`/proc/${name}/status`, "utf8")) ?? "")
        .some((status) => {
            const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
            // The number that each namespace has for it, from that of /proc on inwards.
            const numbers = field("NSpid")?.split(/\s+/) ?? [];
            return (
                numbers.includes(String(pid)) &&
                isEngine(field("Name") ?? "") &&
                !field("State")?.startsWith("Z")
            );
        });
}

/** The number that was given last in this container: none of its processes has had a higher one. */
function lastPid(): number {
    const load = read(() => readFileSync("/proc/loadavg", "utf8")) ?? "";
    return Number(load.trim().split(" ").at(-1) ?? 0);
}

/** State letter and name of a process; empty where they cannot be found out. */
interface Process {
    readonly state: string;
    readonly command: string;
}

async function describeProcess(pid: number): Promise<Process> {
    const stat = read(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (stat === undefined) {
        return askPs(pid);
    }
    const [, command = "", state = ""] = /\((.*)\) (\S)/s.exec(stat) ?? [];
    return { state, command };
}

async function askPs(pid: number): Promise<Process> {
    const ps = ["ps", "-o", "stat=,comm=", "-p", String(pid)];
    const line = await output(ps).catch(() => "");
    const [, state = "", command = ""] = /^\s*(\S+)\s+(.*)/.exec(line) ?? [];
    return { state, command };
}

/** @returns undefined where it cannot be read: a process may end at any time, and not every system has /proc */
function read<T>(work: () => T): T | undefined {
    try {
        return work();
    } catch {
        return undefined;
    }
}
