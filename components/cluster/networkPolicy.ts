/** Pure: who may talk to a sandbox, and whom it may talk to. */
import type { types } from "@pulumi/kubernetes";
import { LABEL_SANDBOX, LINK_LOCAL_CIDR } from "../../model/constants";
import { contains, parseSubnet, type Subnet } from "../../model/subnet";

type Policy = types.input.networking.v1.NetworkPolicySpec;
type Rule = types.input.networking.v1.NetworkPolicyEgressRule;

/**
 * A destination a sandbox may reach: the internet, which is every public IPv4 address, or a network. Of
 * `ports`, TCP ones, no other is open then; without them all are, of every protocol.
 */
export type Egress =
    | "internet"
    | { readonly internet: true; readonly ports?: readonly number[] }
    | { readonly cidr: string; readonly ports?: readonly number[] };

/** Pods of another namespace: all of them, or those that have all the labels. */
export interface PodsOf {
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Networks that are not the internet: private, link-local (cloud metadata), loopback, multicast; those of
 * protocols and of benchmarks, in which VPNs and clouds have their own; Azure's host, which has a public
 * address.
 */
const NOT_INTERNET = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    LINK_LOCAL_CIDR,
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
];

/** Whether an IPv4 address is the internet's: everyone's, and not of a private network. */
export function isPublic(address: string): boolean {
    return !NOT_INTERNET.some((network) => isWithin(`${address}/32`, network));
}

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
    /** Further networks of which only single addresses can be opened. @default none */
    readonly ownNetworks?: readonly string[];
    /** Networks that the published port is for. @default anywhere but `internalNetworks` */
    readonly clientNetworks?: readonly string[];
    /** Public addresses that are this machine's own, and not the internet's. @default none */
    readonly hostAddresses?: readonly string[];
    /** Whether it resolves names. @default where there is something to reach */
    readonly dns?: boolean;
    /** Pods that may use it from inside, an Ingress controller's for example. @default none */
    readonly ingressFrom?: readonly PodsOf[];
    readonly egress: readonly Egress[];
    /** The way to the outbound proxy, and whether names are resolved there. @default none */
    readonly proxied?: { readonly way: Rule; readonly names: boolean };
}): Policy {
    const { internalNetworks, clientNetworks = ["0.0.0.0/0"] } = input;
    const closed = closedNetworks(input);
    const near = notInternet(input);
    // The proxy's answers take the place of the cluster's.
    const resolves = !input.proxied?.names && (input.dns ?? input.egress.length > 0);
    const from = [
        ...clientNetworks.map((cidr) => block(cidr, internalNetworks)),
        ...(input.ingressFrom ?? []).map(podsOf),
    ];
    return {
        podSelector: { matchLabels: { [LABEL_SANDBOX]: input.sandbox } },
        policyTypes: ["Ingress", "Egress"],
        ingress:
            input.port === undefined
                ? []
                : [{ from, ports: [{ port: input.port, protocol: "TCP" }] }],
        egress: [
            ...(resolves ? [dns()] : []),
            ...input.egress.map((rule) => egressRule(rule, near, closed)),
            ...(input.proxied ? [input.proxied.way] : []),
        ],
    };
}

/** Networks that a rule about a wider one leaves out: the cluster's, the gateway's, those of a link. */
export function closedNetworks(cluster: {
    readonly internalNetworks: readonly string[];
    readonly ownNetworks?: readonly string[] | undefined;
}): string[] {
    return outermost([
        ...cluster.internalNetworks,
        ...(cluster.ownNetworks ?? []),
        LINK_LOCAL_CIDR,
    ]);
}

/**
 * What a rule would open that is closed, and not by a single address with ports, which is meant.
 *
 * @returns the closed network that it lies in; undefined when there is none
 */
export function opensClosed(rule: Egress, closed: readonly string[]): string | undefined {
    if (rule === "internet" || "internet" in rule) {
        return undefined;
    }
    const single = rule.cidr.endsWith("/32") && (rule.ports ?? []).length > 0;
    return single ? undefined : closed.find((network) => isWithin(rule.cidr, network));
}

/** The cluster's own names, and those that it asks others for. */
export function dns(): Rule {
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

function egressRule(rule: Egress, near: readonly string[], closed: readonly string[]): Rule {
    if (rule === "internet") {
        return { to: [anywhereBut(near)] };
    }
    const ports = (rule.ports ?? []).map((port) => ({ port, protocol: "TCP" }));
    const to = "internet" in rule ? anywhereBut(near) : block(rule.cidr, closed);
    return { to: [to], ...(ports.length > 0 ? { ports } : {}) };
}

/** A network without those of `closed` that lie in it; Kubernetes takes no others. */
function block(cidr: string, closed: readonly string[]) {
    const except = closed.filter((network) => network !== cidr && isWithin(network, cidr));
    return { ipBlock: { cidr, ...(except.length > 0 ? { except } : {}) } };
}

/** Every address but those of some networks. */
export function anywhereBut(closed: readonly string[]) {
    return block("0.0.0.0/0", closed);
}

/** Every network that is not the internet: private ones, the cluster's, the machine's own addresses. */
export function notInternet(cluster: {
    readonly internalNetworks: readonly string[];
    readonly hostAddresses?: readonly string[] | undefined;
}): string[] {
    return outermost([
        ...NOT_INTERNET,
        ...cluster.internalNetworks,
        ...(cluster.hostAddresses ?? []).map((address) => `${address}/32`),
    ]);
}

function isWithin(inner: string, outer: string): boolean {
    return contains(parseSubnet(outer) as Subnet, parseSubnet(inner) as Subnet);
}

/** Networks, each once, without those that lie in another. */
function outermost(networks: readonly string[]): string[] {
    const once = [...new Set(networks)];
    return once.filter(
        (network) => !once.some((other) => other !== network && isWithin(network, other)),
    );
}
