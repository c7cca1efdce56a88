import { describe, expect, it } from "vitest";
import { dockerPlugin } from "../plugins/docker/plugin";
import type { Resource } from "../plugins/host/plugin";
import type { Obj } from "../plugins/host/values";
import { diffResponse } from "../plugins/host/wire";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { essential, recorded, recordedCalls, recordedDiffs } from "./record/fixture";
import { urn } from "./record/recorder";
import type { Answer } from "./record/recorder";

const CONTAINER = "docker:index/container:Container";
const plugin = dockerPlugin("5.1.0");

function resource(token: string): Resource {
    const found = plugin.resources[token];
    if (!found) {
        throw new Error(`no resource ${token}`);
    }
    return found;
}

/** The diff as it would travel. */
function diff(
    token: string,
    id: string,
    state: Obj,
    oldInputs: Obj,
    news: Obj,
    of = resource,
): Answer {
    const response = diffResponse(of(token).diff({ urn: urn(token), id, state, oldInputs, news }));
    const detailed: Record<string, string> = {};
    response.getDetaileddiffMap().forEach((value, key) => {
        const kind = Object.entries(pb.PropertyDiff.Kind).find(([, v]) => v === value.getKind());
        detailed[key] = kind?.[0] ?? "?";
    });
    return {
        changes: ["UNKNOWN", "NONE", "SOME"][response.getChanges()],
        replaces: response.getReplacesList(),
        deleteBeforeReplace: response.getDeletebeforereplace(),
        diffs: response.getDiffsList(),
        detailed,
    };
}

function check(token: string, news: Obj, olds: Obj = {}) {
    return resource(token).check({ urn: urn(token), olds, news, randomSeed: Buffer.from("seed") });
}

const created = recorded("container create").result;
const state = created.outputs ?? {};
const inputs = recorded("container check").result.inputs ?? {};

describe("each Container input alone, against the real plugin", () => {
    it("covers the whole recorded table", () => {
        expect(Object.keys(recordedDiffs)).toHaveLength(66);
    });

    it.each(Object.entries(recordedDiffs))("%s", (key, { value, result }) => {
        const news = { ...inputs, [key]: value };
        expect(diff(CONTAINER, "id", state, inputs, news)).toEqual(result);
    });
});

describe("recorded Check calls, replayed", () => {
    const checks = recordedCalls.filter((c) => c.call === "check");

    it.each(checks.map((c) => [c.name, c] as const))("%s", (_name, call) => {
        const [token, news] = call.args as [string, Obj];
        expect(essential(check(token, news))).toEqual(essential(call.result));
    });
});

describe("recorded Diff calls, replayed", () => {
    const diffs = recordedCalls.filter((c) => c.call === "diff");

    it.each(diffs.map((c) => [c.name, c] as const))("%s", (_name, call) => {
        const [token, id, olds, oldInputs, news] = call.args as [string, string, Obj, Obj, Obj];
        expect(diff(token, id, olds, oldInputs, news)).toEqual(call.result);
    });
});

describe("recorded previews of a create, replayed", () => {
    const previews = recordedCalls.filter((c) => c.call === "create" && c.args[2] === true);

    it.each(previews.map((c) => [c.name, c] as const))("%s", (_name, call) => {
        const [token, news] = call.args as [string, Obj];
        expect(essential(resource(token).preview(news, undefined))).toEqual(
            essential(call.result.outputs),
        );
    });
});

describe("what 5.2.0 does differently", () => {
    const newer = dockerPlugin("5.2.0").resources[CONTAINER];
    const of = () => newer ?? resource(CONTAINER);

    it("a health check change replaces", () => {
        const news = { ...inputs, healthcheck: recordedDiffs.healthcheck?.value ?? null };
        expect(diff(CONTAINER, "id", state, inputs, news, of)).toMatchObject({
            replaces: ["healthcheck"],
            deleteBeforeReplace: true,
        });
    });

    it("deviceCgroupRules is an input, and replaces; 5.1.0 does not know it", () => {
        const news = { ...inputs, deviceCgroupRules: ["c 1:3 rwm"] };
        expect(diff(CONTAINER, "id", state, inputs, news, of).replaces).toEqual([
            "deviceCgroupRules",
        ]);
        const failures = check(CONTAINER, news).failures;
        expect(failures).toEqual([
            {
                property: "",
                reason: "Invalid or unknown key. Examine values at 'n.deviceCgroupRules'.",
            },
        ]);
    });

    it("an upload has owner and group", () => {
        const upload = { file: "/a", content: "b", owner: "1000", group: "root" };
        const failures = of().check({
            urn: urn(CONTAINER),
            olds: {},
            news: { image: "a", uploads: [upload] },
            randomSeed: Buffer.from("seed"),
        }).failures;
        expect(failures.map((f) => f.reason)).toEqual([
            '"root": this stand-in takes numeric ids only, such as "1000". ' +
                "Examine values at 'n.uploads[0].group'.",
        ]);
    });
});

