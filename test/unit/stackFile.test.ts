import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isOff, readPlace, sandboxImages } from "../../toolchain/stackFile";

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

describe("sandboxImages", () => {
    it.each([
        ["an application's", "{ application: openclaw }", ["ghcr.io/openclaw/openclaw:2026.9.6"]],
        ["its own, which wins", "{ application: openclaw, image: 'x:1' }", ["x:1"]],
        ["none of a command's, nor of what is wrong", "{ application: { port: 1 }, image: 3 }", []],
        ["none of a secret", "{ image: { secure: v1:abc } }", []],
        ["none of an empty entry", "", []],
    ])("gives %s", (_, sandbox, images) => {
        write("config:", "  sandbox-gateway:sandboxes:", `    a: ${sandbox}`);
        expect(sandboxImages(folder, "dev")).toEqual(images);
    });

    it.each(["", "config: {}", "config: { sandbox-gateway:sandboxes: { secure: v1:abc } }"])(
        "gives none of a file with %j",
        (text) => {
            write(text);
            expect(sandboxImages(folder, "dev")).toEqual([]);
        },
    );

    it("gives none, when the stack has no file yet", () => {
        expect(sandboxImages(folder, "dev")).toEqual([]);
    });
});

describe("isOff", () => {
    it.each<[string, string[], boolean]>([
        ["no file", [], false],
        ["a file without it", ["config: {}"], false],
        ["another's key", ["config:", "  other:running: false"], false],
        ["true", ["config:", "  sandbox-gateway:running: true"], false],
        ["false, as a person writes it", ["config:", "  sandbox-gateway:running: false"], true],
        ["false, as --config writes it", ["config:", '  sandbox-gateway:running: "false"'], true],
    ])("with %s", (_, lines, off) => {
        if (lines.length > 0) {
            write(...lines);
        }
        expect(isOff(folder, "dev", "running")).toBe(off);
        expect(isOff(folder, "dev", "protect")).toBe(false);
    });
});
