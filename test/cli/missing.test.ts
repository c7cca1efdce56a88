import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Export } from "../../cli/stack/stackExport";
import { findMissing, mendPruned, partsOf } from "../../cli/recovery/missing";
import { issueAuthority } from "../../components/gateway/pki";
import type { PlaceSettings } from "../../settings/schema";
import { parsePlace } from "../../settings/parse";
import type { DockerHost } from "../../machine/docker/host";
import { StepError } from "../../steps/errors";
import { StandIns } from "../support/standIns";

const URN = "urn:pulumi:dev::sandbox-gateway::sandbox-gateway:index:Gateway$docker:index";
const VOLUME = {
    urn: `${URN}/volume:Volume::gateway-data`,
    type: "docker:index/volume:Volume",
    outputs: { name: "openshell-cluster-dev", driver: "local" },
};
const NETWORK = {
    urn: `${URN}/network:Network::gateway-network`,
    type: "docker:index/network:Network",
    outputs: { name: "openshell-cluster-dev", driver: "bridge" },
};
const IMAGE = {
    urn: `${URN}/remoteImage:RemoteImage::gateway-image-1`,
    type: "docker:index/remoteImage:RemoteImage",
    outputs: { name: "rancher/k3s:v1", imageId: "sha256:abc" },
};
const KEEPER = {
    urn: `${URN}/container:Container::gateway-keeper`,
    type: "docker:index/container:Container",
    outputs: { name: "openshell-keeper-dev" },
};
const STASH = { urn: "urn:stash", type: "pulumi:index:Stash" };
const STATE = { version: 3, deployment: { resources: [STASH, VOLUME, NETWORK, IMAGE] } };

/** What makes a gateway, as its volume has it. */
async function identityOf() {
    const serverCa = await issueAuthority("sandbox-gateway-server-ca");
    return { serverCa, clientCa: await issueAuthority("sandbox-gateway-client-ca") };
}

/** What a look into such a volume prints. */
function printed({ serverCa, clientCa }: Awaited<ReturnType<typeof identityOf>>): string {
    const files = {
        "server/db/state.db": "",
        "server/token": "ab".repeat(32),
        "server/tls/server-ca.crt": serverCa.cert,
        "server/tls/server-ca.key": serverCa.key,
        "server/tls/client-ca.crt": clientCa.cert,
        "server/tls/client-ca.key": clientCa.key,
    };
    return Object.entries(files)
        .map(([name, text]) => `${name} ${Buffer.from(text).toString("base64")}\n`)
        .join("");
}

const part = (kind: string, { urn }: { urn: string }, name: string) => ({ kind, urn, name });

describe("what a state has in Docker", () => {
    it.each<[string, object, object[]]>([
        [
            "volume, network and image",
            STATE,
            [
                part("volume", VOLUME, "openshell-cluster-dev"),
                part("network", NETWORK, "openshell-cluster-dev"),
                part("image", IMAGE, "sha256:abc"),
            ],
        ],
        [
            "the keeper while it is stopped",
            { deployment: { resources: [KEEPER] } },
            [part("container", KEEPER, "openshell-keeper-dev")],
        ],
        ["nothing before the first up", { version: 3, deployment: {} }, []],
        [
            "not what is replaced already, not what has no outputs, and nothing of Kubernetes",
            {
                deployment: {
                    resources: [
                        { ...IMAGE, delete: true },
                        { urn: NETWORK.urn, type: NETWORK.type },
                        // It takes a heal, which tells by itself.
                        { ...KEEPER, outputs: { name: "openshell-cluster-dev" } },
                        { urn: "u", type: "kubernetes:core/v1:Namespace", outputs: { name: "n" } },
                    ],
                },
            },
            [],
        ],
    ])("is %s", (_, state, parts) => {
        expect(partsOf(state)).toEqual(parts);
    });
});

