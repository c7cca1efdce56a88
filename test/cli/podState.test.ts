import { describe, expect, it } from "vitest";
import { applicationState, type Pod } from "../../cli/status/podState";

const AT = "2026-01-01T00:00:00Z";
const running = { running: { startedAt: AT } };
const ended = (exitCode: number, more: object = {}) => ({
    terminated: { exitCode, reason: "Error", finishedAt: AT, ...more },
});
const waiting = (reason: string, message?: string) => ({
    waiting: { reason, ...(message === undefined ? {} : { message }) },
});
const LOOP = waiting("CrashLoopBackOff", "back-off 40s restarting failed container=agent");

/** What containerd says of an image without a shell. */
const NO_SHELL =
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc " +
    "create failed: unable to start container process: error during container init: exec: " +
    '"/bin/sh": stat /bin/sh: no such file or directory: unknown';

const pod = (agent: object, init: object[] = []): Pod =>
    ({
        status: {
            phase: "Running",
            initContainerStatuses: init.map((status) => ({
                ...{ name: "workspace-init", restartCount: 0, ready: false },
                ...status,
            })),
            containerStatuses: [{ name: "agent", restartCount: 0, ready: true, ...agent }],
        },
    }) satisfies Pod;

/** A pod whose agent waits until its network is closed. */
const gated = (gate: object) =>
    pod({ ready: false, state: waiting("PodInitializing") }, [
        { name: "gate", ...gate },
        { state: waiting("PodInitializing") },
    ]);

/** A pod whose agent waits for its workspace. */
const seeding = (init: object) => pod({ ready: false, state: waiting("PodInitializing") }, [init]);

const unscheduled = (message: string): Pod => ({
    spec: {
        volumes: [{}, { persistentVolumeClaim: { claimName: "workspace-a-0" } }],
    },
    status: {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", message }],
    },
});

const LOGS = "kubectl logs a-0 -c agent";
const SEED_LOGS = "kubectl logs a-0 -c workspace-init";
const DESCRIBE = "kubectl describe pod a-0";
const log = (container: string, previous: boolean) => ({ log: { container, previous } });

const typed = (...args: string[]) => `kubectl ${args.join(" ")}`;

type Case = [string, Pod | undefined, object];

describe("an application", () => {
    it.each<Case>([
        ["runs", pod({ state: running }), { state: "running" }],
        [
            "was killed and came back",
            pod({ state: running, restartCount: 2, lastState: ended(137) }),
            { state: "recovered", detail: `ended by signal KILL at ${AT}, restarted 2 times` },
        ],
        [
            "ran out of memory and came back",
            pod({
                state: running,
                restartCount: 1,
                lastState: ended(137, { reason: "OOMKilled" }),
            }),
            {
                state: "recovered",
                detail: `ended by signal KILL (OOMKilled) at ${AT}, restarted 1 times`,
            },
        ],
        [
            "runs in a workspace that a restart of the node had looked at once more",
            pod({ state: running }, [{ state: ended(0), lastState: ended(255) }]),
            { state: "running" },
        ],
    ])("that %s", (_, given, expected) => {
        expect(applicationState(given, "a", typed)).toEqual(expected);
    });
});

