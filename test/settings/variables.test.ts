/** Values arrive as they are written, or the preview names what is in their way. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { asYaml, renderK3sConfig } from "../../components/gateway/k3sConfig";
import { literal } from "../../model/literal";
import { parseSettings } from "../../settings/parse";
import { ODD_TEXTS, ODD_VARIABLES } from "../support/oddTexts";
import { inputs, run } from "../support/program";
import { messageOf, sandbox } from "../support/settings";

/** What Kubernetes makes of a text: third_party/forked/golang/expansion in its source. */
function expanded(text: string, variables: Readonly<Record<string, string>>): string {
    return text.replace(/\$(\$|\(([^)]*)\))/g, (found, what: string, name: string) =>
        what === "$" ? "$" : (variables[name] ?? found),
    );
}

interface Pod {
    spec: {
        template: {
            spec: {
                containers: [
                    {
                        command: string[];
                        args: string[];
                        env: { name: string; value: string }[];
                    },
                ];
            };
        };
    };
}

async function agent(settings: object) {
    const { recorded } = await run({
        gateway: { name: "Test", subnet: "10.213.77.0/24" },
        sandboxes: { a: { image: "x:1", ...settings } },
    });
    const set = inputs<Pod>(recorded, "kubernetes:apps/v1:StatefulSet");
    return { agent: set.spec.template.spec.containers[0], recorded };
}

describe("what Kubernetes looks into", () => {
    const variables = { HOME: "/home", SANDBOX_TOKEN: "secret" };

    it.each(ODD_TEXTS.map((text) => [text.slice(0, 20), text]))("comes out as %j", (_, text) => {
        expect(expanded(literal(text), variables)).toBe(text);
    });

    it("is written so in variables, commands and arguments, and nowhere else", async () => {
        const command = ["node", ...ODD_TEXTS];
        const application = { command, port: 80, staleFiles: ["/tmp/$(HOME)/*.lock"] };
        const { agent: container, recorded } = await agent({
            env: ODD_VARIABLES,
            secretEnv: { S: "$$" },
            application,
        });
        const values = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
        expect(Object.values(values).map((value) => expanded(value, variables))).toEqual(ODD_TEXTS);
        expect(container.args.map((text) => expanded(text, variables))).toEqual([
            ...["/tmp/$(HOME)/*.lock", "--"],
            ...command,
        ]);
        const { stringData } = inputs(recorded, "kubernetes:core/v1:Secret", "a-secret");
        expect(stringData).toMatchObject({ S: "$$" });
    });

    it("stays the same text where there is no dollar", async () => {
        const { agent: container } = await agent({
            env: { A: "it's (fine)" },
            application: { command: ["node", "app.js"], port: 80 },
        });
        expect(container).toMatchObject({
            command: ["/bin/sh", "/opt/sandbox-gateway/start.sh"],
            args: ["--", "node", "app.js"],
            env: [{ name: "A", value: "it's (fine)" }],
        });
    });
});

describe("what k3s reads", () => {
    it("is the same text to YAML 1.1, which ends lines and refuses characters elsewhere", () => {
        const text = "a\u0085b\u2028c\u2029d\ufeffe\u007ff 🦞";
        const rendered = renderK3sConfig({ token: text });
        expect(rendered).toBe('token: "a\\u0085b\\u2028c\\u2029d\\ufeffe\\u007ff 🦞"\n');
        expect(parse(rendered, { version: "1.1" })).toEqual({ token: text });
        expect(JSON.parse(asYaml(JSON.stringify({ x: text })))).toEqual({ x: text });
    });
});

const custom = (value: object) =>
    sandbox({ image: "x:1", application: { command: ["x"], port: 80, ...value } });
const ENDPOINT = { baseUrl: "http://models.lan/v1", apiKey: "k", model: "m" };
const gateway = (value: object) => ({ gateway: value });

