/** Pure: what a sandbox's pod says about its application, and which log says more. */
import type { types } from "@pulumi/kubernetes";
import { AGENT_CONTAINER, GATE_CONTAINER } from "../../model/constants";
import type { Seen } from "../../model/seen";
import { oneLine } from "../../steps/text";
import { podName } from "../../model/names";

/** A Pod, as Kubernetes gives it. */
export type Pod = Seen<types.output.core.v1.Pod>;

type ContainerStatus = Seen<types.output.core.v1.ContainerStatus>;

type Ended = Seen<types.output.core.v1.ContainerStateTerminated>;

/** A log that says why an application does not run. */
export interface LogSource {
    readonly container: string;
    /** Whether it is the log of the container before the present one. */
    readonly previous: boolean;
}

/** State of an application, as a person wants to know it. */
export interface ApplicationState {
    readonly state: "running" | "recovered" | "not running";
    /** When and why, if there is something to say. */
    readonly detail?: string;
    /** What to do, when it does not run. */
    readonly next?: string;
    /** @default no container has run that could have said anything */
    readonly log?: LogSource;
}

/** A command of kubectl in the sandboxes' namespace, as it is typed. */
export type Typed = (...args: string[]) => string;

/** Names of signals that end containers. */
const SIGNALS: Readonly<Record<number, string>> = { 130: "INT", 137: "KILL", 143: "TERM" };

/** Reasons of a container that the runtime could not start. */
const START_REASONS = ["StartError", "ContainerCannotRun", "RunContainerError"];

/** Reasons of an image that is not there, from the first attempt to the pauses between further ones. */
const IMAGE_REASONS = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];

/** How runtimes say that an image has no shell. */
const NO_SHELL = /\/bin\/sh\b.*no such file or directory/is;

/** What lacks a shell, and what to do about it. */
interface NoShell {
    readonly detail: string;
    readonly next: string;
}

const NO_SHELL_TO_SEED: NoShell = {
    detail: "the image has no shell (/bin/sh), which seeding the workspace needs",
    next: "add a shell and tar to the image, or give the sandbox volumeClaimTemplates, which are not seeded",
};

const NO_SHELL_TO_START: NoShell = {
    detail: "the image has no shell (/bin/sh), which starting the application's command needs",
    next: "add a shell to the image, or leave application.command out: the image's own is run without one",
};

/**
 * Running, recovered (it ended and was started again by itself), or not running.
 *
 * @param pod undefined when Kubernetes has none
 * @param typed makes commands that the user can type as they are
 * @param since when the node itself was started: right after that, Kubernetes still tells what was
 *   before. @default it has been up for longer than any pod
 */
export function applicationState(
    pod: Pod | undefined,
    sandbox: string,
    typed: Typed,
    since?: string,
): ApplicationState {
    if (pod === undefined) {
        return notRunning("there is no pod", typed("describe", "statefulset", sandbox));
    }
    const { conditions, initContainerStatuses, containerStatuses, phase } = pod.status ?? {};
    const name = podName(sandbox);
    const scheduled = conditions?.find(({ type }) => type === "PodScheduled");
    if (scheduled?.status === "False") {
        const objects = [`pod/${name}`, ...claimsOf(pod).map((claim) => `pvc/${claim}`)];
        const why = oneLine(scheduled.message ?? "no reason is given");
        return notRunning(`cannot be scheduled: ${why}`, typed("describe", ...objects));
    }
    const agent = containerStatuses?.find((status) => status.name === AGENT_CONTAINER);
    const started = agent?.state?.running;
    if (since !== undefined && started && Date.parse(started.startedAt ?? "") < Date.parse(since)) {
        const detail = `is being started again, with its gateway at ${since}`;
        return notRunning(detail, typed("get", "pod", name, "--watch"));
    }
    const first = initContainerStatuses?.find(({ state }) => state?.terminated?.exitCode !== 0);
    const [gate, seeding] = first?.name === GATE_CONTAINER ? [first] : [undefined, first];
    return (
        (gate && (blockedState(gate, name, typed) ?? gateState(gate, name, typed))) ??
        (seeding &&
            (blockedState(seeding, name, typed, NO_SHELL_TO_SEED) ??
                seedingState(seeding, name, typed))) ??
        (agent &&
            (blockedState(agent, name, typed, NO_SHELL_TO_START) ??
                agentState(agent, name, typed))) ??
        notRunning(explained(pod.status) ?? phase ?? "unknown", typed("describe", "pod", name))
    );
}

/**
 * The container that keeps the agent back until its network is closed.
 *
 * @returns undefined while it has not begun, which the rest of the pod explains
 */