describe("an application that does not run, because it", () => {
    it.each<Case>([
        [
            "crashes again and again: in the pause before the next start",
            pod({ ready: false, restartCount: 4, state: LOOP, lastState: ended(78) }),
            {
                detail: `CrashLoopBackOff, ended with status 78 at ${AT}`,
                next: `${LOGS} --previous`,
                ...log("agent", true),
            },
        ],
        [
            "crashes again and again: while it is up for a moment",
            pod({ ready: false, restartCount: 4, state: running, lastState: ended(78) }),
            {
                detail: `ended with status 78 at ${AT}, restarted 4 times, not ready again`,
                next: `${LOGS} --previous`,
                ...log("agent", true),
            },
        ],
        [
            "crashes again and again: just now, so that its log is not the previous one",
            pod({ ready: false, restartCount: 4, state: ended(3), lastState: ended(78) }),
            {
                detail: `ended with status 3 at ${AT}`,
                next: LOGS,
                ...log("agent", false),
            },
        ],
        [
            "starts",
            pod({ ready: false, state: running }),
            {
                detail: "started, not ready yet",
                next: `${LOGS} --follow`,
                ...log("agent", false),
            },
        ],
        [
            "has an image without a shell",
            pod({
                ready: false,
                state: waiting("RunContainerError", NO_SHELL),
            }),
            {
                detail: "the image has no shell (/bin/sh), which starting the application's command needs",
                next: "add a shell to the image, or leave application.command out: the image's own is run without one",
            },
        ],
        [
            "has an image whose own program is missing",
            pod({
                ready: false,
                state: LOOP,
                lastState: ended(128, {
                    reason: "StartError",
                    message: 'exec: "/agent": stat /agent: no such file or directory\n',
                }),
            }),
            {
                detail: 'it cannot be started: StartError: exec: "/agent": stat /agent: no such file or directory',
                next: DESCRIBE,
            },
        ],
        [
            "has an image that cannot be pulled",
            pod({
                ready: false,
                state: waiting("ErrImagePull", "failed to pull:\n  dial tcp: no such host"),
            }),
            {
                detail: "the image cannot be pulled: ErrImagePull: failed to pull: dial tcp: no such host",
                next: DESCRIBE,
            },
        ],
        [
            "asks for a user that its image does not allow",
            pod({
                ready: false,
                state: waiting("CreateContainerConfigError", "container has runAsNonRoot"),
            }),
            {
                detail: "CreateContainerConfigError: container has runAsNonRoot",
                next: DESCRIBE,
            },
        ],
        [
            "was evicted",
            { status: { phase: "Failed", reason: "Evicted", message: "The node was low on disk" } },
            { detail: "Evicted: The node was low on disk", next: DESCRIBE },
        ],
        [
            "has no container yet",
            { status: { phase: "Pending" } },
            {
                detail: "Pending",
                next: DESCRIBE,
            },
        ],
        [
            "fits on no node",
            unscheduled("0/1 nodes are available: 1 Insufficient memory."),
            {
                detail: "cannot be scheduled: 0/1 nodes are available: 1 Insufficient memory.",
                next: "kubectl describe pod/a-0 pvc/workspace-a-0",
            },
        ],
        [
            "has a claim that cannot be bound",
            unscheduled("pod has unbound immediate PersistentVolumeClaims."),
            {
                detail: "cannot be scheduled: pod has unbound immediate PersistentVolumeClaims.",
                next: "kubectl describe pod/a-0 pvc/workspace-a-0",
            },
        ],
        [
            "has no pod",
            undefined,
            { detail: "there is no pod", next: "kubectl describe statefulset a" },
        ],
    ])("%s", (_, given, expected) => {
        expect(applicationState(given, "a", typed)).toEqual({ state: "not running", ...expected });
    });
});

