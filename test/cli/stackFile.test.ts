import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseYaml } from "../../model/yaml";
import {
    configuredGateways,
    isOff,
    readPlace,
    sandboxImages,
    stackFileName,
} from "../../cli/stack/stackFile";

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
        const { gateway, existingCluster } = readPlace({ root: folder, stack: "dev" });
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
        const { existingCluster } = readPlace({ root: folder, stack: "dev" });
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
        expect(readPlace({ root: folder, stack: "dev" }).gateway).toMatchObject({
            name: "mine",
            secretEnv: {},
        });
    });

    it("finds the file of a stack that is named in full", () => {
        write("config:", "  sandbox-gateway:gateway: { name: mine }");
        expect(readPlace({ root: folder, stack: "team/sandbox-gateway/dev" }).gateway.name).toBe(
            "mine",
        );
    });

    it("names file, key, value, rule and example, when they are wrong", () => {
        write(...CLUSTER, "    host: https://agents", "  sandbox-gateway:gateway: { apiPort: 80 }");
        expect(() => readPlace({ root: folder, stack: "dev" })).toThrow(
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
        expect(sandboxImages({ root: folder, stack: "dev" })).toEqual(images);
    });

    it.each(["", "config: {}", "config: { sandbox-gateway:sandboxes: { secure: v1:abc } }"])(
        "gives none of a file with %j",
        (text) => {
            write(text);
            expect(sandboxImages({ root: folder, stack: "dev" })).toEqual([]);
        },
    );

    it("gives none, when the stack has no file yet", () => {
        expect(sandboxImages({ root: folder, stack: "dev" })).toEqual([]);
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
        expect(isOff({ root: folder, stack: "dev" }, "running")).toBe(off);
        expect(isOff({ root: folder, stack: "dev" }, "protect")).toBe(false);
    });
});
describe("a stack's file may be written in every way that the engine reads", () => {
    const put = (name: string, content: string) => {
        mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
        writeFileSync(path.join(folder, name), content);
    };
    const MINE = { name: "mine", apiPort: 16450 };

    it.each<[string, string]>([
        ["blocks", "config:\n  sandbox-gateway:gateway:\n    name: mine\n    apiPort: 16450\n"],
        ["flow style", "config: { 'sandbox-gateway:gateway': { name: mine, apiPort: 16450 } }"],
        ["JSON", JSON.stringify({ config: { "sandbox-gateway:gateway": MINE } })],
        ["JSON in a text", `config:\n  sandbox-gateway:gateway: '${JSON.stringify(MINE)}'\n`],
        [
            "anchors and merge keys",
            "x: &p { apiPort: 16450, name: other }\nconfig:\n  sandbox-gateway:gateway:\n    <<: *p\n    name: mine\n",
        ],
        ["keys without the project", "config:\n  gateway: { name: mine, apiPort: 16450 }\n"],
        [
            "the older form of keys",
            "config:\n  sandbox-gateway:config:gateway: { name: mine, apiPort: 16450 }\n",
        ],
        [
            "numbers of other bases, comments and a byte order mark",
            '\ufeff# mine\nconfig:\n  "sandbox-gateway:gateway": { "name": "mine", apiPort: 16_450 } # end\n',
        ],
        [
            "further documents, which say nothing",
            "config:\n  gateway: { name: mine, apiPort: 16450 }\n---\nconfig:\n  gateway: { name: other }\n",
        ],
    ])("as %s", (_, content) => {
        put("Pulumi.yaml", "name: sandbox-gateway\n");
        put("Pulumi.dev.yaml", content);
        expect(readPlace({ root: folder, stack: "dev" }).gateway).toMatchObject(MINE);
    });

    it.each<[string, string, string]>([
        ["a folder", "name: sandbox-gateway\nstackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"],
        ["a folder by its first name", "name: sandbox-gateway\nconfig: s\n", "s/Pulumi.dev.yaml"],
        ["the folder of the project", "name: sandbox-gateway\n", "Pulumi.dev.yaml"],
    ])("in %s", (_, project, file) => {
        put("Pulumi.yaml", project);
        put(file, "config: { gateway: { name: mine, apiPort: 16450 } }");
        put(file.replace(".dev.", ".dev.deploy."), "settings: {}");
        expect(stackFileName({ root: folder, stack: "org/p/dev" })).toBe(file);
        expect(readPlace({ root: folder, stack: "dev" }).gateway).toMatchObject(MINE);
        expect(configuredGateways(folder)).toMatchObject([{ file, gateway: MINE }]);
    });

    it("as the project's kind of file", () => {
        put("Pulumi.json", '{"name": "sandbox-gateway"}');
        put("Pulumi.dev.json", JSON.stringify({ config: { gateway: MINE } }));
        put("Pulumi.dev.yaml", "config: { gateway: { name: other } }");
        expect(readPlace({ root: folder, stack: "dev" }).gateway).toMatchObject(MINE);
    });

    it("with values of the project, where it has none of its own", () => {
        put(
            "Pulumi.yaml",
            [
                "name: sandbox-gateway",
                "config:",
                "  gateway.apiPort: 16450",
                "  gateway.bindAddress: { default: 10.0.0.7 }",
                '  sandbox-gateway:gateway.tlsSans: { value: ["a.lan"] }',
                "  pulumi:disable-default-providers: { value: [docker] }",
            ].join("\n"),
        );
        put("Pulumi.dev.yaml", "config: { gateway: { name: mine, bindAddress: 10.0.0.8 } }");
        expect(readPlace({ root: folder, stack: "dev" }).gateway).toMatchObject({
            ...MINE,
            bindAddress: "10.0.0.8",
            tlsSans: ["a.lan"],
        });
        expect(readPlace({ root: folder, stack: "other" }).gateway).toMatchObject({
            apiPort: 16450,
        });
    });

    it("and is refused with its name when it is none", () => {
        put("Pulumi.dev.yaml", "config: { a: 1, a: 2 }");
        expect(() => readPlace({ root: folder, stack: "dev" })).toThrow(
            "Pulumi.dev.yaml: this is not YAML: ",
        );
    });
});

it.each<[string, unknown]>([
    ["0644", 420],
    ["-010", -8],
    ["0o17", 15],
    ["0b101", 5],
    ["0x1F", 31],
    ["1_000", 1000],
    ["089", 89],
    ["1e3", 1000],
    ["yes", "yes"],
    ["off", "off"],
    ["True", true],
    ["~", null],
    ["1:30", "1:30"],
    ["'0644'", "0644"],
    ["16443 ", 16443],
])("%s is read as Go's yaml.v3 reads it", (text, value) => {
    expect(parseYaml(`x: ${text}`)).toEqual({ x: value });
});

it("an anchor may be used any number of times", () => {
    const uses = Array.from({ length: 120 }, (_, i) => `a${i}: *x\nb${i}: {<<: *x}`);
    expect(parseYaml(`x: &x {image: y}\n${uses.join("\n")}\n`)).toMatchObject({
        a119: { image: "y" },
        b119: { image: "y" },
    });
});

it("a version that is named changes nothing", () => {
    expect(parseYaml("%YAML 1.1\n---\nx: yes\ny: 1:30\n")).toEqual({ x: "yes", y: "1:30" });
});
