/** What was given with `--secret` stays secret, wherever it stands. */
import * as pulumi from "@pulumi/pulumi";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseSettings } from "../../settings/parse";
import { explain } from "../../settings/problems";
import { findSecrets } from "../../settings/secrets";
import { Encrypted } from "../../settings/stackConfig";
import { find, isSecret, plain } from "../support/mocks";
import { inputs, run } from "../support/program";

const SECRET = "ghp_A1b2C3d4";

type Values = Record<string, unknown>;

/** The file of a configuration, in which every text with a secret is encrypted. */
function fileOf(value: unknown): unknown {
    if (typeof value === "string") {
        return value.includes(SECRET) ? new Encrypted() : value;
    }
    if (Array.isArray(value)) {
        return value.map(fileOf);
    }
    return typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fileOf(inner)]))
        : value;
}

function parse(raw: Values, file: unknown = fileOf(raw)) {
    const keys = Object.keys(raw).filter((key) => JSON.stringify(raw[key]).includes(SECRET));
    return parseSettings(raw, findSecrets(raw, keys, file as Values));
}

const sandbox = (value: object) => ({ sandboxes: { a: { image: "x:1", ...value } } });

describe("a secret is kept where the program keeps secrets", () => {
    it("that stands among the variables in clear", () => {
        const { settings, problems } = parse({
            gateway: { env: { HTTPS_PROXY: `http://u:${SECRET}@proxy`, A: "1" } },
            sandboxes: {
                a: {
                    image: "x:1",
                    env: { T: SECRET, TZ: "UTC" },
                    secretEnv: { OTHER: SECRET, PLAIN: "x" },
                    application: { port: 80, env: { T: "mine", U: SECRET, V: "x" } },
                },
            },
        });
        expect(problems).toMatchObject([{ key: "sandboxes.a.application.env.T" }]);
        expect(settings?.gateway).toMatchObject({
            env: { A: "1" },
            secretEnv: { HTTPS_PROXY: `http://u:${SECRET}@proxy` },
        });
        expect(settings?.sandboxes["a"]).toMatchObject({
            env: { TZ: "UTC" },
            secretEnv: { OTHER: SECRET, PLAIN: "x", T: SECRET, U: SECRET },
            application: { env: { T: "mine", V: "x" } },
        });
    });

    it("also where another file was given to the engine: then everything may be one", () => {
        const raw = sandbox({ env: { T: SECRET, TZ: "UTC" }, secretEnv: { K: "x" } });
        for (const file of [{}, { sandboxes: { a: { image: "x:2" } } }, sandbox({ env: {} })]) {
            const { settings, problems } = parse(raw, file);
            expect(problems).toEqual([]);
            expect(settings?.sandboxes["a"]).toMatchObject({
                env: {},
                secretEnv: { T: SECRET, TZ: "UTC", K: "x" },
            });
        }
    });
});

