import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chooseEnvironment } from "../../cli/stack/pulumiEnvironment";
import {
    clearWay,
    finishRecovery,
    isRecovered,
    markRecovered,
    markUnfinished,
    takesOver as isToTakeOver,
    type Recovering,
} from "../../cli/recovery/recovered";
import type { Session } from "../../cli/session";
import { gatewayTarget } from "../../cli/status/target";
import { parsePlace } from "../../settings/parse";
import type { PlaceSettings } from "../../settings/schema";
import { findStateFolder } from "../../machine/stateFolder";
import { StandIns } from "../support/standIns";

const NAME = "openshell-cluster-dev";
const place = parsePlace({ gateway: { name: "dev" } }).settings as PlaceSettings;

let folder: string;
let root: string;
let standIns: StandIns;
let work: Recovering & Pick<Session, "root">;

beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "recovered-")));
    root = path.join(folder, "checkout");
    mkdirSync(root);
    vi.stubEnv("XDG_STATE_HOME", path.join(folder, "states"));
    standIns = new StandIns();
    work = {
        ...{ root, stack: "dev", place, env: process.env },
        folder: findStateFolder(root),
        progress: standIns.progress,
    };
});

afterEach(() => {
    standIns.remove();
    rmSync(folder, { recursive: true, force: true });
});

const mark = (newNodePassword = false) => markRecovered(work, { newNodePassword });

/** What the state has. */
function state(...resources: object[]): void {
    standIns.add("pulumi", `echo '${JSON.stringify({ deployment: { resources } })}'`);
}

describe("the mark of a recovered stack", () => {
    const tools = { path: [], plugins: undefined, description: "" };
    const takesOver = (stack: string) =>
        chooseEnvironment(root, tools, { stack }).variables["PULUMI_K8S_ENABLE_PATCH_FORCE"];

    it("has Kubernetes take objects over, for that stack alone", () => {
        expect(isRecovered(work)).toBe(false);
        expect(takesOver("dev")).toBeUndefined();
        mark();
        expect(isRecovered({ ...work, stack: "org/sandbox-gateway/dev" })).toBe(true);
        expect(takesOver("dev")).toBe("true");
        expect(takesOver("second")).toBeUndefined();
        expect(takesOver("third")).toBeUndefined();
        markUnfinished({ ...work, stack: "third" });
        expect(takesOver("third")).toBe("true");
        expect(isRecovered({ ...work, stack: "third" })).toBe(false);
        expect(statSync(work.folder.folder).mode & 0o777).toBe(0o700);
    });
});

describe("before the first up", () => {
    /** Docker with these containers on the volume, and a network. */
    const has = (...containers: string[]) =>
        standIns.add(
            "docker",
            `case "$*" in
"ps --all --filter volume=${NAME} "*) printf '%s\\n' ${containers.join(" ") || "''"} ;;
"network ls"*) echo ${NAME} ;;
"stop "* | "rm --volumes "* | "network rm ${NAME}") ;;
*) exit 64 ;;
esac`,
        );
    const changes = () =>
        standIns.calls().filter((call) => /^docker (stop|rm|network rm)/.test(call));

    it("what the state does not know is removed: containers on the volume, and the network", async () => {
        mark();
        state();
        has(NAME, "openshell-keeper-dev", "a-backup-of-somebody");
        await clearWay(work);
        expect(changes()).toEqual([
            `docker stop ${NAME}`,
            `docker rm --volumes ${NAME}`,
            "docker stop openshell-keeper-dev",
            "docker rm --volumes openshell-keeper-dev",
            `docker network rm ${NAME}`,
        ]);
        // Not yet done: the objects in Kubernetes are still to be taken over.
        expect(isRecovered(work)).toBe(true);
    });

    it("what an up has made meanwhile stays", async () => {
        mark();
        state(
            { type: "docker:index/container:Container", outputs: { name: NAME } },
            { type: "docker:index/network:Network", outputs: { name: NAME } },
        );
        has(NAME);
        await clearWay(work);
        expect(changes()).toEqual([]);
    });

    it("nothing is looked for in a stack that was not recovered", async () => {
        await clearWay(work);
        expect(standIns.calls()).toEqual([]);
    });

    it("a container that Docker does not stop ends it, and the same command goes on", async () => {
        mark();
        state();
        standIns.add(
            "docker",
            `case "$1" in ps) echo ${NAME} ;; *) echo 'cannot stop' >&2; exit 1 ;; esac`,
        );
        await expect(clearWay(work)).rejects.toThrow("cannot stop");
        expect(isRecovered(work)).toBe(true);
    });
});

