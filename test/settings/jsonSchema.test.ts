/** The JSON Schema by which editors check a stack's file. */
import Ajv from "ajv";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { parseYaml } from "../../model/yaml";
import { renderStackFileSchema, SCHEMA_FILE, stackFileSchema } from "../../settings/jsonSchema";
import { parseSettings } from "../../settings/parse";
import { schemaKeys } from "./schemaKeys";

const ROOT = path.join(__dirname, "..", "..");

const validate = new Ajv({ allErrors: true }).compile(stackFileSchema());

/** Whether the schema takes a file. */
const takes = (file: unknown) => validate(file) === true;

/** A file with some keys of this project. */
const fileOf = (keys: object) => ({
    config: Object.fromEntries(
        Object.entries(keys).map(([key, value]) => [`sandbox-gateway:${key}`, value as unknown]),
    ),
});

const sandbox = (more: object) =>
    fileOf({ sandboxes: { a: { application: "openclaw", ...more } } });

/** Every key of the configuration, each with a value that the program takes. */
const EVERYTHING = {
    running: true,
    protect: false,
    gateway: {
        name: "dev",
        image: "rancher/k3s:v1",
        gateImage: "busybox:1",
        outboundImages: { proxy: "haproxy:3.2", dns: "coredns:1" },
        subnet: "10.213.0.0/24",
        apiPort: 16443,
        ports: "18789-18808",
        bindAddress: "0.0.0.0",
        apiHost: "server.example.org",
        hostAddresses: ["203.0.113.7"],
        imageArchives: ".local/images",
        tlsSans: ["agents.example.org"],
        credentialsGeneration: 2,
        k3s: { "kubelet-arg": ["v=2"], debug: true, v: 3, "kube-proxy-arg": "v=2" },
        newK3sFlags: ["helm-controller-arg"],
        registries: {
            configs: {
                "registry.example.org:5000": {
                    auth: { auth: "a", identity_token: "b", password: "c", username: "d" },
                    tls: {
                        ca_file: "/a",
                        cert_file: "/b",
                        insecure_skip_verify: true,
                        key_file: "/c",
                    },
                },
                "*": null,
            },
            mirrors: { "docker.io": { endpoint: ["https://m"], rewrite: { a: "b" } } },
        },
        memory: "8Gi",
        cpuShares: 512,
        gpus: "all",
        hostAliases: { "models.lan": "192.168.7.20", "other.lan": "host-gateway" },
        dns: ["192.168.7.1"],
        caCertificates: ["~/ca.pem"],
        env: { HTTPS_PROXY: "http://proxy" },
        secretEnv: { HTTP_PROXY: "http://proxy" },
        dockerHost: "ssh://user@server",
    },
    existingCluster: {
        kubeconfig: "~/.kube/config",
        context: "production",
        storageClass: "standard",
        serviceType: "NodePort",
        host: "agents.example.org",
        namespace: "agents",
        ingressFrom: [{ namespace: "ingress", labels: { app: "nginx" } }],
        gateImage: "busybox:1",
        outboundImages: { proxy: "haproxy:3.2", dns: "coredns:1" },
        gateTarget: { host: "10.0.0.1", port: 443 },
        internalNetworks: ["10.42.0.0/16"],
    },
    sandboxes: {
        known: {
            application: "openclaw",
            openclaw: {
                allowedOrigins: ["https://agents.example.org"],
                config: { channels: { telegram: { enabled: true } } },
            },
            workspaceSize: "4Gi",
            egress: ["internet"],
        },
        own: {
            image: "builder:7",
            running: false,
            protect: true,
            application: {
                command: ["node", "app.js"],
                port: 8080,
                path: "/",
                probes: { startup: "/a", readiness: "/b", liveness: "/c" },
                staleFiles: ["/tmp/*.lock"],
                env: { A: "b" },
                tokenEnv: "TOKEN",
            },
            hostPort: 18790,
            env: { TZ: "Europe/Berlin" },
            secretEnv: { KEY: "x" },
            resources: {
                requests: { cpu: 0.5, memory: "1Gi", "ephemeral-storage": "1Gi" },
                limits: { cpu: "500m", memory: "2Gi", "ephemeral-storage": "4Gi" },
            },
            gpus: 0,
            volumeClaimTemplates: [
                { name: "data", mountPath: "/data", size: "1Gi", storageClass: "standard" },
            ],
            nodeSelector: { agents: "true" },
            tolerations: [
                {
                    key: "agents",
                    operator: "Equal",
                    value: "true",
                    effect: "NoSchedule",
                    tolerationSeconds: 300,
                },
            ],
            startTimeoutSeconds: 600,
            user: "root",
            group: 0,
            runtimeClass: "gvisor",
            userNamespace: true,
            readOnlyRoot: true,
            tokenGeneration: 2,
            egress: [
                { internet: true, ports: [443] },
                { cidr: "192.168.7.0/24" },
                { host: "git.lan", private: true },
            ],
            dns: true,
            inference: {
                baseUrl: "https://api.example.org/v1",
                apiKey: "sk",
                model: "small-1",
                proxy: false,
            },
        },
    },
};

