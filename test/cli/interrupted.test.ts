/** What a killed run has left: cleared by every target that changes the stack, and nothing besides. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
    clearInterrupted,
    endFailed,
    knownInDocker,
    pendingCreates,
    unusedAuthority,
} from "../../cli/recovery/interrupted";
import type { Session } from "../../cli/session";
import type { Export } from "../../cli/stack/stackExport";
import { markRecovered, takesOver } from "../../cli/recovery/recovered";
import { LABEL_OWNER } from "../../model/constants";
import { parsePlace } from "../../settings/parse";
import type { PlaceSettings } from "../../settings/schema";
import type { DockerHost } from "../../machine/docker/host";
import { StepError } from "../../steps/errors";
import { findStateFolder } from "../../machine/stateFolder";
import { StandIns } from "../support/standIns";

const OURS = "a".repeat(64);
const STACK_URN = "urn:pulumi:dev::sandbox-gateway::pulumi:pulumi:Stack::sandbox-gateway-dev";
const HOST: DockerHost = {
    ...{ host: "unix:///var/run/docker.sock", namedBy: "Docker's default", usual: true },
    variables: {},
};
const place = parsePlace({}).settings as PlaceSettings;
const cluster = parsePlace({
    existingCluster: { kubeconfig: "/k", context: "c", storageClass: "s", host: "h" },
}).settings as PlaceSettings;
const labels = [{ label: LABEL_OWNER, value: OURS }];

const stackResource = { urn: STACK_URN, type: "pulumi:pulumi:Stack" };
const network = {
    urn: "urn:pulumi:dev::sandbox-gateway::docker:index/network:Network::gateway-network",
    type: "docker:index/network:Network",
    inputs: { name: "gw", labels },
    outputs: { name: "gw" },
};
const container = {
    urn: "urn:pulumi:dev::sandbox-gateway::docker:index/container:Container::gateway-k3s",
    type: "docker:index/container:Container",
    inputs: { name: "gw", labels },
};

const stateOf = (
    resources: readonly object[],
    pending: readonly { type: string; resource: object }[] = [],
) => ({ deployment: { resources, pending_operations: pending } }) as Export;

describe("a state", () => {
    it("has creations that are pending; the engine clears all else by itself", () => {
        const operations = [
            { type: "creating", resource: container },
            { type: "deleting", resource: network },
        ];
        expect(pendingCreates(stateOf([], operations))).toEqual([
            "urn:pulumi:dev::sandbox-gateway::docker:index/container:Container::gateway-k3s",
        ]);
        expect(pendingCreates({})).toEqual([]);
    });

    it.each<[string, Export, ReturnType<typeof knownInDocker>]>([
        [
            "by a resource's label",
            stateOf([network]),
            { owner: OURS, known: new Set(["network gw"]) },
        ],
        [
            "by that of what was begun, which is not known to be there",
            stateOf([], [{ type: "creating", resource: container }]),
            { owner: OURS, known: new Set() },
        ],
        [
            "not at all, for one of an earlier version",
            stateOf([{ ...container, inputs: { name: "gw" } }]),
            { known: new Set(["container gw"]) },
        ],
        [
            "not by a label of Kubernetes",
            stateOf([{ urn: "u", type: "kubernetes:core/v1:Secret", inputs: { labels } }]),
            { known: new Set() },
        ],
        ["not before the first up", {}, { known: new Set() }],
    ])("says whose the things in Docker are %s", (_, state, expected) => {
        expect(knownInDocker(state)).toEqual(expected);
    });
});

describe("before a target", () => {
    let standIns: StandIns;
    let backend: string;

    beforeEach(() => {
        standIns = new StandIns();
        backend = mkdtempSync(path.join(os.tmpdir(), "backend-"));
        vi.stubEnv("XDG_STATE_HOME", path.join(backend, "states"));
        dockerHas({ containers: "gw\t\n", networks: "gw\t\n" });
    });

    afterEach(() => {
        standIns.remove();
        rmSync(backend, { recursive: true });
    });

    const stateIs = (state: object) =>
        standIns.add("pulumi", `[ "$1" != stack ] || echo '${JSON.stringify(state)}'`);

    const dockerHas = ({ containers = "", networks = "" }) =>
        standIns.add(
            "docker",
            `case "$*" in
*"network="*) ;;
ps*) printf '${containers}' ;;
"network ls"*) printf '${networks}' ;;
"stop"*|"rm"*|"network rm"*) ;;
*) exit 64 ;;
esac`,
        );

    const workOf = (work: Partial<Session> = {}): Session => ({
        root: backend,
        folder: findStateFolder(backend),
        stack: "dev",
        env: { ...process.env, PULUMI_BACKEND_URL: `file://${backend}` },
        place,
        docker: HOST,
        progress: standIns.progress,
        ...work,
    });

    const clear = (work: Partial<Session> = {}) => clearInterrupted(workOf(work));

    /** Calls that change something. */
    const changes = () =>
        standIns
            .calls()
            .filter((call) => !/^docker (ps|network ls) |^pulumi stack export/.test(call));

    it("nothing is done, and nothing said, when nothing was killed", async () => {
        const state = stateOf([stackResource, network, { ...container, outputs: { name: "gw" } }]);
        stateIs(state);
        dockerHas({ containers: `gw\t${OURS}\n`, networks: `gw\t${OURS}\n` });
        expect(await clear()).toEqual(state);
        expect(changes()).toEqual([]);
        expect(standIns.calls().filter((call) => call === "pulumi stack export")).toHaveLength(1);
        expect(standIns.printed).toBe("");
    });

    it("the lock goes before pulumi is asked anything", async () => {
        const locks = path.join(backend, ".pulumi/locks/organization/sandbox-gateway/dev");
        mkdirSync(locks, { recursive: true });
        writeFileSync(path.join(locks, "1.json"), "");
        stateIs(stateOf([stackResource]));
        await clear();
        expect(readdirSync(locks)).toEqual([]);
        const other = { pid: 1, username: "u", hostname: "elsewhere", timestamp: "t" };
        writeFileSync(path.join(locks, "2.json"), JSON.stringify(other));
        const before = standIns.calls();
        await expect(clear()).rejects.toThrow("locked by u@elsewhere");
        expect(standIns.calls()).toEqual(before);
    });

    it("what the state does not know is taken away, where it is this gateway's", async () => {
        stateIs(stateOf([stackResource, network]));
        const theirs = "b".repeat(64);
        dockerHas({
            containers: `gw\t${OURS}\ngw-keeper\t${OURS}\nother\t${theirs}\nbare\t\n`,
            networks: `gw\t${OURS}\ngw-old\t${OURS}\nbridge\t\n`,
        });
        await clear();
        expect(changes()).toEqual([
            "docker stop gw",
            "docker rm --force --volumes gw",
            "docker stop gw-keeper",
            "docker rm --force --volumes gw-keeper",
            "docker network rm gw-old",
        ]);
        expect(standIns.printed).toContain("has left container gw, which the state does not know");
    });

    it.each<[string, Partial<Session>]>([
        ["in a backend where somebody may be at work unseen", { env: process.env }],
        ["without a Docker of the stack's", { docker: undefined }],
    ])("nothing in Docker is touched %s", async (_, work) => {
        stateIs(stateOf([stackResource, network]));
        dockerHas({ containers: `gw\t${OURS}\n` });
        await clear(work);
        expect(changes()).toEqual([]);
    });

    it("a login to a folder counts as its URL would", async () => {
        const home = path.join(backend, "home");
        mkdirSync(home);
        const current = `file://${backend}`;
        writeFileSync(path.join(home, "credentials.json"), JSON.stringify({ current }));
        vi.stubEnv("PULUMI_HOME", home);
        vi.stubEnv("PULUMI_BACKEND_URL", undefined);
        stateIs(stateOf([stackResource, network]));
        dockerHas({ containers: `gw\t${OURS}\n`, networks: `gw\t${OURS}\n` });
        await clear({ env: process.env });
        expect(changes()).toEqual(["docker stop gw", "docker rm --force --volumes gw"]);
    });

    it("a daemon that does not answer is left to the target itself", async () => {
        stateIs(stateOf([stackResource, network]));
        standIns.add("docker", "echo 'Cannot connect' >&2; exit 1");
        await clear();
        expect(standIns.printed).toBe("");
    });

    it("what cannot be taken away ends the run", async () => {
        stateIs(stateOf([stackResource, network]));
        standIns.add(
            "docker",
            `case "$*" in ps*) printf 'gw\t${OURS}\n' ;; *) echo 'device or resource busy' >&2; exit 1 ;; esac`,
        );
        const error: unknown = await clear().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StepError);
        expect((error as StepError).message).toBe(
            "cannot take away container gw: device or resource busy",
        );
    });

    it.each([
        ["asking nothing but the stack", [stackResource, network], ` --target ${STACK_URN}`],
        ["of a state with nothing in it", [], ""],
    ])("pending creations are forgotten, %s", async (_, resources, target) => {
        stateIs(stateOf(resources, [{ type: "creating", resource: container }]));
        await clear();
        expect(changes()).toEqual([
            `pulumi refresh --yes --skip-preview --clear-pending-creates${target}`,
        ]);
        expect(standIns.printed).toContain("a run was killed while it made gateway-k3s:");
    });

    const pendingOf = (urn: string) =>
        stateOf(
            [],
            [{ type: "creating", resource: { urn: `urn:pulumi:dev::p::${urn}`, type: "" } }],
        );
    const SET = "kubernetes:apps/v1:StatefulSet::agent-agent";

    it.each<[string, Partial<Session>, string | undefined]>([
        [SET, {}, "true"],
        ["docker:index/network:Network::gateway-network", {}, undefined],
        // In a cluster that was there already it may be somebody else's.
        [SET, { place: cluster, docker: undefined }, undefined],
    ])("what a killed creation of %s has made is taken over: %j", async (urn, more, force) => {
        stateIs(pendingOf(urn));
        const work = workOf(more);
        await clearInterrupted(work);
        expect(work.env["PULUMI_K8S_ENABLE_PATCH_FORCE"]).toBe(force);
        // By every run until one has got to its end.
        expect(takesOver(work)).toBe(force === "true");
    });

    it("what a run has made that failed is taken over as well", async () => {
        standIns.add("docker", "exit 1");
        const work = workOf();
        await endFailed(work);
        expect(takesOver(work)).toBe(true);
    });
});

