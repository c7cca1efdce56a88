/**
 * The life of a gateway with two sandboxes: the real engine, real Docker, a real kubelet.
 *
 * The steps build on one another and run in the order in which they stand here.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, type Evidence } from "../support/evidence";
import { MODEL, startFakeModel, type FakeModel } from "../support/fakeModel";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import { AGENT, ASSISTANT, ASSISTANT_IMAGES } from "../support/sandboxes";
import { run } from "../support/run";
import { pageAnswer } from "../support/page";
import { TestStack } from "../support/stack";
import { until } from "../support/steps";

const CYCLES = 3;

/** What a stop changes: how the provider treats an absent API, replicas, and which container there is. */
const STOP = [
    "create docker:index/container:Container gateway-keeper",
    "delete docker:index/container:Container gateway-k3s",
    "update kubernetes:apps/v1:Deployment outbound-proxy",
    "update kubernetes:apps/v1:StatefulSet agent-agent",
    "update kubernetes:apps/v1:StatefulSet assistant-agent",
    "update pulumi:providers:kubernetes gateway-kubernetes",
];

const START = [
    "create docker:index/container:Container gateway-k3s",
    "delete docker:index/container:Container gateway-keeper",
    ...STOP.filter((step) => step.startsWith("update")),
];

let stack: TestStack;
let before: Evidence;

let model: FakeModel;

/** Where a proxy with TLS would have the assistant's page. */
const PROXIED = "https://agents.example.org";

/** Settings of one's own: a second provider, which is asked without the proxy, with a key of its own. */
const OWN_ENV = { OWN_KEY: randomBytes(16).toString("hex") };
const own = (baseUrl: string) => ({
    allowedOrigins: [PROXIED],
    config: {
        models: {
            providers: {
                own: {
                    baseUrl,
                    apiKey: "${OWN_KEY}",
                    api: "openai-completions",
                    models: [{ id: MODEL, name: MODEL }],
                },
            },
        },
    },
});

const config = (overrides: object = {}) => {
    const host = hostAddress(parseSubnet(stack.subnet) as Subnet, 1);
    const inference = {
        baseUrl: `http://${host}:${model.port}/v1`,
        apiKey: model.key,
        model: MODEL,
    };
    const egress = [{ cidr: `${host}/32`, ports: [model.port] }];
    return {
        gateway: { imageArchives: ASSISTANT_IMAGES },
        sandboxes: {
            agent: AGENT,
            assistant: {
                ...ASSISTANT,
                inference,
                egress,
                openclaw: own(inference.baseUrl),
                secretEnv: OWN_ENV,
            },
        },
        ...overrides,
    };
};

beforeAll(async () => {
    stack = await TestStack.create("life");
    model = await startFakeModel(randomBytes(16).toString("hex"));
    stack.configure(config());
});

afterAll(async () => {
    model?.close();
    await stack?.remove();
});

/** The page of the real application. */
async function openclawPage(): Promise<string> {
    const { assistant } = await stack.output<Record<string, string>>("urls");
    return (await fetch(assistant as string)).text();
}

/** What the assistant answers, through its published port and with its token, asking its model. */
async function ask(headers: Record<string, string> = {}): Promise<string> {
    const { assistant } = await stack.output<Record<string, string>>("tokenUrls");
    const [url, token] = (assistant as string).split("#token=");
    const response = await fetch(`${url}v1/chat/completions`, {
        method: "POST",
        headers: {
            ...{ authorization: `Bearer ${token}`, "content-type": "application/json" },
            ...headers,
        },
        body: JSON.stringify({
            model: "openclaw/default",
            messages: [{ role: "user", content: "ping" }],
        }),
        signal: AbortSignal.timeout(60_000),
    });
    const body = (await response.json()) as { choices?: [{ message: { content: string } }] };
    return body.choices?.[0].message.content ?? JSON.stringify(body);
}

