/**
 * What a sandbox reaches by name, and a model whose key it does not have. The hosts are this machine's, under
 * names that one DNS server knows, all at one address. The steps build on one another.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Attempt } from "../../cli/status/trafficLog";
import { Internet } from "../support/internet";
import { holders, processesOf } from "../support/podMemory";
import { attempt } from "../support/run";
import { AGENT, OUTBOUND_IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";
import { until } from "../support/steps";
import { Wire } from "../support/wire";

const LISTED = "good.test";
const NEIGHBOUR = "evil.test";
const BELOW = "deep.below.wild.test";
const PLAIN = "plain.test";
const NEAR = "near.test";
const LATER = "later.test";
const MODEL = "model.test";

/** What no sandbox may know. */
const KEY = `sk-${randomBytes(24).toString("hex")}`;

let stack: TestStack;
let internet: Internet;

const egress = [
    { host: LISTED },
    { host: "*.wild.test" },
    { host: PLAIN, ports: [80] },
    { host: NEAR, ports: [443, 80] },
];

const config = (more: readonly object[] = [], overrides: object = {}) => ({
    gateway: {
        imageArchives: OUTBOUND_IMAGES,
        dns: [internet.address],
        caCertificates: [internet.certificate],
    },
    sandboxes: {
        named: {
            ...AGENT,
            egress: [...egress, ...more],
            inference: { baseUrl: `https://${MODEL}/v1/`, apiKey: KEY, model: "pong-1" },
        },
        closed: AGENT,
        free: { ...AGENT, egress: ["internet"] },
    },
    ...overrides,
});

beforeAll(async () => {
    const hosts = [LISTED, NEIGHBOUR, BELOW, PLAIN, LATER, MODEL];
    internet = await Internet.start(hosts, { [NEAR]: "10.99.99.99" }, KEY);
    stack = await TestStack.create("outbound");
    stack.configure(config());
    await stack.up();
});

afterAll(async () => {
    await internet?.stop();
    await stack?.remove();
});

/** A page, as the agent in a sandbox gets it; what its client says when it gets none. */
const ask = async (url: string, sandbox = "named") => {
    const said = await stack.shell(sandbox, `timeout 8 wget -q -O - '${url}' 2>&1 || true`);
    // Of a client that looks at no certificate.
    return said.replace(/^wget: note: .*\n/m, "");
};

/** Where a sandbox finds the proxy. */
const proxyOf = async (sandbox: string) =>
    (
        await stack.kubectl(
            ...["-n", "sandboxes", "get", "service", `${sandbox}-outbound`],
            ...["-o", "jsonpath={.spec.clusterIP}"],
        )
    ).trim();

/** A request from a sandbox's own network that means one host and goes to the proxy. */
async function asksFor(sandbox: string, host: string, port = 443): Promise<number> {
    const [pid] = processesOf((await stack.pod(sandbox)).metadata.uid);
    const scheme = port === 443 ? "https" : "http";
    const to = ["--resolve", `${host}:${port}:${await proxyOf("named")}`];
    const { status } = await attempt("nsenter", [
        ...["--net", "--target", String(pid), "curl", "--silent", "--insecure", "--max-time", "5"],
        ...[...to, "--fail", `${scheme}://${host}:${port}/`],
    ]);
    return status;
}

const traffic = async (env: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = await stack.make("traffic", { JSON: "1", ...env });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as Attempt[];
};

/** The last that the log says of a host. */
const last = async (host: string, about: "name" | "connection") =>
    (await traffic())
        .filter((each) => each.host === host && (each.port === undefined) === (about === "name"))
        .at(-1);

describe("a destination by name", () => {
    it("is reached over its own TLS, and is in the log", async () => {
        expect(await ask(`https://${LISTED}/`)).toBe(`this is ${LISTED}\n`);
        expect(internet.seen.at(-1)).toMatchObject({ host: LISTED, servername: LISTED });
        expect(await last(LISTED, "name")).toMatchObject({ sandbox: "named", verdict: "resolved" });
        expect(await last(LISTED, "connection")).toMatchObject({
            ...{ sandbox: "named", verdict: "allowed", port: 443 },
            address: internet.address,
        });
    });

    it("is any name below a domain with `*.`, and not the domain itself", async () => {
        expect(await ask(`https://${BELOW}/`)).toBe(`this is ${BELOW}\n`);
        expect(await ask("https://wild.test/")).toContain("bad address");
    });

    it("is plain HTTP on port 80, where every request is looked at", async () => {
        expect(await ask(`http://${PLAIN}/`)).toBe(`this is ${PLAIN}\n`);
        expect(await asksFor("named", PLAIN, 80)).toBe(0);
        expect(await asksFor("named", NEIGHBOUR, 80)).not.toBe(0);
        expect(await last(NEIGHBOUR, "connection")).toMatchObject({
            ...{ verdict: "not-listed", port: 80 },
        });
    });

    it("is refused at an address of a private network", async () => {
        expect(await ask(`https://${NEAR}/`)).not.toContain("this is");
        expect(await ask(`http://${NEAR}/`)).toContain("403");
        expect(await last(NEAR, "connection")).toMatchObject({ verdict: "private-address" });
    });
});

