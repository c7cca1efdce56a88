import { describe, expect, it } from "vitest";
import { applicationState, type Pod } from "../../cli/podState";

const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const killed = {
    terminated: { exitCode: 137, reason: "Error", finishedAt: "2026-01-01T00:00:00Z" },
};

const pod = (agent: object, init: object[] = []): Pod =>
    ({
        status: {
            phase: "Running",
            initContainerStatuses: init,
            containerStatuses: [{ name: "agent", restartCount: 0, ready: true, ...agent }],
        },
    }) as Pod;

describe("applicationState", () => {
    it.each<[string, Pod | undefined, object]>([
        ["runs", pod({ state: running }), { state: "running" }],
        [
            "was killed and came back",
            pod({ state: running, restartCount: 2, lastState: killed }),
            {
                state: "recovered",
                detail: "ended by signal KILL at 2026-01-01T00:00:00Z, restarted 2 times",
            },
        ],
        [
            "ran out of memory and came back",
            pod({
                state: running,
                restartCount: 1,
                lastState: { terminated: { ...killed.terminated, reason: "OOMKilled" } },
            }),
            {
                state: "recovered",
                detail: "ended by signal KILL (OOMKilled) at 2026-01-01T00:00:00Z, restarted 1 times",
            },
        ],
        [
            "crashes again and again",
            pod({
                ready: false,
                state: { waiting: { reason: "CrashLoopBackOff" } },
                lastState: { terminated: { exitCode: 78, finishedAt: "2026-01-01T00:00:00Z" } },
            }),
            {
                state: "not running",
                detail: "CrashLoopBackOff, ended with status 78 at 2026-01-01T00:00:00Z",
                next: "kubectl -n sandboxes logs a-0 --previous",
            },
        ],
        [
            "has no image",
            pod({ ready: false, state: { waiting: { reason: "ImagePullBackOff" } } }),
            {
                state: "not running",
                detail: "ImagePullBackOff",
                next: "kubectl -n sandboxes describe pod a-0",
            },
        ],
        [
            "starts",
            pod({ ready: false, state: running }),
            {
                state: "not running",
                detail: "started, not ready yet",
                next: "wait, or see its log",
            },
        ],
        [
            "has a workspace that cannot be seeded",
            pod({ ready: false }, [
                { name: "workspace-init", state: { waiting: { reason: "CrashLoopBackOff" } } },
            ]),
            {
                state: "not running",
                detail: "the workspace could not be seeded",
                next: "kubectl -n sandboxes logs a-0 -c workspace-init",
            },
        ],
        [
            "has no pod",
            undefined,
            { state: "not running", detail: "there is no pod", next: "pulumi up" },
        ],
    ])("an application that %s", (_, given, expected) => {
        expect(applicationState(given, "a")).toEqual(expected);
    });
});
