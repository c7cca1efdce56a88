/** Pure: what a sandbox's pod says about its application. */

/** The part of a Kubernetes Pod that is read. */
export interface Pod {
    readonly status: {
        readonly phase?: string;
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
        readonly initContainerStatuses?: readonly ContainerStatus[];
        readonly containerStatuses?: readonly ContainerStatus[];
    };
}

interface ContainerStatus {
    readonly name: string;
    readonly restartCount: number;
    readonly ready: boolean;
    readonly state?: ContainerState;
    readonly lastState?: ContainerState;
}

interface ContainerState {
    readonly running?: { readonly startedAt: string };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: {
        readonly exitCode: number;
        readonly reason?: string;
        readonly finishedAt: string;
    };
}

/** State of an application, as a person wants to know it. */
export interface ApplicationState {
    readonly state: "running" | "recovered" | "not running";
    /** When and why, if there is something to say. */
    readonly detail?: string;
    /** What to do, when it does not run. */
    readonly next?: string;
}

/** Names of signals that end containers. */
const SIGNALS: Readonly<Record<number, string>> = { 130: "INT", 137: "KILL", 143: "TERM" };

/**
 * Running, recovered (it ended and was started again by itself), or not running.
 *
 * @param pod undefined when Kubernetes has none
 */
export function applicationState(pod: Pod | undefined, sandbox: string): ApplicationState {
    if (pod === undefined) {
        return { state: "not running", detail: "there is no pod", next: "pulumi up" };
    }
    const logs = `kubectl -n sandboxes logs ${sandbox}-0 --previous`;
    const seeding = pod.status.initContainerStatuses?.find(({ state }) => !state?.terminated);
    if (seeding?.state?.waiting?.reason === "CrashLoopBackOff") {
        const next = `kubectl -n sandboxes logs ${sandbox}-0 -c ${seeding.name}`;
        return { state: "not running", detail: "the workspace could not be seeded", next };
    }
    const agent = pod.status.containerStatuses?.find(({ name }) => name === "agent");
    const ended = agent?.lastState?.terminated;
    if (!agent?.state?.running) {
        const waiting = agent?.state?.waiting;
        const why = [waiting?.reason, ended && endOf(ended)].filter(Boolean).join(", ");
        return {
            state: "not running",
            detail: why || (pod.status.phase ?? "unknown"),
            next: ended ? logs : `kubectl -n sandboxes describe pod ${sandbox}-0`,
        };
    }
    if (!agent.ready) {
        return {
            state: "not running",
            detail: "started, not ready yet",
            next: "wait, or see its log",
        };
    }
    return agent.restartCount > 0 && ended
        ? { state: "recovered", detail: `${endOf(ended)}, restarted ${agent.restartCount} times` }
        : { state: "running" };
}

function endOf(ended: NonNullable<ContainerState["terminated"]>): string {
    const signal = SIGNALS[ended.exitCode];
    const how = signal ? `by signal ${signal}` : `with status ${ended.exitCode}`;
    const reason = ended.reason && ended.reason !== "Error" ? ` (${ended.reason})` : "";
    return `ended ${how}${reason} at ${ended.finishedAt}`;
}