describe("what is not listed", () => {
    it("is refused at the very address of what is", async () => {
        expect(await asksFor("named", LISTED)).toBe(0);
        expect(await asksFor("named", NEIGHBOUR)).not.toBe(0);
        expect(internet.seen.some(({ servername }) => servername === NEIGHBOUR)).toBe(false);
        expect(await last(NEIGHBOUR, "connection")).toMatchObject({
            ...{ sandbox: "named", verdict: "not-listed", port: 443 },
        });
    });

    it("is refused when a listed host sends there", async () => {
        expect(await ask(`https://${LISTED}/to/${NEIGHBOUR}/`)).toContain("bad address");
        expect(await last(NEIGHBOUR, "name")).toMatchObject({
            ...{ sandbox: "named", verdict: "not-resolved" },
        });
    });

    it("is not reached by its address", async () => {
        expect(await ask(`http://${internet.address}/`, "free")).toContain("this is");
        expect(await ask(`http://${internet.address}/`)).not.toContain("this is");
    });

    it("is no name either, so that nothing leaves as a question", async () => {
        const told = `${randomBytes(8).toString("hex")}.${NEIGHBOUR}`;
        await stack.shell("named", `nslookup ${told} || true`);
        // The cluster's own resolver, which asks everybody.
        await stack.shell("named", `timeout 5 nslookup ${told} 10.43.0.10 || true`);
        expect(internet.dns.asked).not.toContain(told);
        await stack.shell("free", `nslookup ${told} || true`);
        expect(internet.dns.asked).toContain(told);
    });

    it("is everything, for a neighbour that goes to the same proxy", async () => {
        expect(await asksFor("closed", LISTED)).not.toBe(0);
        expect(await asksFor("free", LISTED)).not.toBe(0);
    });
});

describe("the model of a sandbox", () => {
    /** As a client does it that has a key of its own, or none. */
    const askModel = (header = "") =>
        stack.shell(
            "named",
            `timeout 8 wget -q -O - ${header} --post-data '{}' "$INFERENCE_BASE_URL/chat/completions" 2>&1 || true`,
        );

    let wire: Wire;

    beforeAll(async () => {
        wire = await Wire.tap(stack.container);
    });

    afterAll(async () => {
        await wire?.stop();
    });

    it("answers, although the sandbox has no key", async () => {
        expect(await askModel()).toBe("PONG\n");
        expect(await askModel("--header 'Authorization: Bearer mine'")).toBe("PONG\n");
        expect(internet.seen.at(-1)).toEqual({
            ...{ host: MODEL, servername: MODEL, url: "/v1/chat/completions" },
            authorization: `Bearer ${KEY}`,
        });
        expect(await last("inference.local", "connection")).toMatchObject({
            ...{ sandbox: "named", verdict: "allowed" },
        });
    });

    it("is all that is reached behind it", async () => {
        const other = 'wget -q -O - "http://inference.local/other" 2>&1 || true';
        expect(await stack.shell("named", other)).toContain("403");
        expect(internet.seen.some(({ url }) => url === "/other")).toBe(false);
    });

    it("has its key nowhere that the agent reads: environment, files, memory, network", async () => {
        const agent = (await stack.pod("named")).metadata.uid;
        const pods = await stack.kubectl(
            ...["-n", "sandboxes", "get", "pods", "-l", "sandbox-gateway.dev/outbound=proxy"],
            ...["-o", "jsonpath={.items[0].metadata.uid}"],
        );
        // Where it has to be: the same look finds it there.
        expect(holders(pods.trim(), KEY)).not.toEqual([]);
        expect(holders(agent, KEY)).toEqual([]);
        expect(await stack.shell("named", "env")).not.toContain("INFERENCE_API_KEY");
        const files = `grep -rlF '${KEY}' /sandbox /tmp /opt /etc /run /var 2>/dev/null || true`;
        expect(await stack.shell("named", files)).toBe("");
        const said = await wire.stop();
        expect(said.includes("inference.local")).toBe(true);
        expect(said.includes(KEY)).toBe(false);
    });
});

describe("a change of what is listed", () => {
    it("comes with one up, and no sandbox and no connection notices", async () => {
        const before = (await stack.pod("named")).metadata.uid;
        const slow = stack.shell("named", `wget -q -O - https://${LISTED}/slow | tail -n 1`);
        stack.configure(config([{ host: LATER }]));
        expect(await ask(`https://${LATER}/`)).toContain("bad address");
        await stack.up();
        // The old pod may have a question for a moment more.
        await until("the host is reached", 20, async () =>
            (await ask(`https://${LATER}/`)).includes(`this is ${LATER}`),
        );
        expect(await slow).toBe("the end\n");
        expect((await stack.pod("named")).metadata.uid).toBe(before);
    });

    it("is none when nothing changed", async () => {
        await stack.up("--expect-no-changes");
        await stack.up("--refresh", "--run-program", "--expect-no-changes");
    });
});

describe("a stop and a start", () => {
    it("bring the way out back as it was", async () => {
        const address = await proxyOf("named");
        stack.configure(config([{ host: LATER }], { running: false }));
        await stack.up();
        expect(await stack.preview()).toEqual([]);
        stack.configure(config([{ host: LATER }]));
        await stack.up();
        expect(await proxyOf("named")).toBe(address);
        await until("the host is reached", 60, async () =>
            (await ask(`https://${LISTED}/`)).includes("this is"),
        );
    });
});

describe("without anything by name", () => {
    it("there is no proxy, and no trace of the key in the cluster", async () => {
        const sandboxes = { named: AGENT, closed: AGENT, free: AGENT };
        stack.configure(config([], { sandboxes }));
        await stack.up();
        const all = await stack.kubectl("-n", "sandboxes", "get", "all,secrets,configmaps");
        expect(all).not.toContain("outbound");
    });

    it("names the key of a destination that is none", async () => {
        stack.configure(
            config([], { sandboxes: { named: { ...AGENT, egress: [{ host: "*" }] } } }),
        );
        const { status, stdout, stderr } = await stack.tryPulumi(["preview"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain("sandboxes.named.egress[0]");
    });
});