describe("a variable that would not arrive is refused by name", () => {
    it.each<[string, object, string, string]>([
        [
            "a token",
            sandbox({ env: { OPENCLAW_GATEWAY_TOKEN: "x" } }),
            "sandboxes.a.env.OPENCLAW_GATEWAY_TOKEN",
            "not be OPENCLAW_GATEWAY_TOKEN, which holds the sandbox's token",
        ],
        [
            "a secret token",
            sandbox({ secretEnv: { OPENCLAW_GATEWAY_TOKEN: "x" } }),
            "sandboxes.a.secretEnv.OPENCLAW_GATEWAY_TOKEN",
            "which holds the sandbox's token",
        ],
        [
            "a token without an application",
            { sandboxes: { a: { image: "x:1", env: { SANDBOX_TOKEN: "x" } } } },
            "sandboxes.a.env.SANDBOX_TOKEN",
            "which holds the sandbox's token",
        ],
        [
            "a token of one's own name",
            custom({ tokenEnv: "T", env: { T: "x" } }),
            "sandboxes.a.application.env.T",
            "which holds the sandbox's token",
        ],
        [
            "an endpoint's",
            sandbox({ env: { INFERENCE_API_KEY: "x" }, inference: ENDPOINT }),
            "sandboxes.a.env.INFERENCE_API_KEY",
            "which is made of inference",
        ],
        [
            "a token in an endpoint's place",
            {
                sandboxes: {
                    a: {
                        image: "x:1",
                        application: { port: 80, tokenEnv: "INFERENCE_API_KEY" },
                        inference: ENDPOINT,
                    },
                },
            },
            "sandboxes.a.application.tokenEnv",
            "made of inference",
        ],
        [
            "one of the application's",
            sandbox({ secretEnv: { HOME: "/x" } }),
            "sandboxes.a.secretEnv.HOME",
            "not be a variable of the application",
        ],
        [
            "one in two places",
            custom({ env: { A: "1" } }).sandboxes.a && {
                sandboxes: { a: { ...custom({ env: { A: "1" } }).sandboxes.a, env: { A: "2" } } },
            },
            "sandboxes.a.application.env.A",
            "not have another value in env",
        ],
        [
            "a shell's",
            custom({ env: { PWD: "/x" } }),
            "sandboxes.a.application.env.PWD",
            "not be PWD, which the shell that starts the program has to itself",
        ],
        [
            "another of a shell",
            sandbox({ env: { IFS: "," } }),
            "sandboxes.a.env.IFS",
            "the shell that starts the program",
        ],
        [
            "one with a zero byte",
            sandbox({ env: { A: "x\0y" } }),
            "sandboxes.a.env.A",
            "hold no zero byte",
        ],
        [
            "one that is too long",
            sandbox({ env: { A: "x".repeat(131_070) } }),
            "sandboxes.a.env.A",
            "have at most 131071 bytes with its name",
        ],
        [
            "a secret that is too long",
            sandbox({ secretEnv: { A: "ü".repeat(65_535) } }),
            "sandboxes.a.secretEnv.A",
            "have at most 131071 bytes",
        ],
        [
            "too many",
            sandbox({
                secretEnv: Object.fromEntries(
                    [..."abcdefghi"].map((n) => [n, "x".repeat(130_000)]),
                ),
            }),
            "sandboxes.a.secretEnv",
            "in all: Kubernetes stores no larger objects",
        ],
        [
            "one without a name that JavaScript keeps",
            { sandboxes: { a: { image: "x:1", env: JSON.parse('{"__proto__": "x"}') as object } } },
            "sandboxes.a.env.__proto__",
            "have another name",
        ],
        [
            "a name that is too long",
            sandbox({ env: { ["N".repeat(254)]: "x" } }),
            `sandboxes.a.env.${"N".repeat(254)}`,
            "be the name of an environment variable",
        ],
        [
            "an argument with a zero byte",
            custom({ command: ["x", "a\0"] }),
            "sandboxes.a.application.command[1]",
            "hold no zero byte",
        ],
        [
            "no program",
            custom({ command: [""] }),
            "sandboxes.a.application.command[0]",
            "be the name or the path of a program",
        ],
        [
            "an option for a program",
            custom({ command: ["-c", "x"] }),
            "sandboxes.a.application.command[0]",
            "be the name or the path of a program",
        ],
        [
            "a flag of k3s",
            gateway({ env: { K3S_DATA_DIR: "/x" } }),
            "gateway.env.K3S_DATA_DIR",
            "not begin with K3S_",
        ],
        [
            "a secret flag of k3s",
            gateway({ secretEnv: { K3S_TOKEN: "x" } }),
            "gateway.secretEnv.K3S_TOKEN",
            "not begin with K3S_",
        ],
        [
            "the entrypoint's",
            gateway({ env: { data: "/x" } }),
            "gateway.env.data",
            "be in capitals",
        ],
        [
            "a shell's, of the gateway",
            gateway({ env: { IFS: "x" } }),
            "gateway.env.IFS",
            "the shell that starts the program",
        ],
    ])("%s", (_, raw, key, rule) => {
        const found = messageOf(raw);
        expect(found).toHaveLength(1);
        expect(found[0]).toContain(`${key}: got `);
        expect(found[0]).toContain(rule);
        expect(found[0]?.length).toBeLessThan(900);
    });

    it.each<[string, object]>([
        ["the application's, in env", sandbox({ env: { HOME: "/x" } })],
        ["another's token", sandbox({ env: { SANDBOX_TOKEN: "x" } })],
        ["an endpoint's without one", sandbox({ env: { INFERENCE_API_KEY: "x" } })],
        [
            "a shell's, where none is between",
            { sandboxes: { a: { image: "x:1", env: { PWD: "/x" } } } },
        ],
        [
            "the same twice",
            {
                sandboxes: {
                    a: {
                        image: "x:1",
                        application: { port: 80, env: { A: "1" } },
                        env: { A: "1" },
                    },
                },
            },
        ],
        ["a file for shells", sandbox({ env: { BASH_ENV: "/x" } })],
        ["a long one", sandbox({ env: { A: "x".repeat(131_069) } })],
        ["a proxy's", gateway({ env: { https_proxy: "x", HTTP_PROXY: "x" } })],
    ])("but not %s", (_, raw) => {
        expect(parseSettings(raw).problems).toEqual([]);
    });
});
