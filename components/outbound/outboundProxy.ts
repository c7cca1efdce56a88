/** The way out by names: one proxy for all sandboxes, which holds what they must not have. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { objectOptions, type Cluster } from "../cluster/cluster";
import * as constants from "../../model/constants";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { keyedDigest } from "../digest";
import { notInternet } from "../cluster/networkPolicy";
import { sortedEntries } from "../../model/ordered";
import { renderCorefile } from "./corefile";
import { endpointOf, sandboxUrl } from "./endpoint";
import { keyVariable, renderModel, renderProxy } from "./haproxy";
import { portsOf, type HostRule } from "../../model/hosts";
import { OUTBOUND_NAME, outboundService, PROXY_FILE } from "../../model/outboundNames";
import { DIGEST_KEY_SUFFIX } from "../../model/stateful";
import { listenersOf, type Client, type Listeners } from "./listeners";
import * as pod from "./pod";
import { outboundPolicy, POD_LABELS, wayToProxy } from "./policy";

/** What one sandbox reaches through the proxy. */
export interface OutboundRules {
    /** Destinations by name. @default none */
    readonly hosts?: readonly HostRule[];
    /** Its model: the key stays with the proxy. @default none */
    readonly inference?: {
        readonly baseUrl: pulumi.Input<string>;
        readonly apiKey: pulumi.Input<string>;
    };
    /** Whether it resolves names that no rule lists, as well. @default false */
    readonly resolvesAll?: boolean;
}

/** What the proxy is. Plain values decide which resources exist. */
export interface OutboundProxyArgs {
    /** Where the sandboxes run. */
    readonly cluster: Cluster;
    /** What each sandbox reaches, by its name; those that reach nothing are left out. */
    readonly sandboxes: Readonly<Record<string, OutboundRules>>;
    /** Certificates of authorities, PEM, that models are trusted by beside the public ones. @default none */
    readonly caCertificates?: readonly string[];
}

/** What a sandbox needs to know of it. */
export interface Outbound {
    /** Where the sandbox finds the proxy, as long as it lives. */
    readonly address: pulumi.Output<string>;
    /** The rule of its policy that lets it go there. */
    readonly way: k8s.types.input.networking.v1.NetworkPolicyEgressRule;
    /** Whether it asks the proxy for names. */
    readonly names: boolean;
    /** Base URL of its model; secret. @default none */
    readonly inferenceUrl?: pulumi.Output<string>;
}

/** HAProxy and CoreDNS in one pod, and a Service for each sandbox. */
export class OutboundProxy extends pulumi.ComponentResource {
    private readonly listeners: ReadonlyMap<string, Listeners>;
    private readonly addresses: Readonly<Record<string, pulumi.Output<string>>>;

    constructor(
        name: string,
        private readonly args: OutboundProxyArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super(`${constants.TYPE_PREFIX}:OutboundProxy`, name, describe(args), opts);
        const { cluster, sandboxes, caCertificates = [] } = args;
        const clients = clientsOf(sandboxes);
        this.listeners = listenersOf(clients);
        // Nothing here is data: it can be made again at any time.
        const child = { ...objectOptions(cluster, this), protect: false };
        this.addresses = Object.fromEntries(
            clients.map(({ sandbox }) => [sandbox, this.createService(sandbox, child)]),
        );
        const authorities = Object.fromEntries(
            caCertificates.map((pem, index) => [`gateway-${index}.pem`, pem]),
        );
        const config = pulumi.all(this.addresses).apply((addresses): Record<string, string> => ({
            [PROXY_FILE]: renderProxy(clients, this.listeners, notInternet(cluster)),
            [pod.DNS_FILE]: renderCorefile(clients, this.listeners, addresses),
            ...authorities,
        }));
        const models = modelsOf(sandboxes);
        const configMap = new k8s.core.v1.ConfigMap(
            `${name}-config`,
            { metadata: this.metadata(OUTBOUND_NAME), data: config },
            child,
        );
        const secret = new k8s.core.v1.Secret(
            `${name}-models`,
            { metadata: this.metadata(OUTBOUND_NAME), stringData: models },
            child,
        );
        new k8s.networking.v1.NetworkPolicy(
            `${name}-network`,
            {
                metadata: this.metadata(OUTBOUND_NAME),
                spec: outboundPolicy(clients, this.listeners, {
                    internalNetworks: cluster.internalNetworks,
                    ...(cluster.ownNetworks && { ownNetworks: cluster.ownNetworks }),
                    ...(cluster.machine === undefined ? {} : { machine: cluster.machine }),
                }),
            },
            child,
        );
        const key = new random.RandomBytes(
            `${name}${DIGEST_KEY_SUFFIX}`,
            { length: 32 },
            { parent: this, protect: false },
        );
        const template = pod.outboundPod({
            images: cluster.outboundImages,
            labels: { ...POD_LABELS, ...constants.SHARED_LABELS },
            configHash: keyedDigest(config.apply(sortedEntries), key.hex),
            modelsHash: keyedDigest(models.apply(sortedEntries), key.hex),
            configMap: configMap.metadata.name,
            secret: secret.metadata.name,
            keys: clients.flatMap(({ sandbox, inference }) => (inference ? [sandbox] : [])),
            authorities: Object.keys(authorities),
        });
        this.createDeployment(name, template, child);
        this.registerOutputs({});
    }

