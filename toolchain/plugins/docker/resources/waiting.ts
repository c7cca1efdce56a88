/** Waiting for a container: to run, to be healthy, to have ended. */

import type Docker from "dockerode";
import { PluginError, sleep } from "../../host/plugin";
import type { CallContext } from "../../host/plugin";
import type { Daemon } from "../daemon";

const POLL_MS = 500;
const LOG_LINES = 20;

export async function inspect(daemon: Daemon, id: string): Promise<Docker.ContainerInspectInfo> {
    return daemon.call("Unable to inspect container", (docker) =>
        docker.getContainer(id).inspect(),
    );
}

/** Polls until Docker calls the container healthy; a later answer would be too late to matter. */
export async function untilHealthy(
    daemon: Daemon,
    context: CallContext,
    id: string,
    timeoutSeconds: number,
): Promise<void> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (;;) {
        const { State: state, HostConfig: host, Name: name } = await inspect(daemon, id);
        if (state.Health?.Status === "healthy") {
            return;
        }
        const restarts = host.RestartPolicy?.Name ?? "no";
        // Nothing will start it again, so there is nothing to wait for.
        const over = state.Status === "exited" && (restarts === "no" || restarts === "");
        if (over || Date.now() >= deadline) {
            context.log("error", await diagnosis(daemon, id, name, timeoutSeconds));
            throw new PluginError("container failed to be in healthy state");
        }
        await sleep(
            POLL_MS,
            context.signal,
            `waiting for container ${name.slice(1)} to be healthy (status ${state.Health?.Status ?? state.Status})`,
        );
    }
}

/** The real plugin's message says only that it failed; this says why, next to it. */
async function diagnosis(
    daemon: Daemon,
    id: string,
    name: string,
    timeoutSeconds: number,
): Promise<string> {
    const { State: state } = await inspect(daemon, id);
    const checks = state.Health?.Log ?? [];
    const last = checks[checks.length - 1];
    const probe = last
        ? `last health check: exit ${last.ExitCode}, ${last.Output.trim() || "no output"}`
        : state.Health
          ? "no health check has finished yet"
          : 'it has no health check, which "wait" needs';
    const logs = await logTail(daemon, id);
    return (
        `container ${name.slice(1)} is ${state.Status}, exit code ${state.ExitCode}, not healthy ` +
        `within ${timeoutSeconds} s; ${probe}\nlast lines of its log:\n${logs}\n` +
        "It was left as it is: look into it, then run up again with " +
        '"--target-replace" of this resource, or remove it'
    );
}

/**
 * Without `wait`: the container is up, and still is a moment later, so that one which ends at once
 * is an error every time and not only when it was quick enough.
 */
export async function untilRunning(
    daemon: Daemon,
    context: CallContext,
    id: string,
    timeoutMs: number,
): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    let wasRunning = false;
    for (;;) {
        const { State: state, Name: name } = await inspect(daemon, id);
        const isRunning = state.Running && !state.Restarting;
        if (isRunning && wasRunning) {
            return;
        }
        wasRunning = isRunning;
        if (state.Status === "exited" || state.Status === "dead" || Date.now() >= deadline) {
            context.log("error", `last lines of its log:\n${await logTail(daemon, id)}`);
            throw new PluginError(
                `container ${name.slice(1)} exited after creation with code ${state.ExitCode}` +
                    (state.Error ? `, error was: ${state.Error}` : ""),
            );
        }
        await sleep(POLL_MS, context.signal, `waiting for container ${name.slice(1)} to run`);
    }
}

/** With `attach`: until the container has ended. */
export async function untilEnded(daemon: Daemon, context: CallContext, id: string): Promise<void> {
    while ((await inspect(daemon, id)).State.Running) {
        await sleep(POLL_MS, context.signal, `waiting for container ${id} to end`);
    }
}

async function logTail(daemon: Daemon, id: string, lines = LOG_LINES): Promise<string> {
    try {
        return await logsOf(daemon, id, lines);
    } catch (error) {
        return `(cannot be read: ${(error as Error).message})`;
    }
}

/** The container's output; without a terminal the daemon frames it into stdout and stderr. */
export async function logsOf(daemon: Daemon, id: string, lines?: number): Promise<string> {
    return daemon.call("Unable to read container logs", async (docker) => {
        const container = docker.getContainer(id);
        const { Config: config } = await container.inspect();
        const options = { stdout: true, stderr: true, follow: false } as const;
        const raw = await container.logs(
            lines === undefined ? options : { ...options, tail: lines },
        );
        return config.Tty ? raw.toString("utf8") : unframed(raw);
    });
}

export function unframed(raw: Buffer): string {
    const parts: Buffer[] = [];
    for (let at = 0; at + 8 <= raw.length;) {
        const size = raw.readUInt32BE(at + 4);
        parts.push(raw.subarray(at + 8, at + 8 + size));
        at += 8 + size;
    }
    return Buffer.concat(parts).toString("utf8");
}
