/**
 * Nobody gets in, and nothing gets out that is not listed: what an attacker would try, each beside the
 * same thing done by somebody who may. The steps build on one another.
 */
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:http";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import { LanMachine } from "../support/lanMachine";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";
import { until } from "../support/steps";

/** As the namespace of a pod sees its own end of the bridge. */
const DEVICE = "eth0";

/** Where clouds have their metadata; of this test's process, for others run beside it. */
const METADATA = `169.254.${(process.pid >> 8) & 127}.${(process.pid & 127) + 1}`;

/** Has looked whether it reaches the API server as soon as it runs, and then becomes the agent. */
const EAGER = {
    ...AGENT,
    application: {
        ...AGENT.application,
        command: [
            ...["/bin/sh", "-c"],
            "nc -w 2 10.43.0.1 443 -e true && echo in >>/sandbox/breach; echo looked >>/sandbox/looked; exec /usr/local/bin/agent",
        ],
    },
};

/** What the eager one has seen at each of its starts: `in` where the network was open. */
const SEEN = "cat /sandbox/breach /sandbox/looked 2>/dev/null; true";

let stack: TestStack;
let lan: LanMachine;
let server: Server;
let address: string;

const neighbour = () => `${stack.container}-neighbour`;

beforeAll(async () => {
    stack = await TestStack.create("attack");
    const subnet = parseSubnet(stack.subnet) as Subnet;
    address = hostAddress(subnet, 2);
    server = createServer((_, response) => response.end("secrets of a cloud\n"));
    await run("ip", ["address", "add", `${METADATA}/32`, "dev", "lo"]);
    await new Promise<void>((resolve) => server.listen(0, METADATA, resolve));
    lan = await LanMachine.make();
    // Seconds after which the gate gives up.
    stack.edit("components/sandbox/scripts/gate.sh", "GATE_SECONDS:-60", "GATE_SECONDS:-12");
    stack.configure({
        gateway: { imageArchives: IMAGES },
        sandboxes: { closed: EAGER, open: { ...AGENT, egress: ["internet"] } },
    });
    await stack.up();
});

afterAll(async () => {
    server?.close();
    await attempt("ip", ["address", "del", `${METADATA}/32`, "dev", "lo"]);
    await lan?.remove();
    await attempt("docker", ["rm", "--force", "--volumes", neighbour()]);
    await stack?.remove();
});

/** Runs a command as a user who has nothing to do with it. */
const asSomebody = (...command: string[]) =>
    attempt("setpriv", ["--reuid", "54321", "--regid", "54321", "--clear-groups", ...command]);

const inGateway = (script: string) => run("docker", ["exec", stack.container, "sh", "-c", script]);

/** Whether a connection is made within three seconds, by busybox's own word. */
const CONNECT = 'nc -w 3 "$@" -e true 2>/dev/null && echo made || echo none';

async function connects(sandbox: string, host: string, port: number): Promise<boolean> {
    const script = CONNECT.replace('"$@"', `${host} ${port}`);
    return (await stack.shell(sandbox, script)) === "made\n";
}

/** The address that each interface has by itself, from the kernel's list of them. */
function linkLocal(list: string, device: string): string {
    const line = list
        .split("\n")
        .find((each) => each.startsWith("fe80") && each.trim().endsWith(device));
    const digits = line?.slice(0, 32).match(/.{4}/g);
    if (!digits) {
        throw new Error(`no link-local address of ${device} in:\n${list}`);
    }
    return digits.join(":");
}

