import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import {
    hasIdentity,
    otherIdentity,
    withIdentity,
    type Export,
} from "../../cli/recovery/recoveredState";
import type { RecoveredIdentity } from "../../cli/recovery/volumeIdentity";
import { Identity } from "../../components/gateway/identity";
import { record } from "../support/mocks";

const IDENTITY: RecoveredIdentity = {
    serverCa: { cert: "server cert", key: "server key" },
    clientCa: { cert: "client cert", key: "client key" },
    token: "ab".repeat(32),
    nodePassword: "cd".repeat(16),
};

/** What the engine exports of a stack that it has just made. */
const EMPTY = { version: 3, deployment: { manifest: { version: "v3.248.0" } } } as Export;

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const secret = (value: unknown) => ({ ...SECRET, plaintext: JSON.stringify(value) });

const shortName = (urn: string) => urn.split("::").slice(-1)[0] as string;

describe("a recovered state", () => {
    const state = withIdentity(EMPTY, "org/sandbox-gateway/dev", IDENTITY);
    const resources = state.deployment.resources ?? [];
    const find = (name: string) => resources.find(({ urn }) => shortName(urn) === name);

    it("has the values of the volume, as secrets", () => {
        const value = secret(IDENTITY.serverCa);
        expect(find("gateway-identity-server-ca")).toMatchObject({
            inputs: { input: value },
            outputs: { input: value, output: value },
            additionalSecretOutputs: ["input", "output"],
            protect: true,
        });
        expect(find("gateway-identity-client-ca")?.outputs).toMatchObject({
            output: secret(IDENTITY.clientCa),
        });
        expect(find("gateway-identity-token")).toMatchObject({
            inputs: { length: 32 },
            outputs: { hex: secret(IDENTITY.token), base64: secret("q6ur".repeat(10) + "q6s=") },
            protect: true,
        });
        expect(find("gateway-identity-node-password")?.outputs).toMatchObject({
            hex: secret(IDENTITY.nodePassword),
        });
        // Nothing of it in clear anywhere else.
        const rest = JSON.stringify(resources).replaceAll(/"plaintext":"(\\.|[^"\\])*"/g, "");
        expect(rest).not.toMatch(/server key|client key|abab|cdcd/);
    });

    it("refers only to what stands before", () => {
        const seen = new Set<string>();
        for (const { urn, parent, provider } of resources) {
            expect(parent === undefined || seen.has(parent)).toBe(true);
            expect(provider === undefined || seen.has(provider as string)).toBe(true);
            seen.add(urn).add(`${urn}::${resources.find((r) => r.urn === urn)?.id}`);
        }
    });

    it("gives the node a new password where the volume has none", () => {
        const { serverCa, clientCa, token } = IDENTITY;
        const rest = { serverCa, clientCa, token };
        const passwords = [1, 2].map(() => {
            const made = withIdentity(EMPTY, "dev", rest).deployment.resources ?? [];
            const { outputs } = made.at(-1) as { outputs: { hex: { plaintext: string } } };
            return outputs.hex.plaintext;
        });
        expect(passwords[0]).toMatch(/^"[0-9a-f]{32}"$/);
        expect(passwords[0]).not.toBe(passwords[1]);
    });

    it("keeps what a state has already, and adds what it lacks", () => {
        const whole = withIdentity(EMPTY, "dev", IDENTITY);
        const [root, gateway, , builtIn] = whole.deployment.resources ?? [];
        const other = { urn: "urn:pulumi:dev::sandbox-gateway::t::x", type: "t", custom: true };
        const some = [root, builtIn, gateway, other].map((r) => ({ ...r, mine: true }));
        const partial = { ...EMPTY, deployment: { resources: some } } as unknown as Export;
        const { resources: all = [] } = withIdentity(partial, "dev", IDENTITY).deployment;
        expect(all.slice(0, 4)).toEqual(some);
        expect(all.map(({ urn }) => urn).sort()).toEqual(
            [...(whole.deployment.resources ?? []).map(({ urn }) => urn), other.urn].sort(),
        );
        // Whoever is added uses the provider that is there.
        const stash = all.find(({ urn }) => urn.endsWith("server-ca"));
        expect(stash?.["provider"]).toBe(`${builtIn?.urn}::${builtIn?.id}`);
    });

    it("knows whether an identity is whole, and whose it is", () => {
        expect(hasIdentity(EMPTY)).toBe(false);
        expect(hasIdentity(state)).toBe(true);
        expect(otherIdentity(EMPTY, IDENTITY)).toEqual([]);
        expect(otherIdentity(state, IDENTITY)).toEqual([]);
        // A node's password may be another: nothing rests on it.
        expect(otherIdentity(state, { ...IDENTITY, nodePassword: "ef".repeat(16) })).toEqual([]);
        expect(otherIdentity(state, { ...IDENTITY, token: "ef".repeat(32) })).toEqual([
            "gateway-identity-token",
        ]);
        expect(otherIdentity(state, { ...IDENTITY, clientCa: IDENTITY.serverCa })).toEqual([
            "gateway-identity-client-ca",
        ]);
    });
});

describe("what the program registers", () => {
    let registered: { type: string; name: string; inputs: Record<string, unknown> }[];

    beforeAll(async () => {
        registered = await record();
        class Gateway extends pulumi.ComponentResource {}
        const parent = new Gateway("sandbox-gateway:index:Gateway", "gateway");
        new Identity("gateway-identity", parent, { parent });
        await pulumi.runtime.disconnect();
    });

    it("is found in a recovered state by type, name and inputs", () => {
        const resources = withIdentity(EMPTY, "dev", IDENTITY).deployment.resources ?? [];
        const recovered = resources
            .map(({ type, urn, inputs }) => ({ type, name: shortName(urn), inputs }))
            .filter(({ name }) => name.startsWith("gateway"));
        expect(recovered.length).toBe(6);
        for (const { type, name, inputs } of recovered) {
            const found = registered.find((r) => r.type === type && r.name === name);
            expect(found, `${type} ${name}`).toBeDefined();
            expect(Object.keys(inputs ?? {})).toEqual(Object.keys(found?.inputs ?? {}));
        }
    });
});