function gateState(gate: ContainerStatus, pod: string, typed: Typed): ApplicationState | undefined {
    const ended = endingOf(gate);
    // An init container runs again after a restart of its node: a status 0 of before is no failure.
    if (ended && ended.exitCode !== 0) {
        const why = oneLine(ended.message ?? "") || `its gate ${endOf(ended)}`;
        return notRunning(why, typed("logs", pod, "-c", nameOf(gate)));
    }
    return gate.state?.running
        ? speaking("waits until its network policies hold", gate, pod, typed)
        : undefined;
}

/** @returns undefined while it has not begun, which the rest of the pod explains */
function seedingState(
    seeding: ContainerStatus,
    pod: string,
    typed: Typed,
): ApplicationState | undefined {
    const ended = endingOf(seeding);
    // An init container runs again after a restart of its node: a status 0 of before is no failure.
    const failed = ended && ended.exitCode !== 0 ? endOf(ended) : undefined;
    if (seeding.state?.running) {
        const again = failed && ` again, before that it ${failed}`;
        return speaking(`the workspace is being seeded${again ?? ""}`, seeding, pod, typed);
    }
    return failed === undefined
        ? undefined
        : speaking(`the workspace could not be seeded, ${failed}`, seeding, pod, typed);
}

/** @returns undefined while it has not begun, which the pod as a whole explains */
function agentState(
    agent: ContainerStatus,
    pod: string,
    typed: Typed,
): ApplicationState | undefined {
    const ended = endingOf(agent);
    const { restartCount = 0 } = agent;
    const { waiting, running } = agent.state ?? {};
    const restarts = `restarted ${restartCount} times`;
    if (running && agent.ready) {
        return restartCount > 0 && ended
            ? { state: "recovered", detail: `${endOf(ended)}, ${restarts}` }
            : { state: "running" };
    }
    if (ended) {
        const parts = [waiting?.reason, endOf(ended), running && `${restarts}, not ready again`];
        return speaking(parts.filter(Boolean).join(", "), agent, pod, typed);
    }
    if (running) {
        return speaking("started, not ready yet", agent, pod, typed);
    }
    const why = waiting && explained(waiting);
    return why === undefined ? undefined : notRunning(why, typed("describe", "pod", pod));
}

/** What keeps a container from running at all, so that it has no log. */
function blockedState(
    { state, lastState }: ContainerStatus,
    pod: string,
    typed: Typed,
    noShell?: NoShell,
): ApplicationState | undefined {
    const describe = typed("describe", "pod", pod);
    if (IMAGE_REASONS.includes(state?.waiting?.reason ?? "")) {
        return notRunning(`the image cannot be pulled: ${explained(state?.waiting)}`, describe);
    }
    const failed = [state?.terminated, state?.waiting, lastState?.terminated].find((found) =>
        START_REASONS.includes(found?.reason ?? ""),
    );
    if (failed === undefined || state?.running) {
        return undefined;
    }
    return noShell && NO_SHELL.test(failed.message ?? "")
        ? notRunning(noShell.detail, noShell.next)
        : notRunning(`it cannot be started: ${explained(failed)}`, describe);
}

function notRunning(detail: string, next: string): ApplicationState {
    return { state: "not running", detail, next };
}

/** Not running, and what it said is in the log of the container that ended, else of the present one. */
function speaking(
    detail: string,
    container: ContainerStatus,
    pod: string,
    typed: Typed,
): ApplicationState {
    const { terminated, running } = container.state ?? {};
    const previous = !terminated && container.lastState?.terminated !== undefined;
    const option = previous ? ["--previous"] : running ? ["--follow"] : [];
    return {
        ...notRunning(detail, typed("logs", pod, "-c", nameOf(container), ...option)),
        log: { container: nameOf(container), previous },
    };
}

function claimsOf({ spec }: Pod): string[] {
    return (spec?.volumes ?? [])
        .map(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName)
        .filter((name) => name !== undefined);
}

function nameOf({ name }: ContainerStatus): string {
    return name ?? "";
}

/** How a container ended last. @returns undefined when it never has */
function endingOf({ state, lastState }: ContainerStatus): Ended | undefined {
    return state?.terminated ?? lastState?.terminated;
}

function endOf(ended: Ended): string {
    const { exitCode = 0 } = ended;
    const signal = SIGNALS[exitCode];
    const how = signal ? `by signal ${signal}` : `with status ${exitCode}`;
    const reason = ended.reason && ended.reason !== "Error" ? ` (${ended.reason})` : "";
    return `ended ${how}${reason} at ${ended.finishedAt}`;
}

/** Kubernetes' reason and its message. @returns undefined when it gives neither */
function explained(given?: { reason?: string; message?: string }): string | undefined {
    return oneLine([given?.reason, given?.message].filter(Boolean).join(": ")) || undefined;
}
