/**
/**
 * What a gateway can lose: what clean-ups of Docker take while it is stopped, and its state. Clean-ups
 * take nothing; where somebody has made them able to, network and image come back by themselves, the
 * identity comes back from the data volume, and the data volume is never stood in for. The steps build
 * on one another.
 */
import { rmSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { K3S_NODE_PASSWORD_COPY, LABEL_OWNER } from "../../model/constants";
import { gatewaySchema } from "../../settings/schema/gateway";
import { STAND_IN_LABEL } from "../../model/constants";
import { standInOf } from "../../toolchain/provide/images";
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

/** A label that nothing else has: prunes of this test are of what has it. */
const OWN_LABEL = `label=sandbox-gateway.test=${process.pid}`;

/** The k3s image under the name of this test: as itself, not as that of the other name. */
async function buildImage(version: number): Promise<void> {
    const labels = `${STAND_IN_LABEL}=${standInOf(OWN_IMAGE)} sandbox-gateway.test=${process.pid} version=${version}`;
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

/** Every prune that Docker has, of what has a label of this test alone. @returns what they took */
async function pruneAll(): Promise<string> {
    const inspect = ["volume", "inspect", "--format", "{{json .Labels}}", stack.container];
    const labels = JSON.parse(await run("docker", inspect)) as Record<string, string>;
    const owner = `label=${LABEL_OWNER}=${labels[LABEL_OWNER]}`;
    const help = await run("docker", ["volume", "prune", "--help"]);
    // Since Docker 23 the short form takes anonymous volumes alone.
    const all = help.includes("--all") ? ["--all"] : [];
    const prunes = [
        ["container", "prune", "--filter", owner],
        ["network", "prune", "--filter", owner],
        ["image", "prune", "--all", "--filter", OWN_LABEL],
        ["system", "prune", "--all", "--volumes", "--filter", OWN_LABEL],
        ["system", "prune", "--all", "--volumes", "--filter", owner],
        ["volume", "prune", ...all, "--filter", owner],
    ];
    let said = "";
    for (const prune of prunes) {
        said += await run("docker", [...prune, "--force"]);
    }
    return said;
}

describe("a stopped gateway", () => {
    it("is held by its keeper: no prune takes anything of it", async () => {
        await make("stop");
        expect(await pruneAll()).not.toMatch(/^(Deleted|untagged)/m);
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
        await run("docker", ["image", "inspect", OWN_IMAGE]);
        // What `docker network prune` goes by; a network of an earlier version has no label.
        const removal = await attempt("docker", ["network", "rm", stack.container]);
        expect(removal.stderr).toContain("has active endpoints");
    });

    it("is stopped to `make status`, and stays so by an up, which says why", async () => {
        expect((await stack.status()).gateway).toMatchObject({ state: "stopped" });
        expect(await make("up")).toContain(
            "Pulumi.test.yaml has running=false: the gateway stays stopped; `make start STACK=test` starts it",
        );
        await stack.up("--expect-no-changes");
    });

    it("starts with all data", async () => {
        expect(await make("start")).not.toContain("Docker has lost");
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
        await stack.up("--expect-no-changes");
    });
});

describe("what was taken from a gateway whose keeper somebody has removed", () => {
    it("is made again by make up, which leaves it stopped", async () => {
        await make("stop");
        await run("docker", ["rm", "--force", "--volumes", stack.keeper]);
        await run("docker", ["network", "rm", stack.container]);
        const said = await make("up");
        expect(said).toMatch(/Docker has lost, and it is made again: .*network openshell-cluster-/);
        expect(said).toMatch(
            /Docker has lost, and it is made again: .*container openshell-keeper-/,
        );
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
    });

    it("is made again by make start, with the image and all data", async () => {
        await run("docker", ["rm", "--force", "--volumes", stack.keeper]);
        await run("docker", ["network", "rm", stack.container]);
        await run("docker", ["rmi", OWN_IMAGE]);
        // In place of the registry, which would give the name again: with an image that has changed.
        await buildImage(2);
        expect(await make("start")).toMatch(/it is made again: .*image sha256:/);
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
        await stack.up("--expect-no-changes");
    });
});

/** What must be the same after a recovery, by what Kubernetes itself tells things apart. */
async function lasting(): Promise<object> {
    const get = async (...args: string[]) =>
        JSON.parse(await stack.kubectl("-n", "sandboxes", "get", ...args, "-o", "json")) as {
            metadata: { uid: string };
            spec: { volumeName?: string; ports?: { nodePort: number }[] };
        };
    const claim = await get("pvc", "workspace-agent-0");
    const service = await get("service", "agent");
    return {
        claim: claim.metadata.uid,
        volume: claim.spec.volumeName,
        set: (await get("statefulset", "agent")).metadata.uid,
        service: service.metadata.uid,
        ports: service.spec.ports?.map(({ nodePort }) => nodePort),
        node: (await get("node", stack.node)).metadata.uid,
        file: await stack.shell("agent", "cat /sandbox/kept"),
    };
}

/** Loses the state as a `git clean` would, with every backup of it. */
function loseState(): void {
    rmSync(path.join(stack.folder, "state", ".pulumi"), { recursive: true });
}

describe("a state that is lost", () => {
    const refusal = () =>
        expect.stringContaining(
            `has the data of gateway ${stack.gateway}, in the volume ${stack.container}, and `,
        ) as string;

    it("is recovered from a gateway that runs, with every workspace and address", async () => {
        const before = await lasting();
        const urls = await stack.output("urls");
        loseState();
        for (const target of ["up", "heal", "status"]) {
            const { status, stdout, stderr } = await stack.make(target);
            expect(status).not.toBe(0);
            expect(stderr).toEqual(refusal());
            expect(stderr).toContain("`make recover STACK=test`");
            expect(stdout).not.toContain("$ pulumi");
        }
        expect(await make("recover")).toContain("next: make up STACK=test");
        // What runs is not touched yet.
        expect(await lasting()).toEqual(before);
        expect(await make("up")).toContain(`container ${stack.container}, which the state does`);
        expect(await lasting()).toEqual(before);
        expect(await stack.output("urls")).toEqual(urls);
        await stack.up("--expect-no-changes");
        const { stderr } = await stack.make("recover");
        expect(stderr).toContain("there is nothing to recover");
    });

    it("is recovered from the volume alone, also without the node's password", async () => {
        const before = await lasting();
        await make("stop");
        await run("docker", [
            ...["run", "--rm", "--volume", `${stack.container}:/data`, "--entrypoint", "/bin/sh"],
            ...[IMAGE, "-c", `rm /data/${K3S_NODE_PASSWORD_COPY}`],
        ]);
        loseState();
        expect(await make("recover")).toContain("next: make start STACK=test");
        await make("start");
        expect(await lasting()).toEqual(before);
        // What the state of before has applied is this one's alone: it can be changed and taken away.
        const managers = await stack.kubectl(
            ...["-n", "sandboxes", "get", "statefulset", "agent", "--show-managed-fields"],
            ...["-o", "jsonpath={.metadata.managedFields[*].manager}"],
        );
        expect(managers.match(/pulumi-kubernetes-/g)).toHaveLength(1);
        // The next start stores the hash of the new password; beside the old one it would be refused.
        const hash = ["secret", `${stack.node}.node-password.k3s`, "--ignore-not-found"];
        expect(await stack.kubectl("-n", "kube-system", "get", ...hash)).toBe("");
    });
});

describe("a data volume that is gone", () => {
    it("is taken by the very same prunes, once nothing holds it", async () => {
        await make("stop");
        await run("docker", ["rm", "--force", "--volumes", stack.keeper]);
        const said = await pruneAll();
        expect(said).toContain(`Deleted Volumes:\n${stack.container}\n`);
        expect(said).toContain(`untagged: ${OWN_IMAGE}`);
        expect(await stack.inDocker()).toEqual([]);
        await buildImage(2);
    });

    it("is stood in for by nothing, and what to do is said", async () => {
        for (const target of ["start", "up", "heal", "stop", "destroy"]) {
            const { status, stdout, stderr } = await stack.make(target);
            expect(status).not.toBe(0);
            expect(stderr).toContain(`has no volume ${stack.container}, which holds all`);
            expect(stderr).toContain("docker context ls");
            expect(stdout).not.toContain("$ pulumi");
            expect(await stack.inDocker()).toEqual([]);
        }
    });

    it("nor by plain pulumi, whose preview warns of it", async () => {
        const start = ["up", "--yes", "--config", "running=true"];
        for (const command of [
            start,
            ["up", "--yes", "--refresh", "--run-program", "--skip-preview"],
        ]) {
            // The state has lost nothing: a backup can be run with it.
            expect(await stack.pulumi(["stack", "export"])).toContain("docker:index/volume:Volume");
            const { status, stdout, stderr } = await stack.tryPulumi(command);
            expect(stdout + stderr).toContain(`has no volume ${stack.container}, which holds all`);
            expect(status).not.toBe(0);
            expect(await stack.inDocker()).not.toContain("volume");
            expect(await stack.inDocker()).not.toContain("container");
        }
    });
});
