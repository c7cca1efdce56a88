import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseSettings } from "../../settings/parse";
import { explainUnprotected } from "../../settings/unprotected";
import { run } from "../support/program";

const agent = (protect?: boolean) => ({
    image: "x:1",
    ...(protect === undefined ? {} : { protect }),
});
const existingCluster = { kubeconfig: "k", context: "c", storageClass: "s", host: "h" };

describe("what nothing protects", () => {
    it.each<[object, string | undefined]>([
        [{ sandboxes: { a: agent() } }, undefined],
        [
            { protect: false, sandboxes: { a: agent(), b: agent(true) } },
            "the gateway's identity and data volume, sandbox a can be deleted with all that is stored there, for protect is false; set to true, the next `pulumi up` protects it again",
        ],
        [
            { sandboxes: { a: agent(false), b: agent() } },
            "sandbox a can be deleted with all that is stored there, for sandboxes.a.protect is false; set to true, the next `pulumi up` protects it again",
        ],
        [
            { protect: false, existingCluster, sandboxes: { a: agent(false) } },
            "the namespace, sandbox a can be deleted with all that is stored there, for protect and sandboxes.a.protect are false; set to true, the next `pulumi up` protects it again",
        ],
    ])("of %j", (raw, message) => {
        const { settings } = parseSettings(raw);
        expect(explainUnprotected(settings!)).toBe(message);
    });
});

describe("a run", () => {
    afterEach(() => vi.restoreAllMocks());

    it("says what nothing protects, and nothing when everything is protected", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        const said = () => warn.mock.calls.map(([message]) => message);
        await run({});
        expect(said()).toEqual([]);
        await run({ protect: false });
        expect(said()).toEqual([expect.stringContaining("for protect is false")]);
    });
});