/** Whether a value has a key of the schema; `<name>` is any name, and every element of a list counts. */
function has(value: unknown, [first, ...rest]: readonly string[]): boolean {
    if (Array.isArray(value)) {
        return value.some((each) => has(each, first === undefined ? [] : [first, ...rest]));
    }
    if (first === undefined) {
        return true;
    }
    return Object.entries((value ?? {}) as Readonly<Record<string, unknown>>).some(
        ([key, each]) => (first === "<name>" || first === key) && has(each, rest),
    );
}

/** A copy with something else in place of each text. */
function withoutTexts(value: unknown, instead: unknown): unknown {
    if (typeof value === "string") {
        return instead;
    }
    if (Array.isArray(value)) {
        return value.map((each) => withoutTexts(each, instead));
    }
    return typeof value === "object" && value !== null
        ? Object.fromEntries(
              Object.entries(value).map(([key, each]) => [key, withoutTexts(each, instead)]),
          )
        : value;
}

describe("the JSON Schema of a stack's file", () => {
    it("is in the project's folder as it is now (`npm run schema` writes it)", () => {
        expect(readFileSync(path.join(ROOT, SCHEMA_FILE), "utf8")).toBe(renderStackFileSchema());
    });

    it("takes the file of the stack dev, which names the schema for editors", () => {
        const text = readFileSync(path.join(ROOT, "Pulumi.dev.yaml"), "utf8");
        expect(text.split("\n")[0]).toBe(`# yaml-language-server: $schema=./${SCHEMA_FILE}`);
        expect(takes(parseYaml(text))).toBe(true);
    });

    it("takes every key that the program takes, with secrets in place of its texts", () => {
        const missing = schemaKeys().filter(({ key }) => !has(EVERYTHING, key.split(".")));
        expect(missing.map(({ key }) => key)).toEqual([]);
        const { existingCluster, ...local } = EVERYTHING;
        expect(parseSettings(local).problems).toEqual([]);
        expect(parseSettings({ ...local, existingCluster }).problems).toEqual([]);
        expect(takes(fileOf(EVERYTHING))).toBe(true);
        expect(takes(withoutTexts(fileOf(EVERYTHING), { secure: "v1:abc" }))).toBe(true);
        // No text is left that could be a number, say.
        expect(takes(withoutTexts(fileOf(EVERYTHING), { secure: 1 }))).toBe(false);
    });

    it.each<[string, object]>([
        ["values that `--config` has written", fileOf({ running: "false", protect: "true" })],
        ["an object as JSON in a text", fileOf({ gateway: '{"name": "dev"}' })],
        ["what others keep in it", { encryptionsalt: "v1", config: { "aws:region": "eu-west-1" } }],
        ["Pulumi's older form of a key", { config: { "sandbox-gateway:config:running": true } }],
        ["a stack without a value", {}],
    ])("takes %s", (_, file) => {
        expect(takes(file)).toBe(true);
    });

    it.each<[string, object]>([
        ["a key that does not exist", fileOf({ gatway: { name: "dev" } })],
        ["one below", fileOf({ gateway: { nam: "dev" } })],
        ["one of a sandbox", sandbox({ img: "a:1" })],
        ["one beside a secret", sandbox({ image: { secure: "v1:abc", more: "x" } })],
        ["a switch that is neither", fileOf({ running: "yes" })],
        ["a port as a text", fileOf({ gateway: { apiPort: "16443" } })],
        ["a privileged port", fileOf({ gateway: { apiPort: 443 } })],
        ["one port in place of a block", fileOf({ gateway: { ports: 18789 } })],
        ["an image without a tag's form", sandbox({ image: "A B" })],
        ["a name that no sandbox can have", fileOf({ sandboxes: { "A b": {} } })],
        ["an application that is not known", sandbox({ application: "open-claw" })],
        ["a variable that is a number", sandbox({ env: { A: 1 } })],
        ["a secret in place of a switch", sandbox({ running: { secure: "v1:abc" } })],
        ["a destination that is none", sandbox({ egress: ["intranet"] })],
        ["an endpoint without a key", sandbox({ inference: { baseUrl: "https://a", model: "b" } })],
    ])("refuses %s", (_, file) => {
        expect(takes(file)).toBe(false);
    });

    it("has patterns that editors take, which read them as Unicode", () => {
        const patterns = [...renderStackFileSchema().matchAll(/"pattern": (".*")/g)];
        expect(patterns.length).toBeGreaterThan(10);
        for (const [, pattern = ""] of patterns) {
            expect(() => new RegExp(JSON.parse(pattern) as string, "u")).not.toThrow();
        }
    });

    it("says of every key what it is", () => {
        const silent = schemaKeys().filter(({ schema }) => schema["description"] === undefined);
        expect(silent.map(({ key }) => key)).toEqual([]);
    });
});
