/** Texts without quotes, of which YAML makes something else: the message has them as they were written. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSettings } from "../../settings/parse";
import { explain } from "../../settings/problems";
import { readProject, readStackConfig, readWritten } from "../../settings/stackConfig";
import { readPlace } from "../../cli/stack/stackFile";
import { run } from "../support/program";
import { messageOf, sandbox } from "../support/settings";

let folder: string;
let before: string;

beforeEach(() => {
    before = process.cwd();
    folder = mkdtempSync(path.join(os.tmpdir(), "quotes-"));
    process.chdir(folder);
});

afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
});

const RULE = (kind: string) =>
    `must be a text in quotes: without them YAML makes ${kind} of it (\`pulumi config set\` takes \`--type string\`)`;

/** What is said of a stack's file. @param changed what the engine has made of a value that it changes */
function said(text: string, changed?: (raw: Record<string, unknown>) => void): string[] {
    writeFileSync("Pulumi.yaml", "name: sandbox-gateway\n");
    writeFileSync("Pulumi.test.yaml", text);
    const project = readProject(folder);
    const file = path.join(folder, "Pulumi.test.yaml");
    const raw: Record<string, unknown> = { ...readStackConfig(project, file) };
    changed?.(raw);
    const { problems } = parseSettings(raw, undefined, readWritten(project, file));
    return explain(problems)
        .split("\n")
        .slice(1)
        .map((line) => line.trim());
}

const env = (value: string) =>
    `config:\n  sandbox-gateway:sandboxes:\n    a:\n      application: openclaw\n      env:\n        A: ${value}\n`;

describe("a text without quotes", () => {
    it.each<[string, string, string, string]>([
        ["1", "1", "a number", '"1"'],
        ["-1", "-1", "a number", '"-1"'],
        // What arrives is less than what was written.
        ["3.10", "3.1", "a number", '"3.10"'],
        ["1e3", "1000", "a number", '"1e3"'],
        ["0x1f", "31", "a number", '"0x1f"'],
        ["0644", "420", "a number", '"0644"'],
        ["1_000 # comment", "1000", "a number", '"1_000"'],
        ["12345678901234567890", "12345678901234567000", "a number", '"12345678901234567890"'],
        ["true", "true", "a truth value", '"true"'],
        ["True", "true", "a truth value", '"True"'],
        ["null", "null", "nothing", '"null"'],
        ["~", "null", "nothing", '"~"'],
        ["", "null", "nothing", '""'],
    ])("that is %s", (text, got, kind, example) => {
        expect(said(env(text))).toEqual([
            `sandboxes.a.env.A: got ${got}; ${RULE(kind)}; for example ${example}`,
        ]);
    });

    it.each(["on", "yes", "No", "1:30", "1.2.3", "'1'", '"2020-01-01"', "|\n          1"])(
        "that YAML takes for a text arrives: %s",
        (text) => {
            expect(said(env(text))).toEqual([]);
        },
    );

    it.each<[string, string]>([
        ["2020-01-01", "2020-01-01 00:00:00 +0000 UTC"],
        ["2020-1-1 10:00:00", "2020-01-01 10:00:00 +0000 UTC"],
        ["2020-01-01T10:00:00.5+02:00", "2020-01-01 10:00:00.5 +0200 +0200"],
    ])("that is the date %s is refused, in whichever form it arrives", (text, got) => {
        const changed = (raw: Record<string, unknown>) => {
            raw["sandboxes"] = sandbox({ env: { A: got } }).sandboxes;
        };
        expect(said(env(text), changed)).toEqual([
            `sandboxes.a.env.A: got ${JSON.stringify(got)}; ${RULE("a date")}; for example ${JSON.stringify(text)}`,
        ]);
        // Written so by somebody, or in a file that the engine was not given.
        expect(said(env(`"${got}"`), changed)).toEqual([]);
        expect(said(env("other"), changed)).toEqual([]);
    });

    it.each<[object, string, string]>([
        [sandbox({ nodeSelector: { agents: true } }), "sandboxes.a.nodeSelector.agents", '"true"'],
        [
            sandbox({ tolerations: [{ key: "a", value: 1 }] }),
            "sandboxes.a.tolerations[0].value",
            '"1"',
        ],
        [
            {
                sandboxes: {
                    a: { image: "x:1", application: { port: 80, command: ["sleep", 3600] } },
                },
            },
            "sandboxes.a.application.command[1]",
            '"3600"',
        ],
        [
            {
                sandboxes: {
                    a: { image: "x:1", application: { port: 80, env: { A: false } } },
                },
            },
            "sandboxes.a.application.env.A",
            '"false"',
        ],
        [
            sandbox({ inference: { baseUrl: "http://x", apiKey: "k", model: 4 } }),
            "sandboxes.a.inference.model",
            '"4"',
        ],
        [{ gateway: { name: 2026 } }, "gateway.name", '"2026"'],
        [{ gateway: { env: { TZ: 1 } } }, "gateway.env.TZ", '"1"'],
    ])("is named wherever a text is wanted: %j", (raw, key, example) => {
        const [message, ...more] = messageOf(raw);
        expect(message).toMatch(new RegExp(`^${key.replace(/[.[\]]/g, "\\$&")}: got `));
        expect(message).toContain(`must be a text in quotes`);
        expect(message).toMatch(new RegExp(`for example ${example}$`));
        expect(more).toEqual([]);
    });

    it("keeps the rule that quotes alone do not solve", () => {
        expect(messageOf(sandbox({ workspaceSize: 2 }))).toEqual([
            "sandboxes.a.workspaceSize: got 2; must be a Kubernetes quantity of storage; for example 2Gi",
        ]);
        expect(messageOf({ gateway: { ports: 18789 } })[0]).toContain("must be a block of ports");
    });

    it("is not shown in part where it is secret", () => {
        const [message] = messageOf(sandbox({ secretEnv: { PIN: 123 } }));
        expect(message).toBe(
            `sandboxes.a.secretEnv.PIN: got a secret value; ${RULE("a number")}; for example "..."`,
        );
    });

    it("is reported by the tools as well, before the engine runs", () => {
        writeFileSync("Pulumi.yaml", "name: sandbox-gateway\nstackConfigDir: stacks\n");
        mkdirSync("stacks");
        writeFileSync("stacks/Pulumi.dev.yaml", "config:\n  gateway:\n    env: { TZ: 0x1f }\n");
        expect(() => readPlace({ root: folder, stack: "dev" })).toThrow(
            `gateway.env.TZ: got 31; ${RULE("a number")}; for example "0x1f"`,
        );
    });

    it("is reported by the program from the stack's file", async () => {
        writeFileSync("Pulumi.yaml", "name: sandbox-gateway\n");
        writeFileSync("Pulumi.test.yaml", env("3.10"));
        await expect(run(sandbox({ env: { A: 3.1 } }))).rejects.toThrow('for example "3.10"');
    });
});
