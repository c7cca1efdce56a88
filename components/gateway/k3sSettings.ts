/** Pure: what a gateway's configuration means for k3s and for its container. */
import * as constants from "../../model/constants";
import { formatBlock, type PortBlock } from "../../model/ports";
import type { K3sSettings, K3sValue } from "./k3sConfig";
import { OPTIONAL_ADDONS } from "../../model/k3sFlags";

/** Processes and threads of one pod. A browser, or a build with many threads, takes some hundreds. */
const POD_MAX_PIDS = 4096;

/** Room on a disk: what is to be left, and how much more once somebody had to go for it. */
const ROOM = ["nodefs", "imagefs"].flatMap((disk) => [
    { name: `${disk}.available`, least: "128Mi", more: "32Mi" },
    { name: `${disk}.inodesFree`, least: "500", more: "100" },
]);

const KUBELET_ARGS = [
    // Kubernetes 1.35 refuses cgroup v1 unless told otherwise; the setting is harmless on v2.
    "fail-cgroupv1=false",
    // One sandbox that logs without end must not fill the disk of all.
    "container-log-max-size=10Mi",
    "container-log-max-files=3",
    // One sandbox that forks without end must not take the process ids of all, and of the machine: an
    // eighth of what a kernel gives out by itself, for one; for all of them, all but what is kept back.
    `pod-max-pids=${POD_MAX_PIDS}`,
    "kube-reserved=cpu=100m,pid=1000",
    // Evicting a sandbox at 15 % free space, the default, would stop agents on any fairly full laptop. Nor
    // is it the one that has filled a workspace whom the kubelet evicts: it does not look there. So it comes
    // last, when scripts/room.sh has not helped for a while, and not at once. Inodes too: many small files
    // take all of them.
    "eviction-hard=memory.available<100Mi",
    `eviction-soft=${ROOM.map((signal) => `${signal.name}<${signal.least}`).join(",")}`,
    `eviction-soft-grace-period=${ROOM.map(({ name }) => `${name}=2m`).join(",")}`,
    `eviction-minimum-reclaim=${ROOM.map((signal) => `${signal.name}=${signal.more}`).join(",")}`,
    `eviction-max-pod-grace-period=${constants.POD_GRACE_SECONDS}`,
    // Five minutes is the default, for which nobody would come back after somebody has made room.
    "eviction-pressure-transition-period=30s",
];

/** Names under which the API server's certificate is always valid. */
const TLS_SANS = [constants.LOOPBACK, "localhost", "host.docker.internal"];

/** What k3s's `config.yaml` is rendered from. */
export interface K3sSettingsInput {
    readonly nodeName: string;
    readonly token: string;
    readonly ports: PortBlock;
    readonly tlsSans: readonly string[];
    readonly extra: K3sSettings;
}

/** k3s's settings: ours, with `extra` added. A list in both is joined, ours first. */
export function k3sSettings(input: K3sSettingsInput): K3sSettings {
    const ours: Record<string, K3sValue> = {
        "node-name": input.nodeName,
        token: input.token,
        "tls-san": [...TLS_SANS, ...input.tlsSans],
        // Nothing here uses them; local-path and CoreDNS stay.
        disable: OPTIONAL_ADDONS,
        "service-node-port-range": formatBlock(input.ports),
        "secrets-encryption": true,
        "write-kubeconfig-mode": "0600",
        "kubelet-arg": KUBELET_ARGS,
        // Written by the entrypoint, see scripts/dns.sh. Without it k3s takes a public resolver.
        "resolv-conf": constants.RESOLV_CONF_FILE,
    };
    for (const [key, value] of Object.entries(input.extra)) {
        const own = ours[key];
        ours[key] = isList(own) ? [...own, ...listOf(value)] : value;
    }
    return ours;
}

/** k3s takes a text for a list of one: it must not take the place of ours. */
function listOf(value: K3sValue): readonly string[] {
    return isList(value) ? value : [String(value)];
}

function isList(value: K3sValue | undefined): value is readonly string[] {
    return Array.isArray(value);
}

/** Published ports: the API, and the block one to one, so that a node port is the host's port. */
export function publishedPorts(input: {
    readonly bindAddress: string;
    readonly apiAddress: string;
    readonly apiPort: number;
    readonly apiPortInside: number;
    readonly ports: readonly number[];
}): { internal: number; external: number; ip: string; protocol: string }[] {
    const publish = (internal: number, external: number, ip: string) => ({
        internal,
        external,
        ip,
        protocol: "tcp",
    });
    return [
        publish(input.apiPortInside, input.apiPort, input.apiAddress),
        ...input.ports.map((port) => publish(port, port, input.bindAddress)),
    ];
}