    /** What a sandbox reaches through it. @returns undefined when that is nothing */
    of(sandbox: string): Outbound | undefined {
        const listeners = this.listeners.get(sandbox);
        const address = this.addresses[sandbox];
        if (listeners === undefined || address === undefined) {
            return undefined;
        }
        const { inference } = this.args.sandboxes[sandbox] ?? {};
        return {
            address,
            way: wayToProxy(listeners),
            names: listeners.dns !== undefined,
            ...(inference && {
                inferenceUrl: pulumi.secret(
                    pulumi.output(inference.baseUrl).apply((url) => sandboxUrl(endpointOf(url))),
                ),
            }),
        };
    }

    private metadata(objectName: string, annotations?: Record<string, pulumi.Input<string>>) {
        return {
            name: objectName,
            namespace: this.args.cluster.namespace,
            labels: constants.SHARED_LABELS,
            ...(annotations && { annotations }),
        };
    }

    private createService(
        sandbox: string,
        opts: pulumi.CustomResourceOptions,
    ): pulumi.Output<string> {
        const { dns, tcp = [] } = this.listeners.get(sandbox) ?? {};
        const names =
            dns === undefined
                ? []
                : ["UDP", "TCP"].map((protocol) => ({
                      name: `dns-${protocol.toLowerCase()}`,
                      port: 53,
                      targetPort: dns,
                      protocol,
                  }));
        const service = new k8s.core.v1.Service(
            outboundService(sandbox),
            {
                // The Deployment is awaited, and needs the address that is known here.
                metadata: this.metadata(outboundService(sandbox), {
                    "pulumi.com/skipAwait": "true",
                }),
                spec: {
                    type: "ClusterIP",
                    selector: POD_LABELS,
                    ports: [
                        ...names,
                        ...tcp.map(({ port, target }) => ({
                            name: `tcp-${port}`,
                            port,
                            targetPort: target,
                            protocol: "TCP",
                        })),
                    ],
                },
            },
            opts,
        );
        return service.spec.clusterIP;
    }

    private createDeployment(
        name: string,
        template: k8s.types.input.core.v1.PodTemplateSpec,
        opts: pulumi.CustomResourceOptions,
    ): void {
        const { cluster } = this.args;
        new k8s.apps.v1.Deployment(
            `${name}-proxy`,
            {
                metadata: this.metadata(
                    OUTBOUND_NAME,
                    cluster.podsRevision && {
                        [constants.ANNOTATION_REVISION]: cluster.podsRevision,
                    },
                ),
                spec: {
                    replicas: cluster.running ? 1 : 0,
                    revisionHistoryLimit: 1,
                    selector: { matchLabels: POD_LABELS },
                    // The new one answers before the old one hands over.
                    strategy: {
                        type: "RollingUpdate",
                        rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
                    },
                    template,
                },
            },
            {
                ...opts,
                customTimeouts: {
                    create: `${SANDBOX_DEFAULTS.firstStartTimeoutSeconds}s`,
                    update: `${SANDBOX_DEFAULTS.startTimeoutSeconds}s`,
                },
            },
        );
    }
}

/** Which hosts, in the state and in previews; never where a model is. */
function describe({ sandboxes }: OutboundProxyArgs): pulumi.Inputs {
    const hosts = (rules: OutboundRules) =>
        (rules.hosts ?? []).flatMap((rule) =>
            portsOf(rule).map((port) => `${rule.host}:${port}${rule.private ? " (private)" : ""}`),
        );
    return {
        reaches: Object.fromEntries(
            Object.entries(sandboxes).map(([sandbox, rules]) => [
                sandbox,
                [...hosts(rules), ...(rules.inference ? ["its model"] : [])].sort(),
            ]),
        ),
    };
}

function clientsOf(sandboxes: OutboundProxyArgs["sandboxes"]): Client[] {
    return Object.entries(sandboxes).map(
        ([sandbox, { hosts = [], inference, resolvesAll = false }]) => ({
            sandbox,
            hosts,
            inference: inference !== undefined,
            resolvesAll,
        }),
    );
}

/** The Secret: where models are, in HAProxy's form, and each key in a value of its own. */
function modelsOf(
    sandboxes: OutboundProxyArgs["sandboxes"],
): pulumi.Output<Record<string, string>> {
    const models = Object.entries(sandboxes).flatMap(([sandbox, { inference }]) =>
        inference === undefined
            ? []
            : [
                  pulumi
                      .output(inference)
                      .apply(({ baseUrl, apiKey }) => ({ sandbox, baseUrl, apiKey })),
              ],
    );
    return pulumi.secret(
        pulumi.all(models).apply((known): Record<string, string> => ({
            // A comment at least: an empty value is dropped, and every preview would add it again.
            [pod.MODELS_FILE]: [
                "# Written by sandbox-gateway.\n",
                ...known.map(({ sandbox, baseUrl, apiKey }) =>
                    renderModel(sandbox, endpointOf(baseUrl), apiKey !== "", pod.AUTHORITIES),
                ),
            ].join("\n"),
            ...Object.fromEntries(
                known.map(({ sandbox, apiKey }) => [keyVariable(sandbox), apiKey]),
            ),
        })),
    );
}