describe("IPv6, which every pod has on its own", () => {
    let peer: string;

    beforeAll(async () => {
        peer = linkLocal(await stack.shell("open", "cat /proc/net/if_inet6"), DEVICE);
        await until("the agent listens", 60, () => connects("open", "::1", 18789));
    });

    it("leads to no neighbour, which listens there", async () => {
        expect(await connects("open", `${peer}%${DEVICE}`, 18789)).toBe(true);
        expect(await connects("closed", `${peer}%${DEVICE}`, 18789)).toBe(false);
    });

    it("leads to no pod of the cluster's own", async () => {
        // CoreDNS listens for metrics on every address, and no policy lets a sandbox ask for them.
        const pod = await stack.kubectl(
            ...["-n", "kube-system", "get", "pod", "-l", "k8s-app=kube-dns"],
            ...["-o", "jsonpath={.items[0].status.podIP}"],
        );
        // Its address is found as an attacker would: the first packet asks for the hardware's.
        await connects("closed", pod, 9153);
        const table = await stack.shell("closed", "cat /proc/net/arp");
        const [, hardware = ""] = new RegExp(`^${pod} +\\S+ +\\S+ +(\\S+)`, "m").exec(table) ?? [];
        const [a = "", b, c, d, e, f] = hardware.split(":");
        const first = (parseInt(a, 16) ^ 2).toString(16);
        expect(
            await connects("closed", `fe80::${first}${b}:${c}ff:fe${d}:${e}${f}%${DEVICE}`, 9153),
        ).toBe(false);
    });

    it("leads to nothing of the gateway's, also where Docker leaves it on", async () => {
        await inGateway("echo 0 >/proc/sys/net/ipv6/conf/cni0/disable_ipv6");
        const gateway = linkLocal(await inGateway("cat /proc/net/if_inet6"), "cni0");
        // The kubelet listens there.
        const ask = `wget -q -O - 'http://[${gateway}%cni0]:10250/' 2>&1 || true`;
        await until(
            "the gateway has the address",
            10,
            async () => !(await inGateway(ask)).includes("failed: "),
        );
        const ports = [6443, 10250].map((port) => connects("closed", `${gateway}%${DEVICE}`, port));
        expect(await Promise.all(ports)).toEqual([false, false]);
    });
});

describe("what is published on this machine's loopback", () => {
    let page: number;

    beforeAll(async () => {
        page = Number(
            new URL((await stack.output<Record<string, string>>("urls"))["open"] as string).port,
        );
        await until("the page answers", 60, async () =>
            (await stack.page("open")).includes("Test agent"),
        );
        const image = ["inspect", "--format", "{{.Config.Image}}", stack.container];
        await run("docker", [
            ...["run", "--detach", "--name", neighbour(), "--network", stack.container],
            ...["--publish", "127.0.0.1::8080", "--entrypoint", "/bin/sh"],
            ...[(await run("docker", image)).trim(), "-c", "exec busybox httpd -f -p 8080"],
        ]);
    });

    it("answers this machine", async () => {
        expect(await stack.page("open")).toContain("Test agent");
        const api = [`https://127.0.0.1:${stack.apiPort}/`, "--insecure", "--silent"];
        const code = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        expect(await run("curl", [...api, ...code])).toBe("401");
    });

    it("does not answer a machine of the network that has a route to the gateway", async () => {
        const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        const other = (await run("docker", ["inspect", "--format", format, neighbour()])).trim();
        // The same way in, to a container that has nothing of its own against it: before Docker 28.
        const { stdout } = await attempt("docker", ["version", "--format", "{{.Server.Version}}"]);
        if (parseInt(stdout) < 28) {
            await until("its way is open", 20, () => lan.connects(other, 8080));
        }
        const ways = [
            lan.connects(address, page),
            lan.connects(address, 6443),
            lan.connects(lan.host, page),
        ];
        expect(await Promise.all(ways)).toEqual([false, false, false]);
    });

    it("does not answer a container beside it in its network", async () => {
        const ask = (host: string, port: number) => {
            const script = `busybox ${CONNECT.replace('"$@"', `${host} ${port}`)}`;
            return run("docker", ["exec", neighbour(), "sh", "-c", script]);
        };
        expect(await ask("127.0.0.1", 8080)).toBe("made\n");
        const ways = [ask(address, page), ask(address, 6443), ask(address, 10250)];
        expect(await Promise.all(ways)).toEqual(["none\n", "none\n", "none\n"]);
    });
});

