/** Whose the data volume is: told before anything is made of it. */
import * as pulumi from "@pulumi/pulumi";
import { createHash, X509Certificate } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DataVolume } from "../../components/gateway/dataVolume";
import { askDocker, daemonOf, type Ask } from "../../components/gateway/dockerDaemon";
import { findVolume, volumeIn, type FoundVolume } from "../../components/gateway/dockerVolumes";
import { Identity } from "../../components/gateway/identity";
import { keysOf } from "../../settings/keys";
import { drain, find, isSecret, plain, record, type Stashed } from "../support/mocks";
import { run, value } from "../support/program";
import { StandIns } from "../support/standIns";

const VOLUME = "docker:index/volume:Volume";
const CONTAINER = "docker:index/container:Container";
const NAME = "openshell-cluster-dev";
const LABEL = "sandbox-gateway.dev/owner";
const OURS = "a".repeat(64);
const THEIRS = "b".repeat(64);

describe("the volume", () => {
    it("carries the fingerprint that the entrypoint makes of the authority, in clear", async () => {
        const { recorded } = await run({});
        const { labels } = find(recorded, VOLUME).inputs;
        expect(isSecret(labels)).toBe(false);
        const stash = find(recorded, "pulumi:index:Stash", "gateway-identity-server-ca").inputs;
        const { cert } = plain(stash["input"]) as { cert: string };
        expect(new X509Certificate(cert).ca).toBe(true);
        const value = createHash("sha256").update(cert).digest("hex");
        expect(labels).toEqual([{ label: LABEL, value }]);
    });

    it("alone is kept by whatever deletes the gateway: a person removes it by its name", async () => {
        const { recorded } = await run({ protect: false });
        const kept = recorded.filter(({ retainOnDelete }) => retainOnDelete);
        expect(kept.map(({ type }) => type)).toEqual([VOLUME]);
    });

    it("of an earlier version stays without one", async () => {
        const { recorded } = await run({});
        expect(find(recorded, VOLUME).ignoreChanges).toEqual(["labels", "driver", "driverOpts"]);
        await expect(
            run({}, false, undefined, undefined, { [VOLUME]: { labels: [] } }),
        ).resolves.toBeDefined();
    });

    it("is looked for in Docker before it is made, and before a container is, in previews too", async () => {
        for (const running of [true, false]) {
            const { recorded } = await run({ running });
            expect(find(recorded, VOLUME).beforeCreate).toEqual([
                { name: "gateway-data is ours", onDryRun: true },
            ]);
            expect(find(recorded, CONTAINER).beforeCreate).toEqual([
                { name: "gateway-data is there", onDryRun: true },
                { name: "gateway: the name is free in Docker", onDryRun: true },
            ]);
        }
    });

    it("says no more than its own label once it is made: the identity stays", async () => {
        const stashed: Stashed = new Map();
        const labelsOf = async () =>
            find((await run({}, false, undefined, stashed)).recorded, VOLUME).inputs["labels"];
        expect(await labelsOf()).toEqual(await labelsOf());
    });
});

describe("an identity", () => {
    it("is new in the run that makes it, previewed as well, and never again", async () => {
        const stashed: Stashed = new Map();
        const isNew = async (preview: boolean, kept = stashed) => {
            await record(preview, undefined, kept);
            const after = new pulumi.ComponentResource("test:index:Image", "image");
            const found = value(new Identity("identity", after).isNew);
            await drain();
            return found;
        };
        expect(await isNew(true, new Map())).toBe(true);
        expect(await isNew(false)).toBe(true);
        expect(await isNew(true)).toBe(false);
        expect(await isNew(false)).toBe(false);
    });
});

