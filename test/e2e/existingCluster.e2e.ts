/** The same sandboxes in a cluster that is there already: one that this test starts, without Pulumi. */
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/steps";
import { gatewaySchema } from "../../settings/gatewaySchema";
import { run } from "../support/run";
import { FRAGILE, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

let stack: TestStack;

const config = (overrides: object = {}) => ({
    existingCluster: {
        kubeconfig: path.join(stack.folder, "kubeconfig"),
        context: "default",
        storageClass: "local-path",
        host: "127.0.0.1",
    },
    sandboxes: { agent: FRAGILE },
    ...overrides,
});

beforeAll(async () => {
    stack = await TestStack.create("existing");
    await startCluster();
    const kubeconfig = await run("docker", [
        "exec",
        stack.container,
        "cat",
        "/etc/rancher/k3s/k3s.yaml",
    ]);
    writeFileSync(
        path.join(stack.folder, "kubeconfig"),
        kubeconfig.replace("127.0.0.1:6443", `127.0.0.1:${stack.apiPort}`),
    );
    writeKubectl();
    stack.configure(config());
});

afterAll(async () => {
    await stack?.remove();
});

/** A server under the stack's own names, so that its clean-up finds it. */
async function startCluster(): Promise<void> {
    const { first, last } = stack.ports;
    const { container, subnet } = stack;
    await run("docker", ["network", "create", "--subnet", subnet, container]);
    await run("docker", [
        ...["run", "--detach", "--name", container, "--hostname", container, "--privileged"],
        ...["--cgroupns", "host", "--network", container, "--tmpfs", "/run", "--tmpfs", "/var/run"],
        ...["--volume", `${container}:/var/lib/rancher/k3s`],
        ...["--volume", `${IMAGES}:/var/lib/rancher/k3s/agent/images/host:ro`],
        ...["--publish", `127.0.0.1:${stack.apiPort}:6443`],
        ...["--publish", `127.0.0.1:${first}-${last}:${first}-${last}`],
        gatewaySchema.parse({}).image,
        ...["server", "--service-node-port-range", `${first}-${last}`],
        ...["--kubelet-arg", "fail-cgroupv1=false"],
    ]);
    await until("the cluster answers", 120, async () => {
        return (await stack.tryKubectl("get", "--raw", "/readyz")).status === 0;
    });
}

/** A kubectl on this machine: that of the k3s image, with the machine's network and the test's files. */
function writeKubectl(): void {
    const { folder } = stack;
    const host = process.env["DOCKER_HOST"];
    const run = `docker run --rm --network host --volume ${folder}:${folder}:ro --entrypoint k3s`;
    mkdirSync(bin());
    writeFileSync(
        path.join(bin(), "kubectl"),
        [
            "#!/bin/sh",
            host === undefined ? "unset DOCKER_HOST" : `export DOCKER_HOST=${host}`,
            `exec ${run} ${gatewaySchema.parse({}).image} kubectl "$@"`,
            "",
        ].join("\n"),
        { mode: 0o755 },
    );
}

const bin = () => path.join(stack.folder, "bin");

/** For `make`: our kubectl, and a Docker that does not answer, because it has no part in this. */
const environment = () => ({
    PATH: `${bin()}:${process.env["PATH"]}`,
    DOCKER_HOST: "tcp://127.0.0.1:1",
});

describe("an existing cluster", () => {
    it("gets the sandboxes, and nothing of a gateway", async () => {
        const changes = await stack.preview();
        expect(changes.filter((change) => change.includes("docker:"))).toEqual([]);
        const { status, stdout, stderr } = await stack.make("up", environment());
        expect(stdout + stderr).toContain("cluster default (host 127.0.0.1), up after ");
        expect(status).toBe(0);
        const shell = `kubectl --kubeconfig ${stack.folder}/kubeconfig --context default -n sandboxes exec -it agent-0 -- sh`;
        expect(stdout).toContain(shell);
        await until("the page answers", 60, async () =>
            (await stack.page("agent")).includes("Test agent"),
        );
        await stack.up("--expect-no-changes");
    });

    it("stops and starts them with their workspaces", async () => {
        await stack.shell("agent", "echo kept > /sandbox/kept");
        stack.configure(config({ running: false }));
        expect(await stack.preview()).toEqual([
            "update kubernetes:apps/v1:StatefulSet agent-agent",
        ]);
        await stack.up();
        stack.configure(config());
        await stack.up();
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
    });

    it("is asked for the status of its sandboxes, with what a crashed one said last", async () => {
        expect(await stack.status(environment())).toEqual({
            cluster: { context: "default", host: "127.0.0.1", state: "running" },
            sandboxes: [
                {
                    sandbox: "agent",
                    url: expect.stringContaining("http:") as string,
                    state: "running",
                },
            ],
            kept: [],
        });
        await stack.shell("agent", "touch /sandbox/broken /sandbox/.agent/die");
        await until("the status says so", 60, async () => {
            const { sandboxes } = await stack.status(environment());
            return sandboxes[0]?.log?.at(-1) === "cannot work";
        });
    });

    it("is unknown when it does not answer, and so are its sandboxes", async () => {
        await run("docker", ["stop", "--time", "1", stack.container]);
        const { cluster, sandboxes } = await stack.status(environment());
        await run("docker", ["start", stack.container]);
        await until("the cluster answers", 120, async () => {
            return (await stack.tryKubectl("get", "--raw", "/readyz")).status === 0;
        });
        const unknown = { state: "unknown", detail: expect.stringContaining("refused") as string };
        expect(cluster).toMatchObject(unknown);
        expect(sandboxes).toMatchObject([unknown]);
    });

    it("is left as it was when they are destroyed", async () => {
        stack.configure(config({ protect: false }));
        await stack.up();
        await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await stack.kubectl("get", "namespaces", "-o", "name")).not.toContain("sandboxes");
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
    });
});