describe("a secret that could not be kept is refused by its key, and never repeated", () => {
    it.each<[string, Values, string]>([
        [
            "a command",
            sandbox({ application: { port: 80, command: ["x", SECRET] } }),
            "sandboxes.a.application.command[1]",
        ],
        [
            "a label of a node",
            sandbox({ nodeSelector: { x: SECRET } }),
            "sandboxes.a.nodeSelector.x",
        ],
        [
            "a model",
            sandbox({ inference: { baseUrl: "http://x/", apiKey: "k", model: SECRET } }),
            "sandboxes.a.inference.model",
        ],
        [
            "a flag of k3s",
            { gateway: { k3s: { "etcd-s3-secret-key": SECRET } } },
            "gateway.k3s.etcd-s3-secret-key",
        ],
        ["a name", { gateway: { name: SECRET } }, "gateway.name"],
        ["an image", sandbox({ image: `x:${SECRET}` }), "sandboxes.a.image"],
        ["a misspelt key", sandbox({ labelz: { x: SECRET } }), "sandboxes.a.labelz"],
        [
            "a list below a misspelt key",
            sandbox({ hosts: [{ x: SECRET }, 1] }),
            "sandboxes.a.hosts",
        ],
        ["a key that no sandbox has", { sandboxez: { a: { env: { X: SECRET } } } }, "sandboxez"],
        ["a list in place of an object", { sandboxes: [{ env: { X: SECRET } }] }, "sandboxes"],
        ["a number in place of a text", { gateway: { apiPort: SECRET } }, "gateway.apiPort"],
        [
            "a sandbox with a dot in its name",
            { sandboxes: { "a.b": { image: "x:1", openclaw: { config: SECRET } } } },
            'sandboxes["a.b"]',
        ],
        ["a name that is none", sandbox({ env: { "A-B": SECRET } }), "sandboxes.a.env.A-B"],
    ])("%s", (_, raw, key) => {
        for (const file of [fileOf(raw), {}]) {
            const { problems } = parse(raw, file);
            const message = explain(problems);
            expect(message).not.toContain(SECRET.slice(0, 6));
            if (file !== undefined && Object.keys(file as Values).length > 0) {
                expect(problems.map((problem) => problem.key)).toEqual([key]);
                expect(message).toContain(`${key}: got a secret value; must `);
            }
        }
    });

    it.each([`HTTPS://Inner.example.org/${SECRET}`, `HTTPS://user:${SECRET}@Inner.example.org`])(
        "in an example that is made of it: %s",
        (origin) => {
            const config = (origin: string) => ({
                ...sandbox({ application: "openclaw", openclaw: { allowedOrigins: [origin] } }),
            });
            const secret = parse(config(origin)).problems;
            expect(explain(secret)).not.toMatch(/inner/i);
            const clear = parse(config("https://Inner.example.org/x")).problems;
            expect(explain(clear)).toContain("for example https://inner.example.org");
        },
    );

    it("a whole configuration in one text", () => {
        const raw = sandbox({ env: { T: SECRET } });
        const { problems } = parse(raw, { sandboxes: new Encrypted() });
        expect(explain(problems)).toContain("sandboxes: got a secret value; must stand in clear");
    });

    it("a switch", () => {
        const { problems } = parseSettings(
            { running: true },
            findSecrets({ running: true }, ["running"], { running: new Encrypted() }),
        );
        expect(explain(problems)).toMatch(
            /^ {2}running: got a secret value; must stand in clear: .*; for example the same without --secret$/m,
        );
    });

    it("that another rule speaks of", () => {
        const raw = {
            gateway: { ports: "18789-18790" },
            ...sandbox({
                application: { port: 80, command: ["x"] },
                hostPort: 20000,
                env: { T: SECRET, PWD: SECRET },
            }),
        };
        const message = explain(parse(raw).problems);
        expect(message).toContain("sandboxes.a.env.PWD: got a secret value");
        expect(message).toContain(
            "sandboxes.a.hostPort: got 20000; must lie in gateway.ports (18789-18790)",
        );
        expect(message).not.toContain(SECRET);
    });
});

describe("the program", () => {
    let folder: string;
    const before = process.cwd();

    beforeEach(() => {
        folder = mkdtempSync(path.join(os.tmpdir(), "secrets-"));
        process.chdir(folder);
    });

    afterEach(() => {
        process.chdir(before);
        rmSync(folder, { recursive: true, force: true });
        vi.restoreAllMocks();
    });

    const CONFIG = {
        gateway: { name: "Test", subnet: "10.213.77.0/24" },
        ...sandbox({ env: { T: SECRET, TZ: "UTC" } }),
    };

    const registered = async () => {
        const { recorded } = await run(CONFIG, false, undefined, undefined, undefined, [
            "sandboxes",
        ]);
        const pod = JSON.stringify(inputs(recorded, "kubernetes:apps/v1:StatefulSet"));
        const { stringData } = find(recorded, "kubernetes:core/v1:Secret", "a-secret").inputs;
        return { pod, stringData };
    };

    it("takes from the stack's file which values are secret", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
        writeFileSync("Pulumi.yaml", "name: sandbox-gateway\nstackConfigDir: stacks\n");
        mkdirSync("stacks");
        writeFileSync(
            "stacks/Pulumi.test.yaml",
            'config:\n  "sandbox-gateway:sandboxes": {"a": {image: x:1, env: {T: {"secure": v1:x}, TZ: UTC}}}\n',
        );
        const { pod, stringData } = await registered();
        expect(pod).toContain('{"name":"TZ","value":"UTC"}');
        expect(pod).not.toContain(SECRET);
        expect(isSecret(stringData)).toBe(true);
        expect(plain(stringData)).toMatchObject({ T: SECRET });
        expect(plain(stringData)).not.toHaveProperty("TZ");
        expect(warn).not.toHaveBeenCalled();
    });

    it("says so when it cannot, and keeps every variable", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
        const { pod, stringData } = await registered();
        expect(pod).not.toContain('"TZ"');
        expect(plain(stringData)).toMatchObject({ T: SECRET, TZ: "UTC" });
        expect(warn).toHaveBeenCalledWith(
            expect.stringContaining("sandboxes: which values are secret cannot be told"),
        );
    });
});
