/**
 * What clean-ups of Docker take while a gateway is stopped: the network and the image come back by
 * themselves, the data volume is never stood in for. The steps build on one another.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewaySchema } from "../../settings/gatewaySchema";
import { STAND_IN_LABEL, standInOf } from "../../toolchain/images";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

const IMAGE = gatewaySchema.parse({}).image;

/** An image of this test's own, which nothing else misses when it is gone. */
const OWN_IMAGE = `sandbox-gateway/e2e-prune:${process.pid}`;

let stack: TestStack;

beforeAll(async () => {
    await buildImage(1);
    stack = await TestStack.create("prune");
    stack.configure({
        gateway: { imageArchives: IMAGES, image: OWN_IMAGE },
        sandboxes: { agent: AGENT },
    });
    await stack.up();
    await stack.shell("agent", "echo kept > /sandbox/kept");
});

afterAll(async () => {
    await stack?.remove();
    await attempt("docker", ["rmi", "--force", OWN_IMAGE]);
});

/** The k3s image under the name of this test: as itself, not as that of the other name. */
async function buildImage(version: number): Promise<void> {
    const labels = `${STAND_IN_LABEL}=${standInOf(OWN_IMAGE)} sandbox-gateway.test=${version}`;
    const input = `FROM ${IMAGE}\nLABEL ${labels}\n`;
    await run("docker", ["build", "--tag", OWN_IMAGE, "-"], { input });
}

/** `make` that has to succeed. @returns what it printed */
async function make(target: string): Promise<string> {
    const { status, stdout, stderr } = await stack.make(target);
    expect(stdout + stderr).not.toContain("error:");
    expect(status).toBe(0);
    return stdout;
}

describe("what a prune took from a stopped gateway", () => {
    it("is made again by make up, which leaves it stopped", async () => {
        await make("stop");
        await run("docker", ["network", "rm", stack.container]);
        expect(await make("up")).toContain(
            `Docker has lost, and it is made again: network ${stack.container}\n`,
        );
        expect(await stack.inDocker()).toEqual(["network", "volume"]);
    });

    it("is made again by make start, with the image and all data", async () => {
        await run("docker", ["network", "rm", stack.container]);
        await run("docker", ["rmi", OWN_IMAGE]);
        // In place of the registry, which would give the name again: with an image that has changed.
        await buildImage(2);
        expect(await make("start")).toMatch(
            /it is made again: (network \S+, image sha256:\S+|image sha256:\S+, network \S+)\n/,
        );
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
        await stack.up("--expect-no-changes");
    });

    it("is not asked for when nothing is missing", async () => {
        await make("stop");
        expect(await make("start")).not.toContain("Docker has lost");
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
    });
});

describe("a data volume that is gone", () => {
    it("is stood in for by nothing, and what to do is said", async () => {
        await make("stop");
        await run("docker", ["volume", "rm", "--force", stack.container]);
        for (const target of ["start", "up", "heal"]) {
            const { status, stdout, stderr } = await stack.make(target);
            expect(status).not.toBe(0);
            expect(stderr).toContain(`has no volume ${stack.container}, which holds all`);
            expect(stderr).toContain("docker context ls");
            expect(stdout).not.toContain("$ pulumi up");
            expect(await stack.inDocker()).toEqual(["network"]);
        }
        // The state has lost nothing either: a backup can be run with it.
        expect(await stack.pulumi(["stack", "export"])).toContain("docker:index/volume:Volume");
    });
});
