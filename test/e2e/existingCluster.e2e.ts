/** The same sandboxes in a cluster that is there already: one that this test starts, without Pulumi. */
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../toolchain/wait";
import { gatewaySchema } from "../../settings/gatewaySchema";
import { run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

let stack: TestStack;

const config = (overrides: object = {}) => ({
    existingCluster: {
        kubeconfig: path.join(stack.folder, "kubeconfig"),
        context: "default",
        storageClass: "local-path",
        host: "127.0.0.1",
    },
    sandboxes: { agent: AGENT },
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

const page = async () => {
    const { agent } = await stack.output<Record<string, string>>("urls");
    return (await fetch(agent as string, { signal: AbortSignal.timeout(5000) })).text();
};

describe("an existing cluster", () => {
    it("gets the sandboxes, and nothing of a gateway", async () => {
        const changes = await stack.preview();
        expect(changes.filter((change) => change.includes("docker:"))).toEqual([]);
        await stack.up();
        await until("the page answers", 60, async () => (await page()).includes("Test agent"));
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

    it("is left as it was when they are destroyed", async () => {
        stack.configure(config({ protect: false }));
        await stack.up();
        await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await stack.kubectl("get", "namespaces", "-o", "name")).not.toContain("sandboxes");
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
    });
});
