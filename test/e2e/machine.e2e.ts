/**
 * What the machine has reaches the sandboxes: its names, a model that runs on it, its limits; a gateway
 * that did not start is tried again, one that hangs is helped, and one whose disk is full comes back.
 * The steps build on one another.
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import { until } from "../../steps/wait";
import { startFakeDns, type FakeDns } from "../support/fakeDns";
import { startFakeModel, type FakeModel } from "../support/fakeModel";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { SmallDisk } from "../support/smallDisk";
import { TestStack, withoutGateway } from "../support/stack";

/** A name that only Docker's resolver knows, and only in the gateway's network. */
const NEIGHBOUR = "model.lan";

/** A name that only a DNS server on this machine knows. */
const ONLY_HERE = "only.machine.example";
const ONLY_HERE_ADDRESS = "192.0.2.53";

let stack: TestStack;
let disk: SmallDisk | undefined;
let model: FakeModel;
let dns: FakeDns | undefined;
let squatter: Server | undefined;

const neighbour = () => `${stack.container}-neighbour`;
const bridge = () => hostAddress(parseSubnet(stack.subnet) as Subnet, 1);

const config = (gateway: object = {}, sandbox: object = {}) => ({
    gateway: { imageArchives: IMAGES, memory: "3Gi", ...gateway },
    sandboxes: { agent: { ...AGENT, dns: true, ...sandbox } },
});

beforeAll(async () => {
    stack = await TestStack.create("machine");
    disk = await SmallDisk.make(stack.container);
    // Seconds without an answer after which k3s is started again.
    stack.edit("components/gateway/scripts/restart.sh", "HUNG_SECONDS:-600", "HUNG_SECONDS:-20");
    model = await startFakeModel(randomBytes(16).toString("hex"));
    stack.configure(config());
});

afterAll(async () => {
    model?.close();
    dns?.close();
    squatter?.close();
    await attempt("docker", ["rm", "--force", "--volumes", neighbour()]);
    await stack?.remove();
    disk?.remove();
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
        dns = await startFakeDns(bridge(), { [ONLY_HERE]: ONLY_HERE_ADDRESS });
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

/** What tells a sandbox from one that was started again. */
const lifeOf = async () => {
    const { metadata, status } = await stack.pod("agent");
    // Field 22 is when the process was started.
    const process = (await stack.shell("agent", "cat /proc/1/stat")).split(" ");
    const restarts = status.containerStatuses?.map(({ restartCount }) => restartCount);
    return { uid: metadata.uid, started: process[21], restarts };
};

const isReady = async () =>
    (await attempt("docker", ["exec", stack.container, "cat", "/run/sandbox-gateway/health"]))
        .stdout === "ok\n";

describe("k3s", () => {
    it("has certificates of which the gateway knows when they end", async () => {
        const { certificates = "" } = (await stack.status()).gateway ?? {};
        const days = (Date.parse(certificates) - Date.now()) / 86_400_000;
        expect(days).toBeGreaterThan(360);
        expect(days).toBeLessThan(366);
    });

    it("that hangs is started again alone: no sandbox notices", async () => {
        const before = await lifeOf();
        const format = ["inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}"];
        const container = await run("docker", [...format, stack.container]);
        // The parts of k3s that are processes of their own here, too: it has to be made to end.
        await inGateway(
            `for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline) in "k3s server"* | */kube\\ kube-apiserver* | "kube-apiserver "*) kill -STOP "\${p#/proc/}" ;; esac; done`,
        );
        await until("k3s is started again", 120, async () =>
            (await attempt("docker", ["logs", stack.container])).stderr.includes(
                "k3s alone is ended and started again, sandboxes run on",
            ),
        );
        await until("the API answers", 120, async () => {
            const { status } = await stack.tryKubectl("get", "--raw", "/readyz");
            return status === 0 && (await isReady());
        });
        await until(
            "the sandbox is running",
            60,
            async () => (await stack.state("agent")) === "running",
        );
        expect(await lifeOf()).toEqual(before);
        expect(await run("docker", [...format, stack.container])).toBe(container);
        expect((await stack.status()).gateway).toMatchObject({ policies: "enforced" });
    });
});

describe("a disk that one sandbox has filled", () => {
    const FILLED = "storage/sandboxes/workspace-agent-0/filled";
    const sum = () => stack.shell("agent", "cd /sandbox && sha256sum data .workspace-initialized");
    let before = "";

    beforeAll(async () => {
        await stack.shell("agent", "head -c 3000000 /dev/urandom >/sandbox/data");
        before = await sum();
    });

    it("is named by make status, with the workspace, and with the end of its sandbox", async () => {
        disk?.fill(FILLED);
        await until(
            "the gateway has ended it",
            60,
            async () =>
                (await stack.status()).sandboxes[0]?.detail?.startsWith(
                    "ended by the gateway: ",
                ) === true,
        );
        // Also what was kept in reserve: as where the machine itself goes on writing.
        disk?.fill(`${FILLED}/more`);
        const { gateway } = await stack.status();
        expect(gateway?.warnings).toEqual(
            expect.arrayContaining([
                expect.stringMatching(
                    /nearly full: .* left; largest workspaces: workspace-agent-0 /,
                ),
                expect.stringMatching(
                    /further files: .* left; largest workspaces: workspace-agent-0 /,
                ),
                expect.stringContaining("sandbox agent was ended, and nothing of it was lost: "),
            ]),
        );
    });

    it("keeps nobody out for ever: restarted, emptied as documented, restarted and healed, all is as it was", async () => {
        await run("docker", ["restart", "--time", "60", stack.container]);
        const image = ["inspect", "--format", "{{.Config.Image}}", stack.container];
        await run("docker", [
            ...["run", "--rm", "--volume", `${stack.container}:/data`, "--entrypoint", "/bin/sh"],
            ...[(await run("docker", image)).trim(), "-c", `rm -rf /data/${FILLED}`],
        ]);
        await run("docker", ["restart", "--time", "60", stack.container]);
        await until("the gateway is ready", 180, isReady);
        expect((await stack.make("heal")).status).toBe(0);
        await until(
            "the sandbox is running",
            180,
            async () => (await stack.state("agent")) === "running",
        );
        expect(await sum()).toBe(before);
        expect((await stack.status()).gateway?.warnings).toBeUndefined();
        await stack.up("--expect-no-changes");
    });
});
