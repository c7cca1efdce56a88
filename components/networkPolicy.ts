/** Pure: who may talk to a sandbox, and whom it may talk to. */
import type { types } from "@pulumi/kubernetes";
import { LABEL_SANDBOX } from "./constants";

type Policy = types.input.networking.v1.NetworkPolicySpec;
type Rule = types.input.networking.v1.NetworkPolicyEgressRule;

/**
 * A destination a sandbox may reach. `internet` is every public IPv4 address; anything else is a
 * network, with the TCP ports that are open (all, if none is given).
 */
export type Egress = "internet" | { readonly cidr: string; readonly ports?: readonly number[] };

/** Pods of another namespace: all of them, or those that have all the labels. */
export interface PodsOf {
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
}

/** Networks that are not the internet: private, link-local (cloud metadata), loopback, multicast. */
const NOT_INTERNET = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
];

/** Nothing in, nothing out, for every pod of the namespace. */
export function defaultDeny(): Policy {
    return { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
}

/** What one sandbox is allowed on top of `defaultDeny`. */
export function sandboxPolicy(input: {
    readonly sandbox: string;
    /** Port of the application, reachable through its published port. */
    readonly port?: number;
    /** Networks of the cluster itself: no neighbour may use the published port's way in. */
    readonly internalNetworks: readonly string[];
    /** Pods that may use it from inside, an Ingress controller's for example. @default none */
    readonly ingressFrom?: readonly PodsOf[];
    readonly egress: readonly Egress[];
}): Policy {
    const from = [
        { ipBlock: { cidr: "0.0.0.0/0", except: [...input.internalNetworks] } },
        ...(input.ingressFrom ?? []).map(podsOf),
    ];
    return {
        podSelector: { matchLabels: { [LABEL_SANDBOX]: input.sandbox } },
        policyTypes: ["Ingress", "Egress"],
        ingress:
            input.port === undefined
                ? []
                : [{ from, ports: [{ port: input.port, protocol: "TCP" }] }],
        egress: [dns(), ...input.egress.map(egressRule)],
    };
}

function dns(): Rule {
    return {
        to: [podsOf({ namespace: "kube-system", labels: { "k8s-app": "kube-dns" } })],
        ports: ["UDP", "TCP"].map((protocol) => ({ port: 53, protocol })),
    };
}

/** Kubernetes itself puts its name on every namespace. */
function podsOf({ namespace, labels }: PodsOf) {
    return {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        ...(labels === undefined ? {} : { podSelector: { matchLabels: { ...labels } } }),
    };
}

function egressRule(rule: Egress): Rule {
    if (rule === "internet") {
        return { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: NOT_INTERNET } }] };
    }
    const ports = (rule.ports ?? []).map((port) => ({ port, protocol: "TCP" }));
    return { to: [{ ipBlock: { cidr: rule.cidr } }], ...(ports.length > 0 ? { ports } : {}) };
}