describe("after an up", () => {
    const target = gatewayTarget(NAME, "openshell-dev");
    const set = {
        type: "kubernetes:apps/v1:StatefulSet",
        outputs: {
            ...{
                apiVersion: "apps/v1",
                kind: "StatefulSet",
                __fieldManager: "pulumi-kubernetes-2",
            },
            metadata: { name: "agent", namespace: "sandboxes" },
        },
    };
    const space = {
        type: "kubernetes:core/v1:Namespace",
        outputs: {
            ...{ apiVersion: "v1", kind: "Namespace", __fieldManager: "pulumi-kubernetes-3" },
            metadata: { name: "sandboxes" },
        },
    };
    /** As Kubernetes has an object, with these managers. */
    const found = (kind: string, name: string, ...managers: string[]) =>
        JSON.stringify({
            kind,
            metadata: { name, managedFields: managers.map((manager) => ({ manager })) },
        });

    /** A gateway that runs; `patch` is what a change does. */
    const runs = (patch = "") =>
        standIns.add(
            "docker",
            `case "$*" in
ps*) printf '${NAME}\\trunning\\n' ;;
inspect*) echo 2026-01-01T00:00:00Z ;;
*" cat "*) ;;
*" get statefulset.v1.apps/agent "*) echo '${found("StatefulSet", "agent", "pulumi-kubernetes-1", "pulumi-kubernetes-2")}' ;;
*" get namespace/sandboxes "*) echo '{"items": [${found("Namespace", "sandboxes", "pulumi-kubernetes-3")}]}' ;;
*" patch "*) ${patch} ;;
*" delete secret "*) ;;
*) echo "not expected: $*" >&2; exit 64 ;;
esac`,
        );
    const changes = () =>
        standIns.calls().filter((call) => /^docker exec .* (patch|delete) /.test(call));
    const finish = () => finishRecovery(work, target);
    const KUBECTL = `docker exec ${NAME} k3s kubectl --request-timeout=5s`;
    const PATCH = `${KUBECTL} -n sandboxes patch statefulset.v1.apps/agent --type=json -p [{"op":"test","path":"/metadata/managedFields/0/manager","value":"pulumi-kubernetes-1"},{"op":"remove","path":"/metadata/managedFields/0"}]`;

    it("what the state of before has noted is taken away, and then the mark", async () => {
        mark();
        state(set, space);
        runs();
        await finish();
        expect(changes()).toEqual([PATCH]);
        expect(isRecovered(work)).toBe(false);
    });

    it("the hash of a password that nobody knows any more goes, too", async () => {
        mark(true);
        state(space);
        runs();
        await finish();
        expect(changes()).toEqual([
            `${KUBECTL} -n kube-system delete secret openshell-dev.node-password.k3s --ignore-not-found`,
        ]);
    });

    it("after a run that was killed, what that one has noted goes as well, and its mark", async () => {
        markUnfinished(work);
        markUnfinished(work);
        state(set);
        runs();
        await finish();
        expect(changes()).toEqual([PATCH]);
        expect(standIns.printed).toContain("what an earlier run has left in Kubernetes");
        expect(isToTakeOver(work)).toBe(false);
    });

    it("an object that changes meanwhile is read again", async () => {
        mark();
        state(set);
        runs(`[ -e ${folder}/once ] || { touch ${folder}/once; echo 'test failed' >&2; exit 1; }`);
        await finish();
        expect(changes()).toEqual([PATCH, PATCH]);
        expect(isRecovered(work)).toBe(false);
    });

    it("that could not be finished, the next one goes on", async () => {
        mark();
        state(set);
        runs("echo 'test failed' >&2; exit 1");
        await expect(finish()).rejects.toThrow("test failed");
        expect(changes()).toHaveLength(3);
        expect(isRecovered(work)).toBe(true);
    });

    it("that has started nothing, the next one goes on", async () => {
        mark();
        standIns.add("docker", `case "$1" in volume) echo ${NAME} ;; ps) ;; *) exit 64 ;; esac`);
        await finish();
        expect(isRecovered(work)).toBe(true);
        expect(existsSync(path.join(work.folder.folder, "recovered-dev.json"))).toBe(true);
    });
});