describe("Check refuses", () => {
    it.each<[string, string, Obj, string]>([
        [
            "an unimplemented input",
            "docker:index/remoteImage:RemoteImage",
            { name: "a", build: {} },
            "n.build",
        ],
        ["volume clusters", "docker:index/volume:Volume", { cluster: {} }, "n.cluster"],
        ["an output as input", CONTAINER, { image: "a", exitCode: 1 }, "n.exitCode"],
        [
            "an unknown nested key",
            CONTAINER,
            { image: "a", ports: [{ internal: 1, nope: 2 }] },
            "n.ports[0].nope",
        ],
        [
            "a missing nested key",
            CONTAINER,
            { image: "a", uploads: [{ content: "x" }] },
            "n.uploads[0].file",
        ],
        [
            "a port out of range",
            CONTAINER,
            { image: "a", ports: [{ internal: 70000 }] },
            "n.ports[0].internal",
        ],
        [
            "a bad duration",
            CONTAINER,
            { image: "a", healthcheck: { tests: ["CMD"], interval: "5" } },
            "n.healthcheck.interval",
        ],
        [
            "a relative upload",
            CONTAINER,
            { image: "a", uploads: [{ file: "a", content: "" }] },
            "n.uploads[0].file",
        ],
        [
            "two origins",
            CONTAINER,
            { image: "a", uploads: [{ file: "/a", content: "x", source: "y" }] },
            "only one of content, source",
        ],
        [
            "a bad mode",
            CONTAINER,
            { image: "a", uploads: [{ file: "/a", permissions: "rw" }] },
            "n.uploads[0].permissions",
        ],
        ["a scalar for a list", CONTAINER, { image: "a", command: "sh" }, "n.command"],
        ["text for a number", CONTAINER, { image: "a", memory: "much" }, "n.memory"],
    ])("%s", (_what, token, news, where) => {
        const { failures } = check(token, news);
        expect(failures).toHaveLength(1);
        expect(failures[0]?.reason).toContain(where);
    });

    it("what is not implemented in other words than what does not exist", () => {
        const image = check("docker:index/remoteImage:RemoteImage", { name: "a", build: {} });
        expect(image.failures[0]?.reason).toContain("not implemented by the stand-in");
    });

    it("nothing about a value that is not known yet", () => {
        const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
        const news = {
            image: unknown,
            restart: unknown,
            memory: unknown,
            ports: [{ internal: unknown }],
        };
        expect(check(CONTAINER, news).failures).toEqual([]);
    });
});

describe("names", () => {
    const VOLUME = "docker:index/volume:Volume";

    it("an automatic name stays while its default stands, and is not deleted before replacement", () => {
        const first = check(VOLUME, {}).inputs;
        expect(first.name).toMatch(/^n-[0-9a-f]{7}$/);
        const again = check(VOLUME, {}, { ...first, name: "n-0000000" }).inputs;
        expect(again).toMatchObject({ name: "n-0000000", __defaults: ["name"] });
        const change = diff(VOLUME, "id", first, first, { ...first, driver: "x" });
        expect(change).toMatchObject({ replaces: ["driver"], deleteBeforeReplace: false });
    });

    it.each([
        ["enforce", "fixed", "fixed"],
        ["propose", "proposed", "proposed"],
        ["disable", "", undefined],
    ] as const)("follows the engine's auto-naming: %s", (mode, proposedName, expected) => {
        const result = resource(VOLUME).check({
            urn: urn(VOLUME),
            olds: {},
            news: {},
            randomSeed: Buffer.from("seed"),
            autonaming: { mode, proposedName },
        });
        expect(result.inputs.name).toBe(expected);
        expect(result.failures).toHaveLength(mode === "disable" ? 1 : 0);
    });
});

describe("sets and unknowns in a diff", () => {
    it("the order of a set is no change", () => {
        const news = { ...inputs, envs: ["B=2", "A=1"] };
        expect(diff(CONTAINER, "id", state, inputs, news).changes).toBe("NONE");
    });

    it("the order of a list is one", () => {
        const ports = [...(inputs.ports as Obj[])].reverse();
        expect(diff(CONTAINER, "id", state, inputs, { ...inputs, ports }).replaces).not.toEqual([]);
    });

    it("a value that is not known yet counts as changed", () => {
        const news = { ...inputs, image: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
        expect(diff(CONTAINER, "id", state, inputs, news).detailed).toEqual({
            image: "UPDATE_REPLACE",
        });
    });
});
