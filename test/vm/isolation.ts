/** Checks of what a newer kernel and Docker do differently: cgroups, resolvers, packet filters. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../steps/wait";
import { run } from "../support/run";
import type { TestStack } from "../support/stack";
import type { Check } from "./check";
import { equal, GATEWAY_MEMORY, machineAddress, unchangedByRefresh, UP } from "./lifecycle";
import { connects, lives, podCgroups, pods, scope, unschedulable, untilReady } from "./observe";
import { patientUp, type World } from "./world";

/** `GATEWAY_MEMORY` in bytes. */
const GATEWAY_BYTES = String(3 * 2 ** 30);

/** Seconds for which a second gateway runs beside the first. */
const BESIDE_SECONDS = 300;

/** A name that only the machine's resolver knows, see toolchain/vm/guest. */
const LAN_NAME = "wiki.intranet.test";
const LAN_ADDRESS = "192.0.2.53";

const MACHINE = "machine";

export const machine: readonly Check<World>[] = [
    {
        title: MACHINE,
        claim: "cgroup v2, and br_netfilter not loaded before the first pod",
        run: async (world) => {
            equal("/sys/fs/cgroup", await world.shell("stat -f -c %T /sys/fs/cgroup"), "cgroup2fs");
            equal("br_netfilter", await world.shell("lsmod | grep -c ^br_netfilter || true"), "0");
            const versions = [
                ...["uname -r", "docker version --format 'Docker {{.Server.Version}}'"],
                ...["containerd --version", "runc --version | head -n 1", "iptables --version"],
                "systemctl --version | head -n 1",
            ];
            return (await world.shell(versions.join("; "))).split("\n").join(", ");
        },
    },
];

export const limits: readonly Check<World>[] = [
    {
        title: "limits",
        claim: `\`gateway.memory: ${GATEWAY_MEMORY}\` is the container's, and the pods' cgroups lie inside it`,
        needs: [UP],
        run: async (world) => {
            const folder = await scope(world, world.first);
            equal("memory.max", await world.shell(`cat ${folder}/memory.max`), GATEWAY_BYTES);
            const groups = await podCgroups(world);
            const outside = groups.filter((group) => !group.startsWith(`${folder}/`));
            equal("cgroups of pods outside the container's", outside.join(" "), "");
            const count = (await pods(world.first)).length;
            equal("a cgroup for each pod", groups.length >= count, true);
            return `memory.max ${GATEWAY_BYTES}, ${groups.length} cgroups of pods, all inside`;
        },
    },
    {
        title: "too large a pod",
        claim: "a pod that asks for more than the gateway has, though not than the machine, stays Pending",
        needs: [UP],
        run: async ({ first }) => {
            const image = await first.pauseImage();
            const resources = { requests: { memory: "3500Mi" } };
            await first.apply({
                ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "too-large" } },
                spec: { containers: [{ name: "pause", image, resources }] },
            });
            try {
                let said: string | undefined;
                await until("the pod is refused for its memory", 180, async () => {
                    said = await unschedulable(first, "too-large");
                    return said?.includes("Insufficient memory") ?? false;
                });
                return said ?? "";
            } finally {
                await first.tryKubectl("delete", "pod", "too-large", "--now");
            }
        },
    },
];

export const network: readonly Check<World>[] = [
    {
        title: "DNS",
        claim: "a sandbox resolves a name that only the machine's resolver knows",
        needs: [UP],
        run: async (world) => {
            const here = await world.shell(`getent hosts ${LAN_NAME}`);
            equal("the machine's answer", here.split(/\s+/)[0], LAN_ADDRESS);
            let said = "";
            await until(`a sandbox resolves ${LAN_NAME}`, 120, async () => {
                const { first } = world;
                said = await first.shell("closed", `nslookup ${LAN_NAME} 2>&1 || true`);
                return said.includes(LAN_ADDRESS);
            }).catch((error: Error) => {
                throw new Error(`${error.message}\n${said}`);
            });
            return `${LAN_NAME} is ${LAN_ADDRESS}`;
        },
    },
    {
        title: "policies",
        claim: "what is listed is reached, what is not listed is refused, though nothing loaded br_netfilter",
        needs: [MACHINE, UP],
        run: async (world) => {
            const { first } = world;
            const address = machineAddress(first);
            await until("what is listed is reached", 180, () =>
                connects(first, "agent", address, 22),
            );
            const { podIP } = (await first.pod("agent")).status;
            const get = ["wget", "-q", "-O", "-", `http://${podIP}:18789/healthz`];
            await run("docker", ["exec", first.container, ...get]);
            const service = await first.kubectl(
                ...["-n", "sandboxes", "get", "service", "agent"],
                ...["-o", "jsonpath={.spec.clusterIP}"],
            );
            const forbidden: readonly [host: string, port: number][] = [
                [address, 22],
                [podIP, 18789],
                [service, 18789],
            ];
            for (const [host, port] of forbidden) {
                const made = await connects(first, "closed", host, port);
                equal(`a connection to ${host}:${port} that is not listed`, made, false);
            }
            const modules = await world.shell("lsmod | cut -d ' ' -f 1 | grep -E ^br_ || true");
            return `machine, pod and service refused; loaded since: ${modules || "nothing"}`;
        },
    },
];

