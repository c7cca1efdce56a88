/** Pure: what a preview would open that is closed now. What it would destroy is in guard/rules.ts. */
import { LABEL_OUTBOUND } from "../model/constants";
import { openedBy } from "../model/k3sIsolation";
import { PROXY_FILE } from "../model/outboundNames";
import type { PodSpec, Workload } from "../model/pod";
import { readUrn, type State, type Step } from "./rules";
import { opensOfModels, opensOfProxy, type ConfigMap, type Deployment } from "./outbound";
import { opensOfPod } from "./pods";
import { same, widened, type PolicySpec } from "./policyWidth";

/** A resource that a change opens. */
export interface Opening {
    readonly type: string;
    readonly name: string;
    readonly urn: string;
    /** What gets open, in words. */
    readonly opens: readonly string[];
    /** What to do. */
    readonly next: string;
}

/** What stands for the protection of everything, in what is allowed. */
const PROTECTION = "protection";

/** A resource before and after the change. */
interface Change {
    readonly type: string;
    readonly name: string;
    readonly urn: string;
    readonly before: State | undefined;
    readonly after: State | undefined;
}

/**
 * What gets open, without leave. Of a stack that is made by the change itself nothing is: all of it is
 * what the reviewer looks at. What stays the same is in a preview only with --show-sames; without it, a
 * new sandbox is compared with less, and opens more.
 *
 * @param allowed names or URNs of resources that may be opened, and `protection`
 */
export function openings(steps: readonly Step[], allowed: readonly string[]): Opening[] {
    const changes = changesOf(steps);
    if (changes.some(({ type, before }) => type === "pulumi:pulumi:Stack" && !before)) {
        return [];
    }
    return changes.flatMap((change) => {
        const { type, name, urn, before, after } = change;
        const unprotected = before?.protect === true && after && after.protect !== true;
        const opens = [
            ...(unprotected && !allowed.includes(PROTECTION) ? ["it is no longer protected"] : []),
            ...(OPENS[type]?.(change, changes) ?? opensOfKind(change)),
        ];
        const next = `put it back; or, if it is meant to be open, --allow-open ${name}`;
        return opens.length === 0 || allowed.includes(name) || allowed.includes(urn)
            ? []
            : [{ type, name, urn, opens, next }];
    });
}

/** A replacement is several steps: the first has what was, and one of them what will be. */
function changesOf(steps: readonly Step[]): Change[] {
    const changes = new Map<string, Change>();
    for (const { urn, before, after } of steps) {
        const known = changes.get(urn);
        changes.set(urn, {
            ...readUrn(urn),
            urn,
            before: known?.before ?? before,
            after: after ?? known?.after,
        });
    }
    return [...changes.values()];
}

type Opens = (change: Change, all: readonly Change[]) => string[];

const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";

/** By type; of others, those that make pods are looked into. */
const OPENS: Readonly<Record<string, Opens>> = {
    [POLICY]: ofPolicy,
    "sandbox-gateway:index:Gateway": ({ before, after }) => {
        const was = before && inputs<Gateway>(before);
        const is = after && inputs<Gateway>(after);
        return [
            ...(is && isOpen(is.bindAddress) && !same(was?.bindAddress, is.bindAddress)
                ? [`sandboxes are published on ${is.bindAddress}`]
                : []),
            ...(is && isOpen(is.apiHost) && !same(was?.apiHost, is.apiHost)
                ? [`the Kubernetes API is reached at ${is.apiHost}`]
                : []),
            ...news(openedBy(was?.k3s ?? {}), openedBy(is?.k3s ?? {})),
        ];
    },
    "docker:index/container:Container": ({ before, after }) =>
        // A start makes one where there was none: how it is published is seen of the gateway.
        before && after
            ? news(ofContainer(inputs<Container>(before)), ofContainer(inputs<Container>(after)))
            : [],
    "sandbox-gateway:index:ExistingCluster": ({ before, after }) => {
        const was = before && inputs<Existing>(before);
        const is = after && inputs<Existing>(after);
        const named = (cluster: Existing | undefined) =>
            (cluster?.ingressFrom ?? []).map((each) => `ingress from ${JSON.stringify(each)}`);
        return [
            ...news(named(was), named(is)),
            ...news(is?.internalNetworks ?? [], was?.internalNetworks ?? []).map(
                (network) => `ingress from ${network}, which counted as inside`,
            ),
        ];
    },
    [CONFIG_MAP]: ({ before, after }) =>
        before && after && isProxy(after)
            ? opensOfProxy(inputs<ConfigMap>(before), inputs<ConfigMap>(after))
            : [],
    "kubernetes:apps/v1:Deployment": ({ type, before, after }) => {
        const models =
            before && after && isProxyPod(after)
                ? opensOfModels(inputs<Deployment>(before), inputs<Deployment>(after))
                : [];
        return [...models, ...opensOfPod(podOf(type, before), podOf(type, after))];
    },
    "kubernetes:core/v1:Namespace": ({ before, after }) => {
        const [was, is] = [before, after].map(levelOf);
        return before && after && (is ?? 0) < (was ?? 0)
            ? ["Pod Security admission enforces less"]
            : [];
    },
    "kubernetes:core/v1:Service": ({ before, after }) => {
        const reach = (state: State | undefined) =>
            ["ClusterIP", "NodePort", "LoadBalancer"].indexOf(
                (state && inputs<Service>(state).spec?.type) ?? "ClusterIP",
            );
        const type = after && inputs<Service>(after).spec?.type;
        const opens = before ? reach(after) > reach(before) : type === "LoadBalancer";
        return opens && type ? [`it is of the type ${type}`] : [];
    },
};