describe("an application that does not run, because its workspace", () => {
    const noShell = {
        detail: "the image has no shell (/bin/sh), which seeding the workspace needs",
        next: "add a shell and tar to the image, or give the sandbox volumeClaimTemplates, which are not seeded",
    };

    it.each<Case>([
        [
            "cannot be seeded: in the pause before the next attempt",
            seeding({ state: LOOP, lastState: ended(1), restartCount: 3 }),
            {
                detail: `the workspace could not be seeded, ended with status 1 at ${AT}`,
                next: `${SEED_LOGS} --previous`,
                ...log("workspace-init", true),
            },
        ],
        [
            "cannot be seeded: just now",
            seeding({ state: ended(1) }),
            {
                detail: `the workspace could not be seeded, ended with status 1 at ${AT}`,
                next: SEED_LOGS,
                ...log("workspace-init", false),
            },
        ],
        [
            "is being seeded",
            seeding({ state: running }),
            {
                detail: "the workspace is being seeded",
                next: `${SEED_LOGS} --follow`,
                ...log("workspace-init", false),
            },
        ],
        [
            "is being seeded once more",
            seeding({ state: running, lastState: ended(1), restartCount: 1 }),
            {
                detail: `the workspace is being seeded again, before that it ended with status 1 at ${AT}`,
                next: `${SEED_LOGS} --previous`,
                ...log("workspace-init", true),
            },
        ],
        [
            "waits for an image that cannot be pulled",
            seeding({ state: waiting("ImagePullBackOff", 'Back-off pulling image "x:1"') }),
            {
                detail: 'the image cannot be pulled: ImagePullBackOff: Back-off pulling image "x:1"',
                next: DESCRIBE,
            },
        ],
        [
            "waits for the node",
            seeding({ state: waiting("PodInitializing") }),
            {
                detail: "PodInitializing",
                next: DESCRIBE,
            },
        ],
        [
            "was seeded, and is to be looked at once more after a restart of the node",
            seeding({ state: waiting("PodInitializing"), lastState: ended(0) }),
            { detail: "PodInitializing", next: DESCRIBE },
        ],
        [
            "has no shell to be seeded by: just now",
            seeding({ state: ended(128, { reason: "StartError", message: NO_SHELL }) }),
            noShell,
        ],
        [
            "has no shell to be seeded by: with Docker's reason",
            seeding({ state: ended(127, { reason: "ContainerCannotRun", message: NO_SHELL }) }),
            noShell,
        ],
        [
            "has no shell to be seeded by: in the pause before the next attempt",
            seeding({
                state: LOOP,
                lastState: ended(128, { reason: "StartError", message: NO_SHELL }),
            }),
            noShell,
        ],
        [
            "has no shell to be seeded by: while the runtime tries",
            seeding({ state: waiting("RunContainerError", NO_SHELL) }),
            noShell,
        ],
        [
            "was seeded by a script that says nearly the same of a file, which proves no missing shell",
            seeding({
                state: ended(1, { message: "/bin/sh: /sandbox/x: no such file or directory" }),
            }),
            {
                detail: `the workspace could not be seeded, ended with status 1 at ${AT}`,
                next: SEED_LOGS,
                ...log("workspace-init", false),
            },
        ],
    ])("%s", (_, given, expected) => {
        expect(applicationState(given, "a", typed)).toEqual({ state: "not running", ...expected });
    });
});

describe("a node that has just started", () => {
    const state = (since: string) => applicationState(pod({ state: running }), "a", typed, since);

    it("is not asked about the life before", () => {
        expect(state("2026-01-01T00:00:00.5Z")).toEqual({
            state: "not running",
            detail: "is being started again, with its gateway at 2026-01-01T00:00:00.5Z",
            next: "kubectl get pod a-0 --watch",
        });
    });

    it("is believed about what was started since", () => {
        expect(state("2025-12-31T23:59:58.5Z")).toEqual({ state: "running" });
    });
});

describe("the gate of a sandbox", () => {
    const NOT_ENFORCED = "network policies are not enforced here: after 60 seconds";
    const failed = ended(1, { message: `${NOT_ENFORCED}\n` });
    const GATE_LOGS = "kubectl logs a-0 -c gate";

    it.each<Case>([
        [
            "waits",
            gated({ state: running }),
            {
                detail: "waits until its network policies hold",
                next: `${GATE_LOGS} --follow`,
                ...log("gate", false),
            },
        ],
        ["has given up", gated({ state: failed }), { detail: NOT_ENFORCED, next: GATE_LOGS }],
        [
            "has given up and tries again",
            gated({ state: running, lastState: failed }),
            { detail: NOT_ENFORCED, next: GATE_LOGS },
        ],
        [
            "has no image",
            gated({ state: waiting("ImagePullBackOff", "busybox") }),
            { detail: "the image cannot be pulled: ImagePullBackOff: busybox", next: DESCRIBE },
        ],
        [
            "has ended, so that the workspace is next",
            pod({ ready: false, state: waiting("PodInitializing") }, [
                { name: "gate", state: ended(0) },
                { state: running },
            ]),
            {
                detail: "the workspace is being seeded",
                next: `${SEED_LOGS} --follow`,
                ...log("workspace-init", false),
            },
        ],
    ])("that %s", (_, given, expected) => {
        expect(applicationState(given, "a", typed)).toEqual({ state: "not running", ...expected });
    });
});