const OWN_SECOND = "second gateway";

export const neighbours: readonly Check<World>[] = [
    {
        title: OWN_SECOND,
        claim: "a second gateway comes up beside the first, with its own pods",
        needs: [UP],
        run: async (world) => {
            const second = await world.stack("beside");
            second.configure({});
            try {
                const tries = await patientUp(second);
                // CoreDNS and the provisioner of volumes.
                await untilReady(second, 2, 1200);
                world.second = second;
                return `${(await lives(second)).length} pods ready${tries}`;
            } catch (error) {
                // What comes after it has enough to do with one gateway.
                await second.remove();
                throw error;
            }
        },
    },
    {
        title: "side by side",
        claim: `for ${BESIDE_SECONDS / 60} minutes no pod of either is made anew or started again`,
        needs: [OWN_SECOND],
        run: async ({ first, second }) => {
            const both = [first, second as TestStack];
            await untilReady(first, 4, 600);
            const look = async () => (await Promise.all(both.map(lives))).flat().join("\n");
            const before = await look();
            const end = Date.now() + BESIDE_SECONDS * 1000;
            let looks = 0;
            while (Date.now() < end) {
                await sleep(20_000);
                equal("pods", await look(), before);
                looks++;
            }
            return `${before.split("\n").length} pods, ${looks} looks, all the same`;
        },
    },
    {
        title: "end of the second gateway",
        claim: "nothing of it stays in Docker but its data, and nothing among the machine's cgroups",
        needs: [OWN_SECOND],
        run: async (world) => {
            const second = world.second as TestStack;
            try {
                second.configure({ protect: false });
                await patientUp(second);
                await second.pulumi(["destroy", "--yes", "--skip-preview"]);
                equal("left in Docker", (await second.inDocker()).join(", "), "volume");
                const folder = await scope(world, world.first);
                const stray = (await podCgroups(world)).filter((g) => !g.startsWith(`${folder}/`));
                equal("cgroups of pods left behind", stray.join(" "), "");
                return "nothing left";
            } finally {
                await second.remove();
            }
        },
    },
];

/** An option that a company's daemon gives every network. */
const OPTION = { bridge: { "com.docker.network.driver.mtu": "1400" } };

export const daemonOptions: readonly Check<World>[] = [
    {
        title: "default-network-opts",
        claim: "a daemon that adds options to every network makes no change by up, refresh and preview",
        run: async (world) => {
            const settings = JSON.stringify({ "default-network-opts": OPTION });
            await world.shell(`echo '${settings}' >/etc/docker/daemon.json`);
            await world.shell("systemctl restart docker");
            await world.untilDockerAnswers();
            const stack = await world.stack("opts");
            stack.configure({ running: false });
            // The network, and what the program reads: the rest needs minutes, and an API.
            const targets = [
                ...["**:Gateway::gateway", "**::gateway-docker", "**::gateway-identity**"],
                "**::gateway-network",
                // What the identity waits for.
                "**::gateway-image-*",
            ].flatMap((urn) => ["--target", urn]);
            await stack.up(...targets);
            const format = ["network", "inspect", "--format", "{{json .Options}}", stack.container];
            const options = (await run("docker", format)).trim();
            equal("the daemon's option in the network", options.includes("1400"), true);
            equal("a second preview", (await stack.preview(...targets)).join("; "), "");
            await stack.up("--expect-no-changes", ...targets);
            await unchangedByRefresh(stack, ...targets);
            return `network with ${options}: no change by up, refresh and preview`;
        },
    },
];