/** Whether a ConfigMap is the outbound proxy's, whatever it is called. */
function isProxy(state: State | undefined): boolean {
    return state !== undefined && inputs<ConfigMap>(state).data?.[PROXY_FILE] !== undefined;
}

function isProxyPod(state: State): boolean {
    interface Labelled {
        readonly spec?: { readonly selector?: { readonly matchLabels?: Record<string, string> } };
    }
    const labels = inputs<Labelled>(state).spec?.selector?.matchLabels ?? {};
    return LABEL_OUTBOUND in labels;
}

/** Nothing of the program's own gives somebody a right in Kubernetes. */
function opensOfKind({ type, before, after }: Change): string[] {
    if (/^kubernetes:rbac\..*Binding$/.test(type)) {
        return after && !same(before?.inputs, after.inputs)
            ? ["it gives rights in Kubernetes"]
            : [];
    }
    return opensOfPod(podOf(type, before), podOf(type, after));
}

function ofPolicy({ before, after }: Change, all: readonly Change[]): string[] {
    const was = before && inputs<{ spec?: PolicySpec }>(before).spec;
    const is = after && inputs<{ spec?: PolicySpec }>(after).spec;
    if (was && !is) {
        // One that allows nothing closes; without those that allow something, less is allowed.
        const allows = [...(was.ingress ?? []), ...(was.egress ?? [])].length > 0;
        return allows ? [] : ["what it closes is open without it"];
    }
    if (was && is) {
        const moved = same(was.podSelector, is.podSelector) ? [] : ["it is for other pods"];
        return [...moved, ...widened([was], is)];
    }
    if (!is) {
        return [];
    }
    // A new sandbox may do what others of the stack may.
    const others = all
        .filter(({ type }) => type === POLICY)
        .flatMap((other) =>
            other.before ? [inputs<{ spec?: PolicySpec }>(other.before).spec] : [],
        )
        .filter((spec) => spec !== undefined);
    return widened(others, is, { ports: false });
}

interface Gateway {
    readonly bindAddress?: string;
    readonly apiHost?: string;
    readonly k3s?: Readonly<Record<string, unknown>>;
}

interface Container {
    readonly networkMode?: string;
    readonly pidMode?: string;
    readonly ports?: readonly { readonly ip?: string }[];
    readonly volumes?: readonly { readonly hostPath?: string }[];
    readonly mounts?: readonly { readonly type?: string; readonly source?: string }[];
}

interface Existing {
    readonly ingressFrom?: readonly object[];
    readonly internalNetworks?: readonly string[];
}

interface Service {
    readonly spec?: { readonly type?: string };
}

function ofContainer({ networkMode, pidMode, ports, volumes, mounts }: Container): string[] {
    const paths = [
        ...(volumes ?? []).map(({ hostPath }) => hostPath),
        ...(mounts ?? []).map(({ type, source }) => (type === "bind" ? source : undefined)),
    ];
    return [
        ...(networkMode === "host" ? ["it has the machine's network"] : []),
        ...(pidMode === "host" ? ["it sees the machine's processes"] : []),
        ...(ports ?? [])
            .map(({ ip = "0.0.0.0" }) => ip)
            .filter(isOpen)
            .map((ip) => `it is published on ${ip}`),
        ...paths.filter((path) => path).map((path) => `it mounts ${path} of the machine`),
    ];
}

function isOpen(address: string | undefined): boolean {
    return address !== undefined && !/^(127\.|localhost$)/.test(address);
}

/** What Pod Security admission enforces: nothing, baseline or restricted. */
function levelOf(state: State | undefined): number {
    const { metadata } = state
        ? inputs<{ metadata?: { labels?: Record<string, string> } }>(state)
        : {};
    return ["baseline", "restricted"].indexOf(
        metadata?.labels?.["pod-security.kubernetes.io/enforce"] ?? "",
    );
}

/** The pod that a resource makes. @returns undefined when it makes none */
function podOf(type: string, state: State | undefined): PodSpec | undefined {
    if (!type.startsWith("kubernetes:") || !state) {
        return undefined;
    }
    const { spec } = inputs<Workload>(state);
    return type === "kubernetes:core/v1:Pod"
        ? spec
        : (spec?.jobTemplate?.spec?.template?.spec ?? spec?.template?.spec);
}

function inputs<T>({ inputs: own }: State): T {
    return (own ?? {}) as T;
}

/** Each once. */
function news(before: readonly string[], after: readonly string[]): string[] {
    return [...new Set(after)].filter((each) => !before.includes(each));
}
