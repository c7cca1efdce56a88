/** Rules of what sandboxes share: the ports of the block, and the node's room for pods. */
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { contains, formatBlock, portsOf } from "../../model/ports";
import type { Problem } from "../problems";
import type { Settings } from "../schema";

/** Pods that a kubelet runs without `max-pods`: Kubernetes' default. */
const MAX_PODS = 110;

/** Addresses for pods on a node, whose network is a /24. */
const ADDRESSES = 253;

/** Pods of the gateway's own: CoreDNS, the provisioner, and the helper that it runs for a new claim. */
const OWN_PODS = 3;

/**
 * Ports that k3s listens on in the gateway: its API and that of its agent, containerd, kubelet, kube-proxy,
 * controllers and scheduler. A sandbox with such a node port would receive their connections.
 */
const OF_NODE = [6443, 6444, 10010, 10248, 10249, 10250, 10256, 10257, 10258, 10259];

/** The problems of ports and pods of all sandboxes together. */
export function checkPorts(settings: Settings): Problem[] {
    return [
        ...checkFixedPorts(settings),
        ...(settings.existingCluster
            ? []
            : [...checkOwn(settings), ...checkRoom(settings), ...checkPods(settings)]),
    ];
}

function checkFixedPorts({ gateway, sandboxes, existingCluster }: Settings): Problem[] {
    const owners = new Map<number, string>();
    const wanted = new Set(Object.values(sandboxes).map(({ hostPort }) => hostPort));
    // An existing cluster has a range of node ports of its own.
    const free = (port: number) =>
        existingCluster ? undefined : nextFree(portsOf(gateway.ports), port, wanted);
    return Object.entries(sandboxes).flatMap(([name, { hostPort }]) => {
        const owner = hostPort === undefined ? undefined : owners.get(hostPort);
        if (hostPort !== undefined && owner === undefined) {
            owners.set(hostPort, name);
        }
        return hostPort === undefined || owner === undefined
            ? []
            : [
                  {
                      key: `sandboxes.${name}.hostPort`,
                      got: hostPort,
                      rule: `differ from that of sandboxes.${owner}`,
                      example: String(
                          free(hostPort) ?? "the same without this key: a free one is picked",
                      ),
                  },
              ];
    });
}

/** The first port after `from` that no sandbox wants, or else the first of all. */
function nextFree(
    ports: readonly number[],
    from: number,
    wanted: ReadonlySet<number | undefined>,
): number | undefined {
    const after = ports.filter((port) => port > from);
    return [...after, ...ports].find((port) => !wanted.has(port));
}

function checkOwn({ gateway }: Settings): Problem[] {
    const own = OF_NODE.filter((port) => contains(gateway.ports, port));
    return own.length === 0
        ? []
        : [
              {
                  key: "gateway.ports",
                  got: formatBlock(gateway.ports),
                  rule: `not hold ${own.join(", ")}, which Kubernetes itself listens on in the gateway`,
                  example: JSON.stringify(formatBlock(GATEWAY_DEFAULTS.ports)),
              },
          ];
}

function checkRoom({ gateway, sandboxes }: Settings): Problem[] {
    const published = Object.values(sandboxes).filter((s) => s.application !== undefined).length;
    const { first, last } = gateway.ports;
    const room = portsOf(gateway.ports).length;
    // The example keeps the block's first port, unless the block would end above 65535.
    const start = Math.min(first, 65535 - published + 1);
    return published <= room
        ? []
        : [
              {
                  key: "gateway.ports",
                  got: formatBlock(gateway.ports),
                  rule: `hold a port for each of the ${published} sandboxes with an application`,
                  example: `"${start}-${Math.max(last, start + published - 1)}"`,
              },
          ];
}

function checkPods({ gateway, sandboxes }: Settings): Problem[] {
    const pods = Object.values(sandboxes).filter(({ running }) => running).length;
    const own = OWN_PODS + (gateway.gpus === undefined ? 0 : 1);
    const wanted = maxPods(gateway.k3s["kubelet-arg"]);
    const room = Math.min(wanted, ADDRESSES) - own;
    return pods <= room
        ? []
        : [
              {
                  key: "sandboxes",
                  got: pods,
                  rule: `be at most ${room} that run: a Kubernetes node has ${room + own} pods, ${own} of its own; more of them can be suspended`,
                  example:
                      wanted < ADDRESSES
                          ? `gateway.k3s: {"kubelet-arg": ["max-pods=${Math.min(pods + own, ADDRESSES)}"]}`
                          : "another gateway for some of them",
              },
          ];
}

/** Value of `max-pods` in `kubelet-arg`: the last one counts. */
function maxPods(argument: Settings["gateway"]["k3s"][string] | undefined): number {
    const given = [argument ?? []]
        .flat()
        .flatMap((text) => /^-*max-pods=([0-9]+)$/.exec(String(text))?.[1] ?? []);
    return Number(given.at(-1) ?? MAX_PODS);
}
