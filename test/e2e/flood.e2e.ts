/**
 * One sandbox takes all it can get: processes, memory, room on the disk, files, names. Its neighbour goes
 * on, and so does the gateway. The disk is a small one of the gateway's own, so that this machine keeps its.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { SmallDisk } from "../support/smallDisk";
import { TestStack } from "../support/stack";
import { until } from "../support/steps";
import { asking, type Watched } from "../support/watched";

/** Resolves names: any destination will do. */
const RESOLVES = { egress: [{ cidr: "192.0.2.1/32", ports: [9] }] };

/** Of the sandbox's processes, see components/gateway/k3sSettings.ts. */
const MAX_PROCESSES = 4096;

/** Files that the disk has room for. */
const FILES = 60_000;

const NAME = "kubernetes.default.svc.cluster.local";

/** Questions that are let through: at once, and in each second. */
const AT_ONCE = 500;
const A_SECOND = 100;

/** Of the attacker, in the gateway. */
const WORKSPACE = "/var/lib/rancher/k3s/storage/sandboxes/workspace-attacker-0";

const SUM = "sha256sum /sandbox/data | cut -c1-64";

let stack: TestStack;
let disk: SmallDisk | undefined;
const before: Record<string, string> = {};
let neighbourPod = "";

beforeAll(async () => {
    stack = await TestStack.create("flood");
    disk = await SmallDisk.make(stack.container, FILES);
    stack.configure({
        gateway: { imageArchives: IMAGES },
        sandboxes: {
            neighbour: { ...AGENT, ...RESOLVES },
            // Root, so that it may write to its image's files as well; with memory for all its processes.
            attacker: {
                ...AGENT,
                ...RESOLVES,
                user: "root",
                workspaceSize: "128Mi",
                resources: { limits: { memory: "2Gi", "ephemeral-storage": "256Mi" } },
            },
        },
    });
    await stack.up();
    for (const sandbox of ["neighbour", "attacker"]) {
        await stack.shell(sandbox, "head -c 3000000 /dev/urandom >/sandbox/data; sync");
        before[sandbox] = await stack.shell(sandbox, SUM);
    }
    neighbourPod = (await stack.pod("neighbour")).metadata.uid;
    await until("there is a reserve", 60, async () =>
        (await inGateway("ls -A /var/lib/rancher/k3s")).includes("-reserve"),
    );
});

afterAll(async () => {
    await stack?.remove();
    disk?.remove();
});

const inGateway = (script: string) => run("docker", ["exec", stack.container, "sh", "-c", script]);

/** Asks the neighbour's page while an attack goes on. */
const besides = (work: () => Promise<unknown>) => asking(() => stack.page("neighbour"), work);

/** The gateway can be asked, and can write. */
async function gatewayIsUsable(): Promise<void> {
    const { gateway, sandboxes } = await stack.status();
    expect(gateway).toMatchObject({ state: "running", policies: "enforced" });
    expect(sandboxes.find(({ sandbox }) => sandbox === "neighbour")).toMatchObject({
        state: "running",
    });
    await stack.apply({
        ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "written" } },
        data: { at: String(Date.now()) },
    });
}

/** The neighbour was answered all the while; it is the pod that it was, and can write what it likes. */
async function neighbourIsWell({ answered, failed }: Watched): Promise<void> {
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(2);
    expect((await stack.pod("neighbour")).metadata.uid).toBe(neighbourPod);
    expect(await stack.shell("neighbour", SUM)).toBe(before["neighbour"]);
    const write = "head -c 1000000 /dev/zero >/sandbox/more && rm /sandbox/more && echo written";
    expect(await stack.shell("neighbour", write)).toBe("written\n");
}

/** Begins something in the attacker that goes on by itself. */
const begin = (script: string) =>
    stack.shell("attacker", `(${script}) >/dev/null 2>&1 </dev/null &`);

const row = async () =>
    (await stack.status()).sandboxes.find(({ sandbox }) => sandbox === "attacker");

/** The most processes that the attacker has within some seconds, as the kernel counts them. */
async function mostProcesses(seconds: number): Promise<number> {
    const { uid } = (await stack.pod("attacker")).metadata;
    const names = `-name '*pod${uid}*' -o -name '*pod${uid.replaceAll("-", "_")}*'`;
    const script = `
        for d in $(find /sys/fs/cgroup -type d \\( ${names} \\)); do [ ! -e $d/pids.current ] || break; done
        most=0 end=$(($(date +%s) + ${seconds}))
        while [ "$(date +%s)" -lt $end ]; do
            read -r now <$d/pids.current
            [ "$now" -le $most ] || most=$now
            sleep 0.02
        done
        echo $most`;
    return Number(await inGateway(script));
}

/** Made anew, with everything gone that it has begun. */
async function again(): Promise<void> {
    const { uid } = (await stack.pod("attacker")).metadata;
    await attempt("docker", [
        ...["exec", stack.container, "k3s", "kubectl", "-n", "sandboxes", "delete", "pod"],
        ...["attacker-0", "--grace-period=1"],
    ]);
    await until(
        "the attacker runs again",
        120,
        async () =>
            (await stack.pod("attacker")).metadata.uid !== uid &&
            (await stack.state("attacker")) !== "not running",
    );
    expect(await stack.shell("attacker", SUM)).toBe(before["attacker"]);
}

