/** A VPN comes up beside a gateway: nothing that can be done to the gateway asks for leave. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

/** Behind every route of the machine's own: these are looked at, and take no traffic. */
const METRIC = "4000";

let stack: TestStack;

const config = (overrides: object = {}) => ({
    gateway: { imageArchives: IMAGES },
    sandboxes: { agent: AGENT },
    ...overrides,
});

/**
 * A network around the gateway's subnet, as a VPN routes one around many; narrow enough that tests
 * beside this one find places for theirs.
 */
const wide = () => {
    const [first, second, third] = stack.subnet.split(".").map(Number);
    return `${first}.${second}.${(third as number) & 0xf0}.0/20`;
};

const route = (action: "add" | "del", network: string) => [
    ...["route", action, "blackhole", network, "metric", METRIC],
];

beforeAll(async () => {
    stack = await TestStack.create("vpn");
    stack.configure(config());
});

afterAll(async () => {
    try {
        await attempt("ip", route("del", stack.subnet));
        await attempt("ip", route("del", wide()));
    } finally {
        await stack?.remove();
    }
});

describe("before a gateway is made", () => {
    it.each(["preview", "up --yes", "up --yes --skip-preview"])(
        "pulumi %s refuses a subnet that is routed elsewhere, and makes nothing",
        async (command) => {
            await run("ip", route("add", stack.subnet));
            const { status, stdout, stderr } = await stack.tryPulumi(command.split(" "));
            await run("ip", route("del", stack.subnet));
            expect(status).not.toBe(0);
            expect(stdout + stderr).toContain("the configuration is wrong, nothing was changed:");
            expect(stdout + stderr).toContain(
                `gateway.subnet: got "${stack.subnet}"; must not overlap ${stack.subnet}, which is in use on interface *; for example `,
            );
            expect(await stack.inDocker()).toEqual([]);
        },
    );

    it("a wider route is nothing to it", async () => {
        await run("ip", route("add", wide()));
        await stack.up();
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
    });
});

describe("a gateway that is there, with routes to its subnet itself and to one around it", () => {
    beforeAll(async () => {
        await run("ip", route("add", stack.subnet));
    });

    it("is previewed, and nothing changes", async () => {
        expect(await stack.preview()).toEqual([]);
    });

    it("is stopped, stays so, and loses its network meanwhile", async () => {
        stack.configure(config({ running: false }));
        await stack.up();
        expect(await stack.preview()).toEqual([]);
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
        // Held by the keeper: it takes two steps to lose it.
        await run("docker", ["rm", "--force", "--volumes", stack.keeper]);
        await run("docker", ["network", "rm", stack.container]);
    });

    it("is healed and started", async () => {
        stack.configure(config());
        await stack.up("--refresh", "--run-program");
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await stack.state("agent")).toBe("running");
    });

    it("is unprotected and removed", async () => {
        stack.configure(config({ protect: false }));
        await stack.up();
        await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await stack.inDocker()).toEqual(["volume"]);
    });
});
