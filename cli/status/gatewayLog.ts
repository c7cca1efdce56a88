/** What the gateway's container says of itself, for a `pulumi up` that failed because of it. */
import { dockerName } from "../../model/names";
import { StepError } from "../../steps/errors";
import { dockerCommand } from "./target";
import { asCommand, plainLines } from "../../steps/text";
import type { Session } from "../session";

/** Lines of the log that are looked at, and those that are shown at most. */
const LOG_TAIL = 200;
const SHOWN_MAX = 10;

/** Lines shown of a log in which the entrypoint says nothing, or nothing but that k3s has ended. */
const SHOWN_OF_K3S = 5;

/** Seconds Docker may take to answer. */
const TIMEOUT = 30;

/** The part of a container's state in Docker that is read. */
export interface ContainerState {
    readonly Running: boolean;
    readonly Restarting: boolean;
    readonly ExitCode: number;
    readonly Health?: { readonly Status: string };
}

/** Prints why the gateway is not healthy; nothing when it is, or when there is none to ask. */
export async function explainGateway({
    place: { gateway, existingCluster },
    progress,
}: Pick<Session, "place" | "progress">): Promise<void> {
    if (existingCluster) {
        return;
    }
    const container = dockerName(gateway.name);
    const docker = dockerCommand(gateway.dockerHost);
    const run = ([program = "", ...args]: readonly string[]) =>
        progress.run(program, args, { timeout: TIMEOUT });
    try {
        const inspect = ["inspect", "--type", "container", "--format", "{{json .State}}"];
        const state = await run([...docker, ...inspect, container]);
        const trouble = troubleOf(JSON.parse(state) as ContainerState);
        if (trouble === undefined) {
            return;
        }
        const logs = [...docker, "logs", "--tail", String(LOG_TAIL), container];
        // Both streams as one: apart, they would lose their order.
        const log = await run(["sh", "-c", 'exec "$@" 2>&1', "sh", ...logs]);
        const whole = asCommand([...docker, "logs", container]);
        progress.print("");
        progress.print(`the gateway's container ${container} ${trouble}; from its log (${whole}):`);
        for (const line of tellingLines(log)) {
            progress.print(`  ${line}`);
        }
    } catch (error) {
        // Without a container or a daemon there is nothing to add to what pulumi has said.
        if (!(error instanceof StepError)) {
            throw error;
        }
    }
}

/** What is wrong with a container. @returns undefined when it is healthy */
export function troubleOf({
    Running,
    Restarting,
    ExitCode,
    Health,
}: ContainerState): string | undefined {
    if (Restarting) {
        return `ended with status ${ExitCode} and is started again and again`;
    }
    if (!Running) {
        return `has ended with status ${ExitCode}`;
    }
    return Health?.Status === "healthy"
        ? undefined
        : `runs and is not healthy (${Health?.Status ?? "it has no health check"})`;
}

/**
 * The lines that tell why: what the entrypoint says, each line once, because a container that is
 * started again and again says the same each time. Where it says no more than that k3s has ended, or
 * nothing, the last lines of k3s.
 */
export function tellingLines(log: string): string[] {
    const lines = plainLines(log);
    const own = lines.filter((_, i) => isEntrypoint(lines, i));
    const last = own.at(-1);
    if (last === undefined || last.startsWith("entrypoint: k3s ended")) {
        const end = last === undefined ? lines.length : lines.lastIndexOf(last);
        const before = lines.slice(0, end).filter((line) => !own.includes(line));
        return [...before.slice(-SHOWN_OF_K3S), ...(last === undefined ? [] : [last])];
    }
    return [...new Set(own)].slice(-SHOWN_MAX);
}

/** A line of the entrypoint, or an indented one that goes on from it: a command to type. */
function isEntrypoint(lines: readonly string[], i: number): boolean {
    const line = lines[i] ?? "";
    if (line.startsWith("entrypoint:")) {
        return true;
    }
    return i > 0 && line.startsWith("  ") && isEntrypoint(lines, i - 1);
}
