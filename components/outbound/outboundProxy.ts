/** The way out by names: one proxy for all sandboxes, which holds what they must not have. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { TYPE_PREFIX } from "../../model/constants";
import { portsOf } from "../../model/hosts";
import { OUTBOUND_NAME } from "../../model/outboundNames";
import type { OutboundProxyArgs, OutboundRules } from "./args";
import { createDeployment } from "./deployment";
import { endpointOf, sandboxUrl } from "./endpoint";
import { createFiles } from "./files";
import { listenersOf, type Client, type Listeners } from "./listeners";
import { outboundPolicy, wayToProxy } from "./policy";
import { outboundScope, type OutboundScope } from "./scope";
import { createService } from "./service";

/** What a sandbox needs to know of the proxy. */
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

/**
 * HAProxy and CoreDNS in one pod, and a Service for each sandbox.
 *
 * @example
 * const outbound = new OutboundProxy("outbound", {
 *     cluster: gateway,
 *     sandboxes: { assistant: { hosts: [{ host: "api.github.com" }] } },
 * });
 * new Sandbox("assistant", { cluster: gateway, image, outbound: outbound.of("assistant") });
 */
export class OutboundProxy extends pulumi.ComponentResource {
    private readonly listeners: ReadonlyMap<string, Listeners>;
    private readonly addresses: Readonly<Record<string, pulumi.Output<string>>>;

    constructor(
        name: string,
        private readonly args: OutboundProxyArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super(`${TYPE_PREFIX}:OutboundProxy`, name, recordedInputs(args), opts);
        const clients = clientsOf(args.sandboxes);
        this.listeners = listenersOf(clients);
        const scope = outboundScope(this, name, args.cluster, clients, this.listeners);

        this.addresses = Object.fromEntries(
            clients.map(({ sandbox }) => [sandbox, createService(scope, sandbox)]),
        );
        const files = createFiles(scope, args, this.addresses);
        createNetworkPolicy(scope);
        createDeployment(scope, files);

        this.registerOutputs({});
    }

    /** What a sandbox reaches through the proxy. @returns undefined when that is nothing */
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
}

/** Creates the NetworkPolicy of the proxy's pod. */
function createNetworkPolicy({
    name,
    cluster,
    clients,
    listeners,
    object,
    metadata,
}: OutboundScope) {
    const { internalNetworks, ownNetworks, machine } = cluster;
    new k8s.networking.v1.NetworkPolicy(
        `${name}-network`,
        {
            metadata: metadata(OUTBOUND_NAME),
            spec: outboundPolicy(clients, listeners, { internalNetworks, ownNetworks, machine }),
        },
        object,
    );
}

/** Which hosts, in the state and in previews; never where a model is. */
function recordedInputs({ sandboxes }: OutboundProxyArgs): pulumi.Inputs {
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
