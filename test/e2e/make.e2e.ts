/**
 * `make` on a gateway: how it explains one that does not come up, and a sandbox that does not run.
 * The steps build on one another.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applicationState, type Pod } from "../../cli/status/podState";
import { gatewaySchema } from "../../settings/schema/gateway";
import { until } from "../support/steps";
import { run } from "../support/run";
import { FRAGILE, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

const IMAGE = gatewaySchema.parse({}).image;

let stack: TestStack;

beforeAll(async () => {
    stack = await TestStack.create("make", { asWritten: true });
    stack.configure({ gateway: { imageArchives: IMAGES }, sandboxes: { agent: FRAGILE } });
});

afterAll(async () => {
    await stack?.remove();
});

/** Runs a shell script beside the gateway's data volume. */
const inVolume = (script: string) =>
    run("docker", [
        ...["run", "--rm", "--volume", `${stack.container}:/data`],
        ...["--entrypoint", "/bin/sh", IMAGE, "-c", script],
    ]);

describe("make up", () => {
    it("refuses a new stack whose volume has a cluster in it, before anything is made", async () => {
        await inVolume("mkdir -p /data/server/db && : >/data/server/db/state.db");
        const { status, stdout, stderr } = await stack.make("up");
        expect(status).not.toBe(0);
        expect(stderr).toContain(
            `has a volume ${stack.container} with a cluster in it, and this stack is new`,
        );
        expect(stdout).not.toContain("$ pulumi up");
        expect(await stack.inDocker()).toEqual(["volume"]);
    });

    it("says why a gateway's container refuses its volume", async () => {
        const undo = stack.edit(
            "components/gateway/container.ts",
            "waitTimeout: 300",
            "waitTimeout: 15",
        );
        // Plain pulumi gives it an identity, and the tools have nothing to say before the container.
        await stack.tryPulumi(["up", "--yes", "--skip-preview"]);
        const { status, stdout } = await stack.make("up");
        undo();
        expect(status).not.toBe(0);
        const { container } = stack;
        // Behind whatever the docker plugin says of it, each line once, however often it was said.
        const said = stdout.slice(stdout.lastIndexOf("the gateway's container"));
        expect(said).toContain(
            `the gateway's container ${container} ended with status 1 and is started again and again; from its log (docker logs ${container}):\n` +
                `  entrypoint: the volume ${container} holds a cluster that this program did not make; nothing in it was touched.\n`,
        );
        expect(said).not.toMatch(/docker run|prune|volume rm/);
    });

    it("goes on once the volume is empty, and says where things are", async () => {
        await inVolume("rm -r /data/server");
        const { status, stdout, stderr } = await stack.make("up");
        expect(stdout + stderr).toContain(
            `gateway ${stack.container}, node ${stack.node}, up after `,
        );
        expect(status).toBe(0);
        expect(stdout).toMatch(/^ +\d+\. sandboxes: settled/m);
        expect(stdout).toContain(
            `docker exec -it ${stack.container} k3s kubectl -n sandboxes exec -it agent-0 -- sh`,
        );
    });
});

describe("make status", () => {
    const url = expect.stringContaining("http://agent.localhost:") as string;

    it("says that a sandbox runs", async () => {
        expect(await stack.status()).toEqual({
            gateway: {
                container: stack.container,
                node: stack.node,
                state: "running",
                since: expect.stringMatching(/^20\d\d-/) as string,
                policies: "enforced",
                certificates: expect.stringMatching(/^20\d\d-\d\d-\d\d$/) as string,
            },
            sandboxes: [{ sandbox: "agent", url, state: "running" }],
            kept: [],
        });
    });

    it("says what a sandbox said last that crashes again and again", async () => {
        await stack.shell("agent", "touch /sandbox/broken /sandbox/.agent/die");
        await until("the status says so", 60, async () => {
            const { sandboxes } = await stack.status();
            return sandboxes[0]?.log?.at(-1) === "cannot work";
        });
        const { stdout } = await stack.make("status");
        expect(stdout).toMatch(
            /^agent +not running +\S+ +.*ended with status 3 at .*\n {4}cannot work$/m,
        );
        // The command that it gives is typed as it is.
        const [, next = ""] = /next: (.*)$/m.exec(stdout) ?? [];
        expect(await run("sh", ["-c", next])).toBe("cannot work\n");
    });

    it("says that a gateway is stopped", async () => {
        // What the test before has broken: a heal waits for the sandboxes.
        const workspace = "/var/lib/rancher/k3s/storage/sandboxes/workspace-agent-0";
        await run("docker", ["exec", stack.container, "rm", "-f", `${workspace}/broken`]);
        await run("docker", ["stop", stack.container]);
        const { gateway, sandboxes } = await stack.status();
        expect(gateway?.["state"]).toBe("stopped");
        expect(sandboxes).toEqual([{ sandbox: "agent", url, state: "stopped" }]);
    });
});

describe("make heal", () => {
    it.each([
        // As the test before has left it: Docker does not start it again, whatever the state says.
        ["was stopped by hand", []],
        ["was killed", ["kill"]],
    ])("ends when the sandboxes of a gateway that %s run again", async (_, command) => {
        if (command.length > 0) {
            await run("docker", [...command, stack.container]);
        }
        const { status, stdout } = await stack.make("heal");
        expect(stdout).toMatch(/^ +\d+\. sandboxes: settled/m);
        expect(status).toBe(0);
        expect(await stack.state("agent")).not.toBe("not running");
        expect(await stack.page("agent")).toContain("Test agent");
    });
});

describe("the words of a real kubelet", () => {
    /** A pod in a namespace of its own rules, whose container is called like an agent. */
    const pod = (name: string, container: object, more: object = {}) => ({
        ...{ apiVersion: "v1", kind: "Pod", metadata: { name: `${name}-0` } },
        spec: { containers: [{ name: "agent", ...container }], ...more },
    });

    const detailOf = async (name: string) => {
        const found = JSON.parse(
            await stack.kubectl("get", "pod", `${name}-0`, "-o", "json"),
        ) as Pod;
        return applicationState(found, name, String).detail ?? "";
    };

    it.each([
        ["no shell", /^the image has no shell \(\/bin\/sh\), which starting/],
        [
            "no image",
            /^the image cannot be pulled: (ErrImagePull|ImagePullBackOff): .*127\.0\.0\.1:1/,
        ],
        ["no node", /^cannot be scheduled: 0\/1 nodes are available/],
    ])("are understood: %s", async (what, expected) => {
        const pause = await stack.pauseImage();
        const name = what.replace(" ", "-");
        const pods: Record<string, object> = {
            "no-shell": pod(name, { image: pause, command: ["/bin/sh"] }),
            "no-image": pod(name, { image: "127.0.0.1:1/nothing:1" }),
            "no-node": pod(name, { image: pause }, { nodeSelector: { nowhere: "true" } }),
        };
        await stack.apply(pods[name] as object);
        await until("the pod's state says so", 60, async () => expected.test(await detailOf(name)));
        expect(await detailOf(name)).toMatch(expected);
    });
});