/** A volume of a gateway whose identity is this, in a Docker that has that. */
async function make(
    isNew: boolean,
    found: FoundVolume,
    { labels, preview = false, within = "" }: Given = {},
) {
    const state: Record<string, object> = labels ? { [VOLUME]: { labels } } : {};
    await record(preview, undefined, undefined, state);
    const identity = {
        fingerprint: pulumi.output(OURS),
        isNew: pulumi.output(isNew),
    } as unknown as Identity;
    const asked: string[] = [];
    const ask: Ask = (...args) => {
        asked.push(args.slice(0, 2).join(" "));
        if (args[0] === "run") {
            expect(args.join(" ")).toContain(`src=${NAME},dst=/data,readonly`);
            return within === undefined ? Promise.reject(new Error()) : Promise.resolve(within);
        }
        return found === "unknown"
            ? Promise.reject(new Error("no daemon"))
            : Promise.resolve(found === "absent" ? "" : `${NAME} ${found.owner}\n`);
    };
    const data = new DataVolume(
        {
            name: "gateway",
            args: {
                ...{ name: "dev", image: "k3s:1", dockerHost: "tcp://d:1", running: true },
                ...{ subnet: "172.30.18.0/24", apiPort: 16443, ports: { first: 1, last: 2 } },
                argumentKey: keysOf("gateway"),
            },
            state: {},
        },
        identity,
        ask,
    );
    const name = new Promise((resolve, reject) => {
        data.name.apply(resolve);
        (data.name as unknown as { promise(): Promise<unknown> }).promise().catch(reject);
    });
    name.catch(() => undefined);
    await drain().catch(() => undefined);
    return { data, name, asked };
}

interface Given {
    readonly labels?: object[];
    readonly preview?: boolean;
    /** What a look into it says; undefined where none can be had. */
    readonly within?: string | undefined;
}

const ARGS = { urn: "", id: "", name: "", type: "" };

/** What the hooks of a volume and of its container say. */
async function hooks(
    isNew: boolean,
    found: FoundVolume,
    volumeIsMade: boolean,
    preview = false,
    within: string | undefined = "",
    labels: object[] = [],
) {
    const { data, name, asked } = await make(isNew, found, { preview, within, labels });
    // What is made of the volume comes after it.
    await name;
    const warnings = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    const say = (hook: pulumi.ResourceHook) =>
        Promise.resolve(hook.callback(ARGS)).then(
            () => "",
            (error: Error) => error.message,
        );
    const volume = volumeIsMade ? await say(data.isOurs) : "";
    const container = await say(data.isThere);
    const warned = warnings.mock.calls.map(([message]) => message);
    warnings.mockRestore();
    return { volume, container, warned, asked };
}

describe("before a volume is made", () => {
    afterEach(() => vi.restoreAllMocks());

    it.each<[string, boolean, FoundVolume]>([
        ["there is none, for a new gateway", true, "absent"],
        ["it is ours, as after `pulumi state delete`", false, { owner: OURS }],
        ["it has no label: the entrypoint sees what is in it", true, { owner: "" }],
        ["Docker cannot be asked", false, "unknown"],
    ])("nothing is said when %s", async (_, isNew, found) => {
        expect(await hooks(isNew, found, true)).toEqual({
            ...{ volume: "", container: "", warned: [] },
            asked: ["volume ls"],
        });
    });

    it.each([true, false])("another gateway's is refused (new identity: %s)", async (isNew) => {
        const { volume, container } = await hooks(isNew, { owner: THEIRS }, true);
        expect(volume).toContain(`Docker's volume ${NAME} belongs to another gateway`);
        expect(volume).toContain(THEIRS);
        expect(volume).toContain("make up STACK=");
        // Nothing here may lead to loss.
        expect(volume).not.toMatch(/destroy|protect|prune|\brm\b|delete/);
        expect(container).toBe(volume);
    });

    it("one that an identity has had, and Docker has not, is not made again", async () => {
        const { volume } = await hooks(false, "absent", true);
        expect(volume).toContain(`Docker (--host tcp://d:1) has no volume ${NAME}`);
        expect(volume).toContain("keep the Pulumi state");
        expect(volume).not.toMatch(/destroy|protect|prune|volume create|\brm\b|delete/);
    });
});

