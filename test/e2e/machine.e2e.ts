/**
 * What the machine has reaches the sandboxes: its names, a model that runs on it, its limits; and a
 * gateway that did not start is tried again. The steps build on one another.
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostAddress, parseSubnet, type Subnet } from "../../components/subnet";
import { until } from "../../toolchain/wait";
import { startFakeDns, type FakeDns } from "../support/fakeDns";
import { startFakeModel, type FakeModel } from "../support/fakeModel";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack, withoutGateway } from "../support/stack";

/** A name that only Docker's resolver knows, and only in the gateway's network. */
const NEIGHBOUR = "model.lan";

/** A name that only a DNS server on this machine knows. */
const ONLY_HERE = "only.machine.example";
const ONLY_HERE_ADDRESS = "192.0.2.53";

let stack: TestStack;
let model: FakeModel;
let dns: FakeDns | undefined;
let squatter: Server | undefined;

const neighbour = () => `${stack.container}-neighbour`;
const bridge = () => hostAddress(parseSubnet(stack.subnet) as Subnet, 1);

const config = (gateway: object = {}, sandbox: object = {}) => ({
    gateway: { imageArchives: IMAGES, memory: "3Gi", ...gateway },
    sandboxes: { agent: { ...AGENT, ...sandbox } },
});

beforeAll(async () => {
    stack = await TestStack.create("machine");
    model = await startFakeModel(randomBytes(16).toString("hex"));
    stack.configure(config());
});

afterAll(async () => {
    model?.close();
    dns?.close();
    squatter?.close();
    await attempt("docker", ["rm", "--force", "--volumes", neighbour()]);
    await stack?.remove();
});

/** What a sandbox finds under a name; its own search domains are left out of it. */
const lookUp = async (name: string) => stack.shell("agent", `nslookup ${name}. 2>&1 || true`, "");

const inGateway = (script: string) => run("docker", ["exec", stack.container, "sh", "-c", script]);

describe("a gateway that Docker could not start", () => {
    it("is an error of the first up", async () => {
        squatter = createServer();
        const port = stack.apiPort;
        await new Promise<void>((resolve) => squatter?.listen(port, "127.0.0.1", () => resolve()));
        const { status, stdout, stderr } = await stack.tryPulumi(["up", "--yes", "--skip-preview"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(/Container \(gateway-k3s\):\n +error: /);
    });

    it("is made again by the next up, without a refresh", async () => {
        await new Promise((resolve) => squatter?.close(resolve));
        await stack.up();
        expect(await stack.state("agent")).toBe("running");
        await stack.up("--expect-no-changes");
    });
});

describe("a gateway", () => {
    it("is healthy by its own account, and says that policies are enforced", async () => {
        const format = ["--format", "{{.State.Health.Status}}"];
        expect(await run("docker", ["inspect", ...format, stack.container])).toBe("healthy\n");
        const { gateway } = await stack.status();
        expect(gateway).toMatchObject({ state: "running", policies: "enforced" });
    });

    it("shows no change after a refresh, with Docker's own cgroup namespace", async () => {
        await stack.pulumi(["refresh", "--yes", "--skip-preview"]);
        expect(withoutGateway(await stack.preview())).toEqual([]);
    });
});

describe("names", () => {
    it("that Docker's resolver knows are known to sandboxes", async () => {
        const image = (
            await run("docker", ["inspect", "--format", "{{.Config.Image}}", stack.container])
        ).trim();
        await run("docker", [
            ...["run", "--detach", "--name", neighbour(), "--network", stack.container],
            ...["--network-alias", NEIGHBOUR, "--entrypoint", "/bin/sh", image, "-c", "sleep 600"],
        ]);
        const address = (
            await run("docker", [
                ...[
                    "inspect",
                    "--format",
                    "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                ],
                neighbour(),
            ])
        ).trim();
        await until("the name resolves", 60, async () =>
            (await lookUp(NEIGHBOUR)).includes(address),
        );
        expect(await lookUp("no-such-name.example")).not.toContain(address);
    });

    it("of the machine lead to a model that runs on it, with the rule that it takes", async () => {
        const hosts = await inGateway("cat /etc/hosts");
        const [, address = ""] = /^(\S+)\s+host\.docker\.internal$/m.exec(hosts) ?? [];
        for (const name of ["host.docker.internal", "host.openshell.internal"]) {
            await until(`${name} resolves`, 120, async () =>
                (await lookUp(name)).includes(address),
            );
        }
        stack.configure(config({}, { egress: [{ cidr: `${address}/32`, ports: [model.port] }] }));
        await stack.up();
        const ask = `timeout 5 wget -q -O - --header 'Authorization: Bearer ${model.key}' http://host.docker.internal:${model.port}/v1 2>&1 || true`;
        await until("the model answers", 60, async () =>
            (await stack.shell("agent", ask)).includes('"PO"'),
        );
    });

    it("that only the servers in gateway.dns know are known to sandboxes", async () => {
        expect(await lookUp(ONLY_HERE)).not.toContain(ONLY_HERE_ADDRESS);
        dns = await startFakeDns(bridge(), ONLY_HERE, ONLY_HERE_ADDRESS);
        await attempt("docker", ["rm", "--force", "--volumes", neighbour()]);
        stack.configure(config({ dns: [bridge()] }));
        await stack.up();
        await until("the name resolves", 120, async () =>
            (await lookUp(ONLY_HERE)).includes(ONLY_HERE_ADDRESS),
        );
        await stack.up("--expect-no-changes");
    });
});

describe("the memory of a gateway", () => {
    it("is what Kubernetes gives out, less what k3s needs", async () => {
        const path = "jsonpath={.items[0].status.allocatable.memory}";
        const allocatable = await stack.kubectl("get", "nodes", "-o", path);
        // 3 GiB, less 512 MiB for k3s and 100 MiB below which the kubelet evicts.
        expect(Math.floor(parseInt(allocatable) / 1024)).toBe(3072 - 512 - 100);
    });

    it("is refused to a pod that asks for more than there is", async () => {
        const resources = { requests: { memory: "2900Mi" } };
        await stack.apply({
            ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "large" } },
            spec: { containers: [{ name: "a", image: AGENT.image, resources }] },
        });
        await until("it is refused", 60, async () =>
            (await stack.kubectl("get", "pod", "large", "-o", "json")).includes(
                "Insufficient memory",
            ),
        );
    });
});