describe("before a start", () => {
    let standIns: StandIns;

    const docker: DockerHost = {
        ...{ host: "unix:///run/other.sock", namedBy: "Docker's context other", usual: false },
        variables: {},
    };
    const { settings } = parsePlace({});
    const place = settings as PlaceSettings;

    beforeEach(() => {
        standIns = new StandIns();
        standIns.add("pulumi", "");
    });

    afterEach(() => standIns.remove());

    /**
     * A daemon that has these, among things with names that begin alike. `reference` is an image of
     * the right name, which may be another one by now.
     */
    function has(...kinds: ("volume" | "network" | "image" | "reference" | "used")[]): void {
        const line = (kind: (typeof kinds)[number], name: string) =>
            kinds.includes(kind) ? name : `${name}-2`;
        standIns.add(
            "docker",
            `case "$*" in
version*) echo '{"Version": "28.4.0"}' ;;
info*) echo '{}' ;;
"volume ls"*) echo other; echo ${line("volume", "openshell-cluster-dev")} ;;
"network ls"*) echo bridge; echo ${line("network", "openshell-cluster-dev")} ;;
"image ls --all"*) echo ${line("image", "sha256:abc")} ;;
"image inspect"*" ${place.gateway.image}") ${kinds.includes("reference") ? "echo null" : "echo 'Error: No such image: x' >&2; exit 1"} ;;
"pull ${place.gateway.image}") ;;
ps*) echo openshell-keeper-dev-2 ;;
run*src=openshell-cluster-dev,*readonly*) ${kinds.includes("used") ? "echo server/db/state.db" : ":"} ;;
*) exit 64 ;;
esac`,
        );
    }

    const own = () => ({ env: process.env, progress: standIns.progress });
    const pulumiCalls = () => standIns.calls().filter((call) => call.startsWith("pulumi "));
    const mend = (state: Export = STATE) => mendPruned({ ...own(), place, docker }, state);

    it("nothing is done when all is there", async () => {
        has("volume", "network", "image");
        await mend();
        expect(pulumiCalls()).toEqual([]);
        expect(standIns.printed).toBe("");
    });

    it("the state forgets what a prune took, and nothing else", async () => {
        has("volume", "reference");
        await mend();
        expect(pulumiCalls()).toEqual([
            `pulumi refresh --yes --skip-preview --target ${NETWORK.urn} --target ${IMAGE.urn}`,
        ]);
        expect(standIns.printed).toContain(
            "Docker has lost, and it is made again: network openshell-cluster-dev, image sha256:abc",
        );
    });

    it("a keeper that is gone is made again: what it held is taken by the next clean-up", async () => {
        has("volume", "network", "image");
        await mend({ deployment: { resources: [STASH, VOLUME, NETWORK, KEEPER] } });
        expect(pulumiCalls().at(-1)).toBe(
            `pulumi refresh --yes --skip-preview --target ${KEEPER.urn}`,
        );
    });

    describe("a volume of the right name", () => {
        const OURS = "a".repeat(64);
        const THEIRS = "b".repeat(64);
        const labels = [{ label: "sandbox-gateway.dev/owner", value: OURS }];
        const KNOWN: Export = {
            deployment: {
                resources: [
                    STASH,
                    { ...VOLUME, inputs: { labels }, outputs: { ...VOLUME.outputs, labels } },
                    NETWORK,
                    IMAGE,
                ],
            },
        };

        /** A daemon whose volume has this label, and in whose volume a look finds that. */
        function daemon(owner: string, within: string, image = "echo null"): void {
            const found = `openshell-cluster-dev ${owner}`;
            standIns.add(
                "docker",
                `case "$*" in
version*) echo '{"Version": "28.4.0"}' ;;
info*) echo '{}' ;;
"volume ls --filter"*) echo "${found}" ;;
"volume ls"*|"network ls"*) echo openshell-cluster-dev ;;
"image ls --all"*) echo sha256:abc ;;
"image inspect"*) ${image} ;;
run*src=openshell-cluster-dev,*readonly*) printf '%s' '${within}' ;;
*) exit 64 ;;
esac`,
            );
        }

        const look = (state: Export) =>
            findMissing({ place, docker }, state).then(
                () => undefined,
                (error: StepError) => error,
            );

        it.each<[string, string, string, string]>([
            ["with another owner", THEIRS, "", `its label names the authority ${THEIRS}`],
            ["that is empty", "", "", "no cluster is in it"],
            ["with another cluster in it", "", "theirs", "the cluster in it has another authority"],
        ])("%s is another daemon's", async (_, owner, within, why) => {
            daemon(owner, within === "theirs" ? printed(await identityOf()) : within);
            const error = await look(KNOWN);
            expect(error?.message).toContain(
                `Docker at ${docker.host} (Docker's context other) has a volume openshell-cluster-dev that is not this gateway's: ${why}`,
            );
            expect(error?.hint).toContain("docker context use");
            expect(error?.hint).not.toMatch(/destroy|protect|prune|\brm\b|delete/);
            expect(pulumiCalls()).toEqual([]);
        });

        it("is not gone on with where it cannot be looked into", async () => {
            const absent = "echo 'Error: No such image: x' >&2; exit 1";
            daemon("", "", absent);
            expect((await look(KNOWN))?.message).toContain(
                `it has no label, and it takes ${place.gateway.image} to look into it`,
            );
            // That of the state was made without one.
            const network = { ...NETWORK, inputs: { labels } };
            const old = { deployment: { resources: [STASH, VOLUME, network, IMAGE] } };
            expect(await look(old)).toBeUndefined();
        });

        it("is this gateway's by its label, or by the authority in it", async () => {
            daemon(OURS, "");
            expect(await look(KNOWN)).toBeUndefined();
            const identity = await identityOf();
            daemon("", printed(identity));
            const value = createHash("sha256").update(identity.serverCa.cert).digest("hex");
            const own = [{ label: "sandbox-gateway.dev/owner", value }];
            const state = {
                deployment: { resources: [STASH, VOLUME, { ...NETWORK, inputs: { labels: own } }] },
            };
            expect(await look(state)).toBeUndefined();
        });

        it.each<[string, string, string, Export]>([
            [
                "what is in it is damaged, which the entrypoint mends",
                "",
                "server/db/state.db \n",
                KNOWN,
            ],
            ["the state is of an earlier version, and has no label", THEIRS, "", STATE],
            [
                "it is empty, and a person had made it before the gateway",
                ...(["", ""] as const),
                {
                    deployment: {
                        resources: [STASH, { ...VOLUME, inputs: { labels } }, NETWORK, IMAGE],
                    },
                },
            ],
        ])("is for the gateway itself to judge where %s", async (_, owner, within, state) => {
            daemon(owner, within);
            expect(await look(state)).toBeUndefined();
        });
    });

    describe("of a new stack", () => {
        const dev = parsePlace({ gateway: { name: "dev" } }).settings as PlaceSettings;
        const begin = (state: Export) => mendPruned({ ...own(), place: dev, docker }, state);
        const looks = () => standIns.calls().filter((call) => call.startsWith("docker run "));

        it("a volume with a cluster in it is another's, also without a label", async () => {
            has("volume", "reference", "used");
            const error = await begin({}).catch((reason: unknown) => reason as StepError);
            expect(error?.message).toContain(
                "has a volume openshell-cluster-dev with a cluster in it",
            );
            expect(error?.hint).toContain("make up STACK=");
            expect(error?.hint).not.toMatch(/destroy|protect|prune|\brm\b|delete/);
            expect(looks()[0]).toContain("--network none --read-only");
        });

        it("one that is empty is used", async () => {
            has("volume", "reference");
            await begin({});
            expect(looks()).toHaveLength(1);
        });

        it.each<[string, Parameters<typeof has>, Export]>([
            ["there is none", ["reference", "used"], {}],
            ["the image is not here, and is not pulled for it", ["volume", "used"], {}],
            [
                "the stack has an identity, by which the program tells",
                ["volume", "reference", "used"],
                { deployment: { resources: [STASH] } },
            ],
        ])("nobody looks when %s", async (_, kinds, state) => {
            has(...kinds);
            await begin(state);
            expect(looks()).toEqual([]);
        });
    });

    it("an image alone is made again", async () => {
        has("volume", "network");
        await mend();
        // Fetched before anything else, or made where no registry is reached.
        const image = standIns.calls().indexOf(`docker pull ${place.gateway.image}`);
        expect(image).toBeGreaterThan(0);
        expect(standIns.calls().slice(image)).toContain(
            `pulumi refresh --yes --skip-preview --target ${IMAGE.urn}`,
        );
    });

    it.each([
        ["start and up", mend],
        ["heal", () => findMissing({ place, docker }, STATE)],
    ])("%s refuses to go on without the volume, and touches nothing", async (_, work) => {
        has();
        const error: unknown = await Promise.resolve(work()).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StepError);
        const { message, hint } = error as StepError;
        expect(message).toContain(
            "Docker at unix:///run/other.sock (Docker's context other) has no volume openshell-cluster-dev",
        );
        expect(message).toContain("nothing was changed");
        expect(hint).toContain("docker context ls");
        expect(hint).toContain("keep the Pulumi state");
        // Nothing here may lead to loss.
        expect(hint).not.toMatch(/destroy|protect|prune|volume create|\brm\b/);
        expect(pulumiCalls()).toEqual([]);
    });

    it("a daemon that does not answer is not taken for one that has nothing", async () => {
        standIns.add("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
        const error: unknown = await mend().catch((reason: unknown) => reason);
        expect((error as StepError).message).toContain("no Docker daemon answers at unix:///run/");
        expect(pulumiCalls()).toEqual([]);
    });

    it("a refresh that fails ends the start", async () => {
        has("volume", "image");
        standIns.add("pulumi", "exit 3");
        const error: unknown = await mend().catch((reason: unknown) => reason);
        expect((error as StepError).message).toContain("pulumi refresh failed with status 3");
    });

    it("an existing cluster has nothing in Docker", async () => {
        const existingCluster = { kubeconfig: "/k", context: "c", storageClass: "s", host: "h" };
        const cluster = parsePlace({ existingCluster }).settings as PlaceSettings;
        await mendPruned({ ...own(), place: cluster, docker }, STATE);
        expect(standIns.calls()).toEqual([]);
    });
});