describe("another user of this machine", () => {
    const files = () => [".local", "states"].map((name) => path.join(stack.folder, name));

    beforeAll(async () => {
        // What make keeps of a stack; the test's own folder is the test's alone.
        expect((await stack.make("up")).status).toBe(0);
        chmodSync(stack.folder, 0o755);
    });
    afterAll(() => chmodSync(stack.folder, 0o700));

    it("reads no file that is kept for a checkout", async () => {
        const find = ["find", ...files(), "-type", "f", "-readable"];
        const own = await attempt(find[0] as string, find.slice(1));
        expect(own.stdout).toContain("/.local/");
        expect((await asSomebody(...find)).stdout).toBe("");
        const anywhere = await asSomebody("cat", path.join(stack.folder, "package.json"));
        expect(anywhere.stdout).toContain("sandbox-gateway");
    });

    it("gets neither Docker nor what it keeps", async () => {
        const format = ["volume", "inspect", "--format", "{{.Mountpoint}}", stack.container];
        const volume = (await run("docker", format)).trim();
        expect((await asSomebody("docker", ...format)).stderr).toContain("permission denied");
        expect((await asSomebody("ls", volume)).status).not.toBe(0);
        expect((await attempt("ls", [volume])).stdout).toContain("server");
    });

    it("is let in by the API no further than the door", async () => {
        const api = `https://127.0.0.1:${stack.apiPort}`;
        const ask = ["curl", "--insecure", "--silent", "--write-out", "%{http_code}"];
        for (const path of ["/api/v1/namespaces/sandboxes/secrets", "/metrics", "/version"]) {
            const { stdout } = await asSomebody(...ask, "--output", "/dev/null", api + path);
            expect([path, stdout]).toEqual([path, "401"]);
        }
    });
});

describe("what no policy ever allows", () => {
    it("is closed for pods without any policy, too", async () => {
        await stack.apply({
            ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "free" } },
            spec: { containers: [{ name: "a", image: AGENT.image, command: ["sleep", "600"] }] },
        });
        const { port } = server.address() as { port: number };
        const ask = async (host: string, at: number) =>
            (
                await stack.tryKubectl(
                    "exec",
                    "free",
                    "--",
                    "sh",
                    "-c",
                    CONNECT.replace('"$@"', `${host} ${at}`),
                )
            ).stdout;
        await until(
            "it reaches what is open",
            60,
            async () => (await ask("10.43.0.1", 443)) === "made\n",
        );
        expect(await ask(METADATA, port)).toBe("none\n");
    });
});

describe("a start of a sandbox before its policies hold", () => {
    /** The policy controller: in the stand-in of k3s a process of its own. */
    const signal = (name: "STOP" | "CONT") =>
        inGateway(
            `for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline) in */kube-router\\ --run*) kill -${name} "\${p#/proc/}" ;; esac; done`,
        );

    const row = async () =>
        (await stack.status()).sandboxes.find(({ sandbox }) => sandbox === "closed");

    it("never let its agent see the network open", async () => {
        expect(await stack.shell("closed", SEEN)).toBe("looked\n");
    });

    it("is held back, and says why", async () => {
        await signal("STOP");
        await stack.kubectl("-n", "sandboxes", "delete", "pod", "closed-0", "--grace-period=1");
        await until("the gate has given up", 90, async () =>
            JSON.stringify((await stack.pod("closed")).status).includes("are not enforced here"),
        );
        expect(await row()).toMatchObject({
            state: "not running",
            detail: expect.stringContaining("network policies are not enforced here") as string,
        });
    });

    it("goes on by itself once they do, and the agent has seen nothing", async () => {
        await signal("CONT");
        await until(
            "the sandbox runs",
            120,
            async () => (await stack.state("closed")) !== "not running",
        );
        expect(await stack.shell("closed", SEEN)).toBe("looked\nlooked\n");
    });
});
