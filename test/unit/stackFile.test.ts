import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPlace } from "../../toolchain/stackFile";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "stack-file-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (...lines: string[]) =>
    writeFileSync(path.join(folder, "Pulumi.dev.yaml"), lines.map((line) => `${line}\n`).join(""));

const CLUSTER = [
    "config:",
    "  sandbox-gateway:existingCluster:",
    "    kubeconfig: ~/.kube/config",
    "    context: production",
    "    storageClass: standard-retain",
];

describe("readPlace", () => {
    it("gives the gateway's defaults, when the stack has no file yet", () => {
        const { gateway, existingCluster } = readPlace(folder, "dev");
        expect(gateway.name).toBe("openshell");
        expect(existingCluster).toBeUndefined();
    });

    it("gives an existing cluster, beside secrets that it leaves alone", () => {
        write(
            ...CLUSTER,
            "    host: agents.example.org",
            "  sandbox-gateway:sandboxes:",
            "    assistant: { secretEnv: { KEY: { secure: v1:abc } } }",
        );
        const { existingCluster } = readPlace(folder, "dev");
        expect(existingCluster).toMatchObject({ context: "production", serviceType: "NodePort" });
    });

    it("takes a gateway whose secrets it cannot read", () => {
        write(
            "config:",
            "  sandbox-gateway:gateway:",
            "    name: mine",
            "    secretEnv: { HTTPS_PROXY: { secure: v1:abc } }",
            "    registries: { configs: { r: { auth: { password: { secure: v1:abc } } } } }",
        );
        expect(readPlace(folder, "dev").gateway).toMatchObject({ name: "mine", secretEnv: {} });
    });

    it("finds the file of a stack that is named in full", () => {
        write("config:", "  sandbox-gateway:gateway: { name: mine }");
        expect(readPlace(folder, "team/sandbox-gateway/dev").gateway.name).toBe("mine");
    });

    it("names file, key, value, rule and example, when they are wrong", () => {
        write(...CLUSTER, "    host: https://agents", "  sandbox-gateway:gateway: { apiPort: 80 }");
        expect(() => readPlace(folder, "dev")).toThrow(
            [
                "Pulumi.dev.yaml: the configuration is wrong, nothing was changed:",
                "  gateway.apiPort: got 80; must be a TCP port from 1024 to 65535; for example 16443",
                '  existingCluster.host: got "https://agents"; must be a host name or an address; for example agents.example.org',
            ].join("\n"),
        );
    });
});