describe("processes", () => {
    it("without end are no more than a sandbox may have", async () => {
        let most = 0;
        const seen = await besides(async () => {
            const counted = mostProcesses(30);
            // Its own first process may be among those that can begin no other: it is started again then.
            await begin("b() { b | b & sleep 600; }; b");
            most = await counted;
            await gatewayIsUsable();
        });
        expect(most).toBeGreaterThan(MAX_PROCESSES - 500);
        expect(most).toBeLessThanOrEqual(MAX_PROCESSES);
        await neighbourIsWell(seen);
    });

    it("end with the pod", async () => {
        await again();
        expect(await mostProcesses(2)).toBeLessThan(20);
    });
});

describe("memory", () => {
    it("beyond its limit is refused to the attacker alone", async () => {
        let said = "";
        const seen = await besides(async () => {
            const script = "head -c 2500000000 /dev/zero | tail -c 2500000000 | wc -c; true";
            const args = ["-n", "sandboxes", "exec", "attacker-0", "-c", "agent", "--"];
            said = (await stack.tryKubectl(...args, "sh", "-c", script)).stdout;
            await gatewayIsUsable();
        });
        expect(said.trim()).not.toBe("2500000000");
        await neighbourIsWell(seen);
        await until(
            "the attacker runs",
            120,
            async () => (await stack.state("attacker")) !== "not running",
        );
        expect(await stack.shell("attacker", SUM)).toBe(before["attacker"]);
    });
});

describe("names", () => {
    it("are asked for as often as is any use, and the neighbour gets its own", async () => {
        const ask = `nslookup -type=a ${NAME}. | grep -q 10.43.0.1 && echo found`;
        let found = 0;
        let seconds = 0;
        const seen = await asking(
            async () => expect(await stack.shell("neighbour", `${ask}; true`)).toBe("found\n"),
            async () => {
                const one = `while [ $(date +%s) -lt $end ]; do ${ask} >>/tmp/found; done`;
                const script = `: >/tmp/found; end=$(($(date +%s) + 10)); for i in $(seq 40); do (${one}) & done; wait; wc -l </tmp/found`;
                const began = Date.now();
                found = Number(await stack.shell("attacker", script));
                // Those that are not answered are asked again for a while.
                seconds = (Date.now() - began) / 1000;
            },
        );
        expect(seen.failed).toEqual([]);
        expect(seen.answered).toBeGreaterThan(2);
        // The kernel counts packets that were not let through, first in their line.
        const rules = await inGateway("iptables -w -t raw -nvxL SANDBOX-GATEWAY-CLOSED");
        const [, dropped] = /^ *(\d+) .* udp dpt:53 limit: above /m.exec(rules) ?? [];
        expect(Number(dropped)).toBeGreaterThan(20);
        expect(found).toBeGreaterThan(100);
        expect(found).toBeLessThan((AT_ONCE + A_SECOND * seconds) * 1.5);
    });
});

/** Ended by the gateway, with what it has written where it was, and started again once there is room. */
const FLOODS: readonly [string, string][] = [
    ["its workspace is filled", "dd if=/dev/zero of=/sandbox/flood bs=1M"],
    [
        "its workspace is filled in one step",
        "fallocate -l $(($(df -Pk /sandbox | awk 'END { print $4 }') - 2048))k /sandbox/flood; sleep 600",
    ],
    [
        "its workspace is filled with empty files",
        "mkdir /sandbox/flood; cd /sandbox/flood; seq 100000 | xargs touch; sleep 600",
    ],
];

describe("a disk is kept for the others when", () => {
    it.each(FLOODS)("%s", async (_, flood) => {
        const seen = await besides(async () => {
            await begin(flood);
            await until("the gateway has ended it", 120, async () =>
                /^ended by the gateway: /.test((await row())?.detail ?? ""),
            );
            await gatewayIsUsable();
        });
        await neighbourIsWell(seen);
        expect(await inGateway(`ls ${WORKSPACE}`)).toContain("flood");
        await inGateway(`rm -r ${WORKSPACE}/flood`);
        const { status, stdout, stderr } = await stack.make("heal");
        expect([status, stdout + stderr]).toEqual([0, expect.any(String)]);
        await until(
            "the attacker runs again",
            120,
            async () => (await stack.state("attacker")) === "running",
        );
        expect(await stack.shell("attacker", SUM)).toBe(before["attacker"]);
    });

    it.each([
        ["its /tmp is filled", "dd if=/dev/zero of=/tmp/flood bs=1M count=1000; sleep 600"],
        ["files of its image are written", "dd if=/dev/zero of=/etc/flood bs=1M; sleep 600"],
    ])("%s, which goes with its pod", async (_, flood) => {
        const { uid } = (await stack.pod("attacker")).metadata;
        const seen = await besides(async () => {
            await begin(flood);
            await until("its pod is ended", 120, async () => {
                const pod = await stack.pod("attacker").catch(() => undefined);
                return pod?.metadata.uid !== uid || pod.status.phase === "Failed";
            });
            await gatewayIsUsable();
        });
        await neighbourIsWell(seen);
        // Evicted by Kubernetes, which makes another, or ended by the gateway, which was faster.
        await until("its room is given back", 60, async () => {
            const free = await inGateway("df -Pm /var/lib/rancher/k3s | awk 'END { print $4 }'");
            return Number(free) > 1000;
        });
        if ((await row())?.detail?.startsWith("ended by the gateway")) {
            expect((await stack.make("heal")).status).toBe(0);
        }
        await until(
            "the attacker runs again",
            120,
            async () => (await stack.state("attacker")) === "running",
        );
        expect(await stack.shell("attacker", SUM)).toBe(before["attacker"]);
    });
});
