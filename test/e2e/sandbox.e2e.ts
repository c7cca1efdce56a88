/**
 * Two sandboxes side by side: who reaches whom, what recovers, what a suspension, a new token and a
 * removal leave alone. The steps build on one another.
 */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keptVolumes, type PersistentVolume } from "../../cli/status/keptVolumes";
import { applicationState } from "../../cli/status/podState";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import { ODD_TEXTS, ODD_VARIABLES } from "../support/oddTexts";
import { until } from "../support/steps";
import { AGENT, FRAGILE, IMAGES } from "../support/sandboxes";
import { run } from "../support/run";
import { TestStack } from "../support/stack";

let stack: TestStack;
let server: Server;
let serverPort: number;
let hostOnBridge: string;
let nodeAddress: string;

/** Writes down its arguments, which are odd, and becomes the agent. */
const TALKATIVE = {
    ...AGENT,
    application: {
        ...AGENT.application,
        command: [
            ...["/bin/sh", "-c"],
            'printf "%s\\0" "$@" >/tmp/arguments; exec /usr/local/bin/agent',
            ...["$0 of $(HOME)", ...ODD_TEXTS],
        ],
    },
};

/** `open` may reach one port of the host, `closed` nothing. */
const config = (overrides: { gateway?: object; closed?: object; [key: string]: unknown } = {}) => {
    const { gateway, closed, ...rest } = overrides;
    return {
        gateway: { imageArchives: IMAGES, ...gateway },
        sandboxes: {
            closed: { ...FRAGILE, ...closed },
            open: {
                ...TALKATIVE,
                env: ODD_VARIABLES,
                egress: [{ cidr: `${hostOnBridge}/32`, ports: [serverPort] }],
            },
        },
        ...rest,
    };
};

beforeAll(async () => {
    stack = await TestStack.create("pair");
    const subnet = parseSubnet(stack.subnet) as Subnet;
    hostOnBridge = hostAddress(subnet, 1);
    nodeAddress = hostAddress(subnet, 2);
    server = createServer((_, response) => response.end("the host\n"));
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    serverPort = (server.address() as { port: number }).port;
    stack.configure(config());
    await stack.up();
});

afterAll(async () => {
    server?.close();
    await stack?.remove();
});

/**
 * Whether a connection from inside a sandbox is made within four seconds. Whatever answers, in any
 * protocol, counts: only a connection that is refused or never made does not.
 */
async function connects(sandbox: string, host: string, port: number): Promise<boolean> {
    const script = `timeout 4 wget -q -O /dev/null http://${host}:${port}/ 2>&1; echo "status $?"`;
    const said = await stack.shell(sandbox, script);
    return !said.includes("can't connect") && !/status (143|124|137)/.test(said);
}

