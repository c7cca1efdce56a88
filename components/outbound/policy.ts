/** Pure: who may talk to the outbound proxy, and whom it may talk to. */
import type { types } from "@pulumi/kubernetes";
import { LABEL_OUTBOUND, LABEL_SANDBOX } from "../../model/constants";
import { anywhereBut, closedNetworks, dns } from "../cluster/networkPolicy";
import type { Client, Listeners } from "./listeners";

type Policy = types.input.networking.v1.NetworkPolicySpec;
type Port = types.input.networking.v1.NetworkPolicyPort;

/** What the pod is found by. */
export const POD_LABELS = { [LABEL_OUTBOUND]: "proxy" };

/** Ports of a sandbox in the proxy's pod. */
function portsTo({ dns: names, tcp }: Listeners): Port[] {
    return [
        ...(names === undefined
            ? []
            : ["UDP", "TCP"].map((protocol) => ({ port: names, protocol }))),
        ...tcp.map(({ target }) => ({ port: target, protocol: "TCP" })),
    ];
}

/** The way of one sandbox to the proxy, as a rule of its own policy. */
export function wayToProxy(
    listeners: Listeners,
): types.input.networking.v1.NetworkPolicyEgressRule {
    return { to: [{ podSelector: { matchLabels: POD_LABELS } }], ports: portsTo(listeners) };
}

/**
 * The policy of the proxy: each sandbox may use its own ports and no other's. Which hosts the proxy goes
 * to is its configuration's to say; networks of the cluster itself are closed to it all the same.
 */
export function outboundPolicy(
    clients: readonly Client[],
    listeners: ReadonlyMap<string, Listeners>,
    cluster: {
        readonly internalNetworks: readonly string[];
        readonly ownNetworks?: readonly string[];
        /** The machine itself, where a model may run. @default not reached */
        readonly machine?: string;
    },
): Policy {
    return {
        podSelector: { matchLabels: POD_LABELS },
        policyTypes: ["Ingress", "Egress"],
        ingress: clients.flatMap(({ sandbox }) => {
            const own = listeners.get(sandbox);
            const from = [{ podSelector: { matchLabels: { [LABEL_SANDBOX]: sandbox } } }];
            return own === undefined ? [] : [{ from, ports: portsTo(own) }];
        }),
        egress: [
            dns(),
            { to: [anywhereBut(closedNetworks(cluster))] },
            ...(cluster.machine === undefined
                ? []
                : [{ to: [{ ipBlock: { cidr: `${cluster.machine}/32` } }] }]),
        ],
    };
}