describe("before a container is made of a volume that the state has", () => {
    it.each<[string, FoundVolume]>([
        ["it is there and ours", { owner: OURS }],
        ["it is there, of an earlier version", { owner: "" }],
        ["Docker cannot be asked", "unknown"],
    ])("nothing is said when %s", async (_, found) => {
        expect(await hooks(false, found, false)).toMatchObject({ container: "", warned: [] });
    });

    it("one that Docker has lost ends an up", async () => {
        const { container, warned } = await hooks(false, "absent", false);
        expect(container).toContain(`has no volume ${NAME}`);
        expect(warned).toEqual([]);
    });

    it("and is a warning of a preview, which may be on another machine", async () => {
        const { container, warned } = await hooks(false, "absent", false, true);
        expect(container).toBe("");
        expect(warned).toEqual([expect.stringContaining(`has no volume ${NAME}`)]);
    });
});

describe("a volume without a label, of a gateway whose volume had one", () => {
    const UNLABELLED = { owner: "" };
    const HAD = [{ label: LABEL, value: OURS }];

    it("is not begun anew when it is empty", async () => {
        const { container } = await hooks(false, UNLABELLED, false, false, "empty\n", HAD);
        expect(container).toContain(
            `has a volume ${NAME} without a cluster in it, and no other, for all that this gateway`,
        );
        expect(container).toContain(`(fingerprint ${OURS})`);
        expect(container).not.toMatch(/destroy|protect|prune|volume create|\brm\b|delete/);
    });

    it.each<[string, object[], boolean, string | undefined, number]>([
        ["k3s has run with it", HAD, false, "", 1],
        ["nobody can look into it", HAD, false, undefined, 1],
        ["it is a preview", HAD, true, "empty\n", 0],
        ["a person had made it before the gateway", [], false, "empty\n", 0],
    ])("is used when %s", async (_, labels, preview, within, looks) => {
        const { container, asked } = await hooks(false, UNLABELLED, false, preview, within, labels);
        expect(container).toBe("");
        expect(asked.filter((each) => each.startsWith("run"))).toHaveLength(looks);
    });
});

describe("a volume that Docker has given out though it is another's", () => {
    it("gives no name to a container, which is an error", async () => {
        const { name } = await make(true, "unknown", { labels: [{ label: LABEL, value: THEIRS }] });
        await expect(name).rejects.toThrow(`${NAME} belongs to another gateway`);
    });

    it.each([
        ["ours", [{ label: LABEL, value: OURS }]],
        ["of an earlier version", []],
        ["with labels of others alone", [{ label: "com.example", value: THEIRS }]],
    ])("does when it is %s", async (_, labels) => {
        const { name } = await make(false, "unknown", { labels });
        await expect(name).resolves.toBe(NAME);
    });
});

describe("Docker is asked", () => {
    it.each<[string, FoundVolume]>([
        ["", "absent"],
        [`${NAME}-2 \nx${NAME} ${THEIRS}\n`, "absent"],
        [`other ${THEIRS}\n${NAME} ${OURS}\n`, { owner: OURS }],
        [`${NAME} \n`, { owner: "" }],
    ])("and %j read", (list, found) => {
        expect(volumeIn(list, NAME)).toEqual(found);
    });

    it.each<[string | undefined, NodeJS.ProcessEnv, string[]]>([
        [undefined, {}, ["--host", "unix:///var/run/docker.sock"]],
        [undefined, { DOCKER_HOST: "tcp://a:2375" }, ["--host", "tcp://a:2375"]],
        ["ssh://b", { DOCKER_HOST: "tcp://a:2375" }, ["--host", "ssh://b"]],
        ["ssh://b", { DOCKER_CONTEXT: "c" }, ["--context", "c"]],
    ])("at the daemon that the plugin asks: %s, %j", (dockerHost, env, args) => {
        expect(daemonOf(dockerHost, env)).toEqual(args);
    });

    describe("with the docker command", () => {
        const standIns = new StandIns();
        afterEach(() => standIns.remove());

        it("and a list that was not given is no list without it", async () => {
            standIns.add("docker", `echo "${NAME} ${OURS}"`);
            expect(await findVolume(askDocker("tcp://d:1"), NAME)).toEqual({ owner: OURS });
            expect(standIns.calls()).toEqual([
                `docker --host tcp://d:1 volume ls --filter name=${NAME} --format {{.Name}} {{.Label "${LABEL}"}}`,
            ]);
            standIns.add("docker", "echo 'Cannot connect' >&2; exit 1");
            expect(await findVolume(askDocker(), NAME)).toBe("unknown");
        });
    });
});