describe("a sandbox", () => {
    it("is reached from this machine on its published port", async () => {
        // The policy controller takes a moment after a pod is ready to let in what is allowed.
        for (const sandbox of ["open", "closed"]) {
            await until(`the page of ${sandbox} answers`, 60, async () =>
                (await stack.page(sandbox)).includes("Test agent"),
            );
        }
    });

    it("resolves names where it may reach something, and none where it may not", async () => {
        const ask = "timeout 8 nslookup kubernetes.default.svc.cluster.local 2>&1 || true";
        // Not the resolver, whose address only begins like it.
        const answer = /^Address:\s+10\.43\.0\.1$/m;
        await until("names resolve", 60, async () => answer.test(await stack.shell("open", ask)));
        expect(await stack.shell("closed", ask)).not.toMatch(answer);
    });

    it("gets variables and arguments exactly as they are written", async () => {
        const read = async (file: string) =>
            Buffer.from(await stack.shell("open", `base64 ${file}`), "base64")
                .toString()
                .split("\0")
                .slice(0, -1);
        expect(await read("/tmp/arguments")).toEqual(ODD_TEXTS);
        const variables = (await read("/proc/1/environ"))
            .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])
            .filter(([name]) => name?.startsWith("ODD_"));
        expect(Object.fromEntries(variables)).toEqual(ODD_VARIABLES);
    });

    it("reaches what is listed, and nothing else does", async () => {
        await until("what is listed is reached", 60, () =>
            connects("open", hostOnBridge, serverPort),
        );
        expect(await connects("closed", hostOnBridge, serverPort)).toBe(false);
    });

    it("reaches no other port of the host", async () => {
        const other = createServer((_, response) => response.end("another port\n"));
        await new Promise<void>((resolve) => other.listen(0, "0.0.0.0", resolve));
        const { port } = other.address() as { port: number };
        try {
            expect(await connects("open", hostOnBridge, port)).toBe(false);
        } finally {
            other.close();
        }
    });

    it("reaches no neighbour: not by pod, by service, or by published port", async () => {
        const { podIP } = (await stack.pod("open")).status;
        const clusterIP = await stack.kubectl(
            ...["-n", "sandboxes", "get", "service", "open", "-o", "jsonpath={.spec.clusterIP}"],
        );
        const urls = await stack.output<Record<string, string>>("urls");
        const nodePort = Number(new URL(urls["open"] as string).port);
        // The same targets answer the machine itself: what follows fails because of the policy.
        await run("docker", [
            "exec",
            stack.container,
            "wget",
            "-qO-",
            `http://${podIP}:18789/healthz`,
        ]);
        expect(await connects("closed", podIP, 18789)).toBe(false);
        expect(await connects("closed", clusterIP, 18789)).toBe(false);
        expect(await connects("closed", nodeAddress, nodePort)).toBe(false);
        expect(await connects("closed", hostOnBridge, nodePort)).toBe(false);
    });

    it("reaches neither the API server nor the kubelet", async () => {
        expect(await connects("closed", "10.43.0.1", 443)).toBe(false);
        expect(await connects("closed", nodeAddress, 6443)).toBe(false);
        expect(await connects("closed", nodeAddress, 10250)).toBe(false);
    });

    it("holds no token of Kubernetes and no right to more", async () => {
        const { status } = await stack.tryKubectl(
            ...["-n", "sandboxes", "exec", "closed-0", "--"],
            ...["ls", "/var/run/secrets/kubernetes.io"],
        );
        expect(status).not.toBe(0);
        const rights = await stack.shell(
            "closed",
            "grep -E 'CapEff|NoNewPrivs' /proc/self/status; id -u",
        );
        expect(rights.split(/\s+/).filter(Boolean)).toEqual([
            ...["CapEff:", "0000000000000000", "NoNewPrivs:", "1", "1000"],
        ]);
    });
});

describe("an application that fails", () => {
    it.each([
        ["ends", "die", 60],
        ["hangs", "hang", 120],
    ])("is running again when it %s, without any command, and says so", async (_, order, bound) => {
        const before = (await stack.pod("open")).status.containerStatuses?.[0]?.restartCount ?? 0;
        await stack.shell("open", `touch /sandbox/.agent/${order}`);
        // The kubelet may still call a container ready that it has just started.
        await until(`the agent is back after ${order}`, bound, async () => {
            const found = await stack.pod("open");
            const restarts = found.status.containerStatuses?.[0]?.restartCount ?? 0;
            return (
                restarts > before &&
                applicationState(found, "open", String).state === "recovered" &&
                (await stack.page("open")).includes("Test agent")
            );
        });
    });
});

describe("suspending one of two", () => {
    it("is one update, and leaves the other untouched", async () => {
        const neighbour = (await stack.pod("open")).metadata.uid;
        await stack.shell("closed", "echo kept > /sandbox/kept");
        stack.configure(config({ closed: { running: false } }));
        expect(await stack.preview()).toEqual([
            "update kubernetes:apps/v1:StatefulSet closed-agent",
        ]);
        await stack.up();
        expect((await stack.pod("open")).metadata.uid).toBe(neighbour);
        const gone = await stack.tryKubectl("-n", "sandboxes", "get", "pod", "closed-0");
        expect(gone.status).not.toBe(0);
    });

    it("is undone with the workspace as it was", async () => {
        stack.configure(config());
        await stack.up();
        expect(await stack.shell("closed", "cat /sandbox/kept")).toBe("kept\n");
    });
});