describe("a gateway", () => {
    it("is previewed as creations only, and nothing is made", async () => {
        const changes = await stack.preview();
        expect(changes.length).toBeGreaterThan(25);
        expect(changes.filter((change) => !change.startsWith("create "))).toEqual([]);
        expect(await stack.inDocker()).toEqual([]);
    });

    it("comes up with both sandboxes and OpenClaw's page on its URL", async () => {
        await stack.up();
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await openclawPage()).toContain("<title>OpenClaw Control</title>");
    });

    it("changes nothing when it is up already", async () => {
        await stack.up("--expect-no-changes");
    });

    it("has seeded each workspace once from its image", async () => {
        expect(await stack.shell("agent", "cat /sandbox/.workspace-initialized")).toMatch(
            /^image=sandbox-gateway\/test-agent:1\nfiles=[1-9][0-9]*\n$/,
        );
        expect(await stack.shell("assistant", "cat /sandbox/README.md")).toContain("workspace");
    });

    it("keeps no secret in clear in its state", async () => {
        const state = await stack.pulumi(["stack", "export"]);
        const opened = await stack.pulumi(["stack", "export", "--show-secrets"]);
        const tokens = [...opened.matchAll(/"plaintext": "\\"([0-9a-f]{32,64})\\""/g)].map(
            ([, hex]) => hex,
        );
        expect(tokens.length).toBeGreaterThan(4);
        for (const token of tokens as string[]) {
            expect(state).not.toContain(token);
            expect(state).not.toContain(Buffer.from(token).toString("base64"));
            expect(state).not.toContain(Buffer.from(token, "hex").toString("base64"));
        }
        expect(opened).toContain("PRIVATE KEY");
        expect(state).not.toContain("PRIVATE KEY");
        expect(state).not.toContain(
            Buffer.from("-----BEGIN EC PRIVATE KEY").toString("base64").slice(0, 30),
        );
    });

    it("lets the assistant ask its model, and no one else", async () => {
        expect(await ask()).toBe("PONG");
        expect(model.seen.at(-1)).toBe(`Bearer ${model.key}`);
        const pods = await stack.kubectl(
            "-n",
            "sandboxes",
            "get",
            "pods,statefulsets,configmaps",
            "-o",
            "yaml",
        );
        expect(pods).not.toContain(model.key);
        expect(await stack.pulumi(["stack", "export"])).not.toContain(model.key);
        expect(await stack.pulumi(["preview", "--diff"])).not.toContain(model.key);
    });

    it("has the settings of one's own that OpenClaw was given", async () => {
        // The endpoint refuses this key, and tells which one it was asked with.
        await ask({ "x-openclaw-model": `own/${MODEL}` });
        expect(model.seen.at(-1)).toBe(`Bearer ${OWN_ENV.OWN_KEY}`);
        const set = "openclaw config set update.checkOnStart true 2>&1 || true";
        expect(await stack.shell("assistant", set)).toContain("Config is externally managed");
    });

    it("lets browsers in at the origins that are allowed, and nowhere else", async () => {
        const { assistant } = await stack.output<Record<string, string>>("urls");
        const at = (origin: string) => pageAnswer(assistant as string, origin);
        // Let in as far as a client without a device's key comes.
        const known = "CONTROL_UI_DEVICE_IDENTITY_REQUIRED";
        expect(await at(new URL(assistant as string).origin)).toBe(known);
        expect(await at(PROXIED)).toBe(known);
        expect(await at("https://elsewhere.example.org")).toBe("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    });

    it("takes files into a workspace", async () => {
        await stack.shell("agent", PLANT);
        before = await collect(stack, "agent");
        expect(before.workspace.split("\n").length).toBeGreaterThan(1000);
        expect(JSON.parse(before.nodes)).toEqual([
            stack.node,
            expect.any(String),
            expect.any(Array),
        ]);
    });
});

describe.each(Array.from({ length: CYCLES }, (_, i) => i + 1))("stop and start, cycle %i", () => {
    it("previews the stop as one creation, one deletion and no replacement", async () => {
        stack.configure(config({ running: false }));
        expect(await stack.preview()).toEqual(STOP);
    });

    it("stops: a keeper is there in place of the container", async () => {
        await stack.up();
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
    });

    it("changes nothing by up, refresh and preview while stopped", async () => {
        await stack.up("--expect-no-changes");
        await stack.pulumi(["refresh", "--yes", "--skip-preview", "--expect-no-changes"]);
        expect(await stack.preview()).toEqual([]);
    });

    it("previews the start as the same the other way round", async () => {
        stack.configure(config());
        expect(await stack.preview()).toEqual(START);
    });

    it("starts with everything as it was", async () => {
        await stack.up();
        expect(await collect(stack, "agent")).toEqual(before);
        expect(await openclawPage()).toContain("<title>OpenClaw Control</title>");
        expect(await ask()).toBe("PONG");
    });

    it("takes more files", async () => {
        await stack.shell("agent", "date > /sandbox/cycle-$(date +%s%N)");
        before = await collect(stack, "agent");
    });
});

describe("OpenClaw itself", () => {
    it.each([
        ["is killed", "KILL", 90],
        ["hangs", "STOP", 180],
    ])(
        "comes back without any command when it %s, and is called recovered",
        async (_, signal, bound) => {
            const restarts = async () =>
                (await stack.pod("assistant")).status.containerStatuses?.[0]?.restartCount ?? 0;
            const before = await restarts();
            await run("docker", ["exec", stack.container, "sh", "-c", signalNode(signal)]);
            await until("the page is back", bound, async () => {
                return (
                    (await restarts()) > before && (await stack.state("assistant")) === "recovered"
                );
            });
            expect(await openclawPage()).toContain("<title>OpenClaw Control</title>");
            expect(await ask()).toBe("PONG");
        },
    );
});

/** Sends a signal to every process of Node.js in the gateway: the assistant's, and no other. */
const signalNode = (signal: string) =>
    `for p in /proc/[0-9]*; do case $(readlink $p/exe) in */node) kill -${signal} \${p#/proc/} ;; esac; done`;

describe("a gateway that is ended behind Pulumi's back", () => {
    it.each([
        ["killed", ["kill"]],
        // With the anonymous volumes of the image; the named one stays.
        ["removed", ["rm", "--force", "--volumes"]],
    ])("is healed when it was %s", async (_, command) => {
        await run("docker", [...command, stack.container]);
        await stack.up("--refresh", "--run-program");
        // Right after such a start the API still tells how it was before: ask the sandboxes.
        await until("the sandboxes are back", 120, async () => {
            await stack.shell("agent", "true");
            return (await openclawPage()).includes("<title>OpenClaw Control</title>");
        });
        expect(await collect(stack, "agent")).toEqual(before);
        await stack.up("--expect-no-changes");
    });
});

describe("destroying", () => {
    it("is refused while protected, with nothing touched", async () => {
        const { status, stdout, stderr } = await stack.tryPulumi(["destroy", "--yes"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain("cannot be deleted");
        expect(stdout + stderr).toContain("protect");
        expect(await collect(stack, "agent")).toEqual(before);
    });

    it("asks for the gateway's name once protection is lifted, and keeps the data alone", async () => {
        stack.configure(config({ protect: false }));
        const up = await stack.tryPulumi(["up", "--yes", "--skip-preview"]);
        expect(up.status).toBe(0);
        expect(up.stdout + up.stderr).toContain("for protect is false");
        const asked = await stack.make("destroy");
        expect(asked.stderr).toContain(`make destroy CONFIRM=${stack.gateway}`);
        expect(await collect(stack, "agent")).toEqual(before);
        const { status, stdout } = await stack.make("destroy", { CONFIRM: stack.gateway });
        expect(status).toBe(0);
        expect(stdout).toContain(`docker volume rm ${stack.container}\n`);
        expect(stdout).toContain("protect=false taken out of Pulumi.test.yaml");
        expect(await stack.inDocker()).toEqual(["volume"]);
    });

    it("leaves a volume that no other state gets by its name", async () => {
        stack.configure(config());
        const owner = ["volume", "inspect", "--format", "{{json .}}", stack.container];
        const volume = await run("docker", owner);
        for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
            const { status, stdout, stderr } = await stack.tryPulumi(command);
            expect(status).not.toBe(0);
            expect(stdout + stderr).toContain(`${stack.container} belongs to another gateway`);
            expect(await stack.inDocker()).toEqual(["volume"]);
        }
        expect(await run("docker", owner)).toBe(volume);
    });
});

/** A thousand small files, and names and kinds that are easily lost. */
const PLANT = String.raw`
set -e
mkdir -p /sandbox/tree/deep && cd /sandbox/tree
i=0; while [ $i -lt 1000 ]; do echo "$i" > "deep/file $i"; i=$((i+1)); done
ln -s "deep/file 1" link; ln -s . self; ln "deep/file 2" hard
mkdir -m 0700 closed; echo secret > closed/key; chmod 0600 closed/key
: > "$(printf 'new\nline')"; : > ./-dash
head -c 3000000 /dev/zero > zeros; touch -t 202001010000 zeros
`;
