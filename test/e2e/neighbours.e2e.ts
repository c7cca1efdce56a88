/**
 * Two gateways on one machine, with a sandbox of the same name in each: what is done to one leaves the
 * other alone. The steps build on one another.
 */
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatBlock } from "../../model/ports";
import { cacheRoot } from "../../machine/cache";
import { until } from "../support/steps";
import { collect, type Evidence } from "../support/evidence";
import { run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

const stacks: TestStack[] = [];
let one: TestStack;
let two: TestStack;

const config = (overrides: object = {}) => ({
    gateway: { imageArchives: IMAGES },
    sandboxes: { agent: AGENT },
    ...overrides,
});

/** Makes a stack that is removed at the end, whatever happens until then. */
async function create(name: string): Promise<TestStack> {
    const stack = await TestStack.create(name);
    stacks.push(stack);
    stack.configure(config());
    return stack;
}

beforeAll(async () => {
    one = await create("one");
    two = await create("two");
});

afterAll(async () => {
    const removals = await Promise.allSettled(stacks.map((stack) => stack.remove()));
    expect(removals.filter(({ status }) => status === "rejected")).toEqual([]);
});

const url = async (stack: TestStack) =>
    (await stack.output<Record<string, string>>("urls"))["agent"] as string;

/** Gives the agent a page that names its gateway; it goes with the pod. */
const sign = (stack: TestStack) =>
    stack.shell("agent", `echo ${stack.gateway} > /tmp/agent-www/whose`);

/** What changes with every new life of a gateway, a pod or an agent in it. */
async function lives(stack: TestStack): Promise<object> {
    const container = await run("docker", [
        ...["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", stack.container],
    ]);
    const pod = JSON.parse(
        await stack.kubectl("-n", "sandboxes", "get", "pod", "agent-0", "-o", "json"),
    ) as {
        metadata: { uid: string };
        status: { containerStatuses: { containerID: string; restartCount: number }[] };
    };
    return {
        container,
        pod: pod.metadata.uid,
        agents: pod.status.containerStatuses.map(({ containerID, restartCount }) => ({
            containerID,
            restartCount,
        })),
        page: await stack.page("agent"),
        whose: await stack.page("agent", "whose"),
    };
}

describe("two gateways", () => {
    it("have places of their own", () => {
        expect(one.gateway).not.toBe(two.gateway);
        expect(one.subnet).not.toBe(two.subnet);
        expect(one.apiPort).not.toBe(two.apiPort);
        expect(one.ports.last < two.ports.first || two.ports.last < one.ports.first).toBe(true);
    });

    it("do not know their URLs before Kubernetes has picked a port", async () => {
        const preview = await one.pulumi(["preview"]);
        expect(preview).toMatch(/urls +: \{\s+agent: (\[unknown\]|output<string>)/);
        expect(preview).not.toMatch(/\.localhost:\d/);
    });

    it("come up, each with its page on its own URL", async () => {
        for (const stack of [one, two]) {
            await stack.up();
            await sign(stack);
        }
        expect(await url(one)).not.toBe(await url(two));
        for (const stack of [one, two]) {
            await until(`the page of ${stack.gateway} answers`, 60, async () =>
                (await stack.page("agent")).includes("Test agent"),
            );
            expect(await stack.page("agent", "whose")).toBe(`${stack.gateway}\n`);
        }
    });

    it("change nothing of each other when both are up", async () => {
        await one.up("--expect-no-changes");
        await two.up("--expect-no-changes");
    });

    it("preview another sandbox without the port that a dry run makes up", async () => {
        one.configure(config({ sandboxes: { agent: AGENT, late: AGENT } }));
        const preview = await one.pulumi(["preview"]);
        expect(preview).toContain(`agent: "${await url(one)}"`);
        expect(preview).toMatch(/late *: (\[unknown\]|output<string>)/);
        expect(preview.match(/\.localhost:\d/g)).toHaveLength(1);
        one.configure(config());
    });

    it("have workspaces, tokens and authorities of their own", async () => {
        const token = (stack: TestStack) => stack.shell("agent", 'printf %s "$SANDBOX_TOKEN"');
        for (const stack of [one, two]) {
            await stack.shell("agent", `echo ${stack.gateway} > /sandbox/whose`);
            expect(await token(stack)).toMatch(/^[0-9a-f]{64}$/);
        }
        for (const stack of [one, two]) {
            expect(await stack.shell("agent", "cat /sandbox/whose")).toBe(`${stack.gateway}\n`);
        }
        expect(await token(one)).not.toBe(await token(two));
        // Each API server proves itself with its own authority.
        const [first, second] = [await collect(one, "agent"), await collect(two, "agent")];
        expect(first.authority).not.toBe(second.authority);
        expect(first.nodes).not.toBe(second.nodes);
        expect(first.claims).not.toBe(second.claims);
    });
});

describe("stopping one", () => {
    let life: object;
    let before: Evidence;

    it("leaves the other as it is: its container, its pod, its page", async () => {
        before = await collect(one, "agent");
        life = await lives(two);
        one.configure(config({ running: false }));
        await one.up();
        expect(await one.inDocker()).toEqual(["keeper", "network", "volume"]);
        expect(await lives(two)).toEqual(life);
    });

    it("and starting it again too, with its own workspace", async () => {
        one.configure(config());
        await one.up();
        expect(await collect(one, "agent")).toEqual(before);
        expect(await one.shell("agent", "cat /sandbox/whose")).toBe(`${one.gateway}\n`);
        expect(await lives(two)).toEqual(life);
    });
});

describe("another user of this machine, with a gateway of the same name", () => {
    const GUEST = 23456;
    let guest: TestStack;
    let home: string;

    /** Nothing of the first user's environment: a state in his own home. */
    const own = (): NodeJS.ProcessEnv => ({
        XDG_STATE_HOME: undefined,
        PULUMI_BACKEND_URL: undefined,
        PULUMI_CONFIG_PASSPHRASE: undefined,
    });

    beforeAll(async () => {
        home = mkdtempSync(path.join(os.tmpdir(), "guest-"));
        const pulumi = path.join(home, ".pulumi");
        mkdirSync(pulumi);
        // What was fetched or made for the tests, as he would have it as well.
        const fetched = process.env["PULUMI_HOME"] ?? path.join(os.homedir(), ".pulumi");
        symlinkSync(path.join(fetched, "plugins"), path.join(pulumi, "plugins"));
        const cache = path.join(home, "cache");
        mkdirSync(cache);
        for (const name of readdirSync(cacheRoot())) {
            symlinkSync(path.join(cacheRoot(), name), path.join(cache, name));
        }
        [home, pulumi, cache].forEach((folder) => chownSync(folder, GUEST, GUEST));
        const env = {
            ...{ HOME: home, USER: "guest" },
            ...{ PULUMI_HOME: pulumi, SANDBOX_GATEWAY_CACHE: cache },
        };
        guest = await TestStack.create("guest", { user: GUEST, env });
        stacks.push(guest);
        const { gateway: name, subnet, apiPort, ports } = two;
        const place = { name, subnet, apiPort, ports: formatBlock(ports) };
        // Nothing that he has protects anything.
        guest.configure(config({ gateway: { imageArchives: IMAGES, ...place }, protect: false }));
    });

    afterAll(() => rmSync(home, { recursive: true, force: true }));

    it("is refused whatever he does, and nothing of the first one's is touched", async () => {
        const [life, before] = [await lives(two), await collect(two, "agent")];
        const destroy = { CONFIRM: two.gateway };
        const said = [
            // On a state of his own: at first there is none, then one that has got no further.
            await guest.make("up", own()),
            await guest.make("destroy", { ...own(), ...destroy }),
            await guest.make("up"),
            await guest.tryPulumi(["up", "--yes"]),
            await guest.tryPulumi(["up", "--yes", "--skip-preview"]),
            await guest.make("up"),
        ];
        for (const { status, stdout, stderr } of said) {
            expect(status, stdout + stderr).not.toBe(0);
            const message = stdout + stderr;
            expect(message).toContain(two.container);
            expect(message).not.toMatch(
                /docker (volume|system|container)? ?(rm|prune)|state delete/,
            );
        }
        // He gets as far as an identity; what he has is gone then, and nothing else.
        const { stdout } = await guest.make("destroy", destroy);
        expect(stdout).toContain("$ pulumi destroy");
        // Nor is he told how the other's data would be deleted.
        expect(stdout).not.toContain("volume rm");
        expect(await lives(two)).toEqual(life);
        expect(await collect(two, "agent")).toEqual(before);
        expect(await two.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await two.preview()).toEqual([]);
    });
});

describe("destroying one", () => {
    it("leaves the other working", async () => {
        const life = await lives(two);
        const before = await collect(two, "agent");
        one.configure(config({ protect: false }));
        await one.up();
        await one.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await one.inDocker()).toEqual(["volume"]);
        expect(await lives(two)).toEqual(life);
        expect(await collect(two, "agent")).toEqual(before);
        await two.up("--expect-no-changes");
        expect(await two.inDocker()).toEqual(["container", "network", "volume"]);
    });
});