describe("a value that is given with --secret", () => {
    const SECRET = "ghp_A1b2C3d4";

    const set = async (key: string) => {
        stack.configure(config());
        const at = `sandbox-gateway:sandboxes.closed.${key}`;
        await stack.pulumi(["config", "set", "--secret", "--path", at, SECRET]);
        return stack.tryPulumi(["preview", "--diff"]);
    };

    it("among the variables in clear goes to the Secret", async () => {
        const { status, stdout, stderr } = await set("env.TICKET");
        expect(stdout + stderr).not.toContain(SECRET);
        expect(stdout + stderr).not.toContain("cannot be told");
        expect(status).toBe(0);
        expect(await stack.preview()).toEqual([
            "update kubernetes:apps/v1:StatefulSet closed-agent",
            "update kubernetes:core/v1:Secret closed-secret",
        ]);
    });

    it("anywhere else is refused by its key, a misspelt one too", async () => {
        for (const key of ["labelz.x", "nodeSelector.x"]) {
            const { status, stdout, stderr } = await set(key);
            expect(status).not.toBe(0);
            expect(stdout + stderr).not.toContain(SECRET.slice(0, 6));
            expect(stdout + stderr).toMatch(
                /sandboxes\.closed\.(labelz|nodeSelector\.x): got a secret value; must /,
            );
        }
        stack.configure(config());
    });
});

describe("another size of a workspace", () => {
    it("is refused by the preview: the storage cannot grow", async () => {
        stack.configure(config({ closed: { workspaceSize: "3Gi" } }));
        const { status, stdout, stderr } = await stack.tryPulumi(["preview"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain(
            'sandboxes.closed.workspaceSize: got "3Gi"; must stay 2Gi: the gateway\'s storage cannot change',
        );
        stack.configure(config());
        expect(await stack.preview()).toEqual([]);
    });
});

describe("a new token", () => {
    it("is an update in place of the Secret and the pod", async () => {
        const before = await stack.shell("closed", "echo $SANDBOX_TOKEN");
        stack.configure(config({ closed: { tokenGeneration: 2 } }));
        expect(await stack.preview()).toEqual([
            "update kubernetes:apps/v1:StatefulSet closed-agent",
            "update kubernetes:core/v1:Secret closed-secret",
        ]);
        await stack.up();
        await stack.settled("closed");
        const after = await stack.shell("closed", "echo $SANDBOX_TOKEN");
        expect(after).toMatch(/^[0-9a-f]{64}\n$/);
        expect(after).not.toBe(before);
        stack.configure(config());
        await stack.up();
        await stack.settled("closed");
        expect(await stack.shell("closed", "echo $SANDBOX_TOKEN")).toBe(before);
    });
});

describe("removing a sandbox", () => {
    const only = (closed?: object) => ({
        ...config(),
        sandboxes: {
            ...(closed ? { closed: { ...FRAGILE, ...closed } } : {}),
            open: config().sandboxes.open,
        },
    });

    it("is refused while it is protected", async () => {
        stack.configure(only());
        const { status, stdout, stderr } = await stack.tryPulumi(["preview"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain("protected");
    });

    it("works once it is unprotected, and keeps its workspace", async () => {
        stack.configure(only({ protect: false }));
        await stack.up();
        stack.configure(only());
        await stack.up();
        const volumes = JSON.parse(await stack.kubectl("get", "pv", "-o", "json")) as {
            items: PersistentVolume[];
        };
        expect(keptVolumes(volumes.items, "sandboxes")).toEqual([
            expect.objectContaining({ claim: "workspace-closed-0" }),
        ]);
    });

    it("is undone by adding the name again", async () => {
        stack.configure(config());
        await stack.up();
        expect(await stack.shell("closed", "cat /sandbox/kept")).toBe("kept\n");
    });
});