describe("a gateway that has no volume yet", () => {
    const AUTHORITY = "urn:pulumi:dev::p::g$pulumi:index:Stash::gateway-identity-server-ca";
    const authority = { urn: AUTHORITY, type: "pulumi:index:Stash" };
    const rest = [stackResource, { urn: "i", type: "docker:index/remoteImage:RemoteImage" }];

    it.each<[string, object[], string | undefined]>([
        ["an authority alone", [...rest, authority], AUTHORITY],
        ["no authority", rest, undefined],
        ["a volume", [authority, { urn: "v", type: "docker:index/volume:Volume" }], undefined],
        ["a network", [authority, network], undefined],
        ["a container", [authority, container], undefined],
        [
            "objects in Kubernetes",
            [authority, { urn: "n", type: "kubernetes:core/v1:Namespace" }],
            undefined,
        ],
    ])("is told by its state, which has %s", (_, resources, expected) => {
        expect(unusedAuthority(stateOf(resources))).toBe(expected);
    });

    it.each<[string, Partial<Session>, string, boolean]>([
        ["begins anew", {}, "other", true],
        ["goes on with the volume that Docker has made", {}, "openshell-cluster-openshell", false],
        ["is not one whose Docker is not known", { docker: undefined }, "other", false],
    ])("%s", async (_, more, volume, anew) => {
        const standIns = new StandIns();
        const folder = mkdtempSync(path.join(os.tmpdir(), "backend-"));
        vi.stubEnv("XDG_STATE_HOME", path.join(folder, "states"));
        try {
            const state = JSON.stringify(stateOf([...rest, authority]));
            standIns.add("pulumi", `[ "$2" != export ] || echo '${state}'`);
            standIns.add("docker", `case "$*" in "volume ls"*) echo ${volume} ;; esac`);
            const env = { ...process.env, PULUMI_BACKEND_URL: `file://${folder}` };
            const work = {
                ...{ root: folder, folder: findStateFolder(folder) },
                ...{ stack: "dev", env, progress: standIns.progress },
            };
            await clearInterrupted({ ...work, place, docker: HOST, ...more });
            const deleted = `pulumi state delete ${AUTHORITY} --force --yes`;
            expect(standIns.calls().includes(deleted)).toBe(anew);
            markRecovered(work, { newNodePassword: false });
            const before = standIns.calls().length;
            await clearInterrupted({ ...work, place, docker: HOST, ...more });
            // The volume of an identity that was recovered is on another daemon.
            expect(standIns.calls().slice(before)).not.toContain(deleted);
        } finally {
            standIns.remove();
            rmSync(folder, { recursive: true });
        }
    });
});
