/** What Docker has under a gateway's names before something is made: ours goes, all else stays. */
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { LABEL_OWNER } from "../../model/constants";
import { daemonOf } from "../../components/gateway/dockerDaemon";
import { nameIsFree } from "../../components/gateway/freeNames";
import { freeName, wantedOf, type Kind, type Wanted } from "../../components/gateway/leftovers";
import { drain, find, plain, record } from "../support/mocks";
import { run } from "../support/program";

const OURS = "a".repeat(64);
const THEIRS = "b".repeat(64);
const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";

/** A daemon with some things in it: names with owners. */
function daemon(things: Partial<Record<Kind, [name: string, owner: string][]>>) {
    const containers = new Map(things.container);
    const networks = new Map(things.network);
    const asked: string[] = [];
    const lines = (entries: Iterable<[string, string]>) =>
        [...entries].map(([name, owner]) => `${name}\t${owner}\n`).join("");
    const ask = (...args: readonly string[]): Promise<string> => {
        const [command = "", second = ""] = args;
        const name = args.at(-1) ?? "";
        if (command === "ps") {
            return Promise.resolve(lines(containers));
        }
        if (command === "network" && second === "ls") {
            return Promise.resolve(lines(networks));
        }
        if (command === "network" && second === "inspect") {
            return Promise.resolve("10.213.7.0/24\n");
        }
        asked.push(args.join(" "));
        if (command === "stop") {
            return name === "paused" ? Promise.reject(new Error("is paused")) : Promise.resolve("");
        }
        (command === "rm" ? containers : networks).delete(name);
        return Promise.resolve("");
    };
    return { ask, asked };
}

const container = (owner?: string): Wanted => ({
    kind: "container",
    name: "gw",
    ...(owner === undefined ? {} : { owner }),
});

describe("a container that is about to be made", () => {
    it("finds nothing of its name: parts of names and its networks do not count", async () => {
        const { ask, asked } = daemon({
            container: [
                ["gw-2", THEIRS],
                ["my-gw", ""],
            ],
            network: [["gw", THEIRS]],
        });
        expect(await freeName(ask, container(OURS), false)).toBeUndefined();
        expect(asked).toEqual([]);
    });

    it("takes the place of one that is ours, which gets its grace", async () => {
        const { ask, asked } = daemon({ container: [["gw,other/alias", OURS]] });
        expect(await freeName(ask, container(OURS), false)).toEqual({ name: "gw", owner: OURS });
        expect(asked).toEqual(["stop gw", "rm --force --volumes gw"]);
    });

    it("takes the place of one that cannot be stopped", async () => {
        const { ask, asked } = daemon({ container: [["paused", OURS]] });
        const wanted = { ...container(OURS), name: "paused" };
        expect(await freeName(ask, wanted, false)).toMatchObject({ name: "paused" });
        expect(asked).toEqual(["stop paused", "rm --force --volumes paused"]);
    });

    it.each([
        ["somebody else's", THEIRS, OURS, `authority has the fingerprint ${THEIRS}; it was not`],
        ["without a label", "", OURS, "no label that says whose it is; it was not touched"],
        ["there before our identity", THEIRS, undefined, "which belongs to another gateway"],
        ["unlabelled and there before our identity", "", undefined, "has no label"],
    ])("is refused for one that is %s", async (_, owner, ours, words) => {
        const { ask, asked } = daemon({ container: [["gw", owner]] });
        const refused = freeName(ask, container(ours), false);
        await expect(refused).rejects.toThrow(words);
        await expect(refused).rejects.toThrow("docker stop gw && docker rename gw gw-before");
        expect(asked).toEqual([]);
    });

    it.each([
        ["ours", OURS, OURS, true],
        ["of an earlier version, without a label", "", OURS, true],
        ["somebody else's", THEIRS, OURS, false],
        ["there before our identity", "", undefined, false],
    ])("in a preview touches nothing; one that is %s", async (_, owner, ours, passes) => {
        const { ask, asked } = daemon({ container: [["gw", owner]] });
        const looked = freeName(ask, container(ours), true);
        await (passes
            ? expect(looked).resolves.toBeUndefined()
            : expect(looked).rejects.toThrow("Docker has a container gw"));
        expect(asked).toEqual([]);
    });

    it("leaves it to the docker plugin that Docker cannot be asked", async () => {
        const ask = () => Promise.reject(new Error("spawn docker ENOENT"));
        expect(await freeName(ask, container(OURS), false)).toBeUndefined();
    });

    it("fails when what is there cannot be taken away", async () => {
        const { ask } = daemon({ container: [["gw", OURS]] });
        const stuck = (...args: readonly string[]) =>
            args[0] === "rm" ? Promise.reject(new Error("device or resource busy")) : ask(...args);
        await expect(freeName(stuck, container(OURS), false)).rejects.toThrow("busy");
    });
});

describe("a network that is about to be made", () => {
    const network = { kind: "network", name: "gw", owner: OURS } as const;

    it("takes the place of one that is ours, with our containers in it", async () => {
        const { ask, asked } = daemon({
            network: [["gw", OURS]],
            container: [["gw", OURS]],
        });
        await freeName(ask, network, false);
        expect(asked).toEqual(["stop gw", "rm --force --volumes gw", "network rm gw"]);
    });

    it("is refused while anybody else's container is in it", async () => {
        const { ask, asked } = daemon({
            network: [["gw", OURS]],
            container: [
                ["gw", OURS],
                ["postgres", ""],
            ],
        });
        await expect(freeName(ask, network, false)).rejects.toThrow(
            "is used by postgres, which is not this gateway's",
        );
        expect(asked).toEqual([]);
    });

    it.each([OURS, ""])("keeps its subnet, which a preview says (label: %j)", async (label) => {
        const { ask, asked } = daemon({ network: [["gw", label]] });
        const moved = { ...network, subnet: "10.213.8.0/24" };
        await expect(freeName(ask, moved, true)).rejects.toThrow(
            "gateway.subnet: got 10.213.8.0/24; must stay 10.213.7.0/24, with which this gateway was made",
        );
        const same = { ...network, subnet: "10.213.7.0/24" };
        expect(await freeName(ask, same, true)).toBeUndefined();
        expect(asked).toEqual([]);
    });

    it("is refused for one that is not known to be ours", async () => {
        const { ask, asked } = daemon({ network: [["gw", ""]] });
        await expect(freeName(ask, network, false)).rejects.toThrow("`docker network rm gw`");
        expect(asked).toEqual([]);
    });
});

describe("what is looked at", () => {
    const labels = [
        { label: "other", value: "x" },
        { label: LABEL_OWNER, value: OURS },
    ];

    it.each([
        [CONTAINER, { name: "gw", labels }, { kind: "container", name: "gw", owner: OURS }],
        [NETWORK, { name: "gw", labels }, { kind: "network", name: "gw", owner: OURS }],
        [CONTAINER, { name: "gw" }, { kind: "container", name: "gw" }],
        [CONTAINER, { name: "gw", labels: {} }, { kind: "container", name: "gw" }],
        ["docker:index/volume:Volume", { name: "gw", labels }, undefined],
        [CONTAINER, { labels }, undefined],
    ])("of a %s %j", (type, inputs, expected) => {
        expect(wantedOf(type, inputs)).toEqual(expected);
    });

    it.each([
        ["container", {}],
        ["keeper", { running: "false" }],
    ])("is the %s and the network, in previews too, and never the volume", async (_, config) => {
        const { recorded } = await run(config);
        const isFree = { name: "gateway: the name is free in Docker", onDryRun: true };
        const looked = recorded.filter(({ beforeCreate }) =>
            beforeCreate.some(({ name }) => name === isFree.name),
        );
        expect(looked.map(({ type }) => type)).toEqual([NETWORK, CONTAINER]);
        for (const { beforeCreate } of looked) {
            expect(beforeCreate).toContainEqual(isFree);
        }
    });

    it("carries the same owner, which is no secret and the digest of the authority", async () => {
        const { recorded } = await run({});
        const made = find(recorded, CONTAINER).inputs;
        const [label] = made["labels"] as { label: string; value: string }[];
        expect(label).toEqual({
            label: LABEL_OWNER,
            value: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        });
        expect(find(recorded, NETWORK).inputs["labels"]).toEqual([label]);
        expect(find(recorded, NETWORK).ignoreChanges).toContain("labels");
        const uploads = plain(made["uploads"]) as { file: string; content: string }[];
        const cert = uploads.find(({ file }) => file.endsWith("/server-ca.crt"))?.content ?? "";
        // What the entrypoint writes into the volume.
        const { createHash } = await import("node:crypto");
        expect(label?.value).toBe(createHash("sha256").update(cert).digest("hex"));
    });
});

describe("the hook", () => {
    const newInputs = { name: "gw", labels: [{ label: LABEL_OWNER, value: OURS }] };

    it.each([
        ["a run takes away what is ours", false, ["stop gw", "rm --force --volumes gw"]],
        ["a preview does not", true, []],
    ])("%s", async (_, preview, expected) => {
        const { ask, asked } = daemon({ container: [["gw", OURS]] });
        await record(preview);
        const hook = nameIsFree("gateway", undefined, ask);
        await hook.callback({ urn: "", id: "", name: "", type: CONTAINER, newInputs });
        await drain();
        expect(pulumi.runtime.isDryRun()).toBe(preview);
        expect(asked).toEqual(expected);
    });

    it.each([
        [undefined, {}, ["--host", "unix:///var/run/docker.sock"]],
        [undefined, { DOCKER_HOST: "tcp://a:1" }, ["--host", "tcp://a:1"]],
        ["ssh://u@h", { DOCKER_HOST: "tcp://a:1" }, ["--host", "ssh://u@h"]],
        ["ssh://u@h", { DOCKER_CONTEXT: "c" }, ["--context", "c"]],
    ])("asks the daemon of the plugin: host %s, environment %j", (host, env, expected) => {
        expect(daemonOf(host, env)).toEqual(expected);
    });
});
