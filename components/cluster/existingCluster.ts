/** A Kubernetes cluster that is there already: the same sandboxes, without a gateway of ours. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { randomBytes } from "node:crypto";
import { inOwnTerms, type ArgumentKey } from "./argumentKey";
import {
    PROVIDER_SETTINGS,
    recordedInputs,
    type Address,
    type Cluster,
    type Gate,
    type ServiceType,
} from "./cluster";
import { GATE_IMAGE, TYPE_PREFIX } from "../../model/constants";
import { FixedPorts } from "./fixedPorts";
import { ownNamespace } from "../../model/names";
import { createNamespace } from "./namespace";
import type { PodsOf } from "./networkPolicy";
import { outboundImages, type OutboundImages } from "./outboundImages";
import { askHolders } from "./portHolders";
import { Ownership, type Known } from "./ownership";

/** Where the cluster is. Plain values decide which resources exist. */
export interface ExistingClusterArgs {
    /** Content of a kubeconfig; secret. */
    readonly kubeconfig: pulumi.Input<string>;
    /** Context of the kubeconfig. */
    readonly context: string;
    /** Storage class of workspaces; it has to keep volumes whose claim is gone. */
    readonly storageClass: string;
    /** How applications are published. @default NodePort */
    readonly serviceType: ServiceType;
    /** Host name or address under which node ports are reached. */
    readonly host: string;
    /**
     * Namespace of the sandboxes, which must not be there yet. It is settled when it is made.
     * @default one that no other stack has
     */
    readonly namespace?: string;
    /** Pods that may ask applications, an Ingress controller's for example. @default none */
    readonly ingressFrom?: readonly PodsOf[];
    /** Networks of pods and services, from which no sandbox may be reached. */
    readonly internalNetworks: readonly string[];
    /** Image of the gate in front of each sandbox: a shell and busybox's `nc`. @default k3s's own busybox */
    readonly gateImage?: string;
    /** Images of the outbound proxy. @default HAProxy's official one, and the CoreDNS of k3s */
    readonly outboundImages?: Partial<OutboundImages>;
    /** What no policy allows and answers everyone else. @default the cluster's API, as its pods find it */
    readonly gateTarget?: Gate["target"];
    /** Whether sandboxes run; while false, every one is scaled to zero. */
    readonly running: boolean;
    /** How messages name arguments of this cluster and of its sandboxes. @default in the components' own terms */
    readonly argumentKey?: ArgumentKey;
}

/**
 * Gives a sandbox what a `Gateway` gives it. Everything is in a namespace of the stack's own; what others
 * have in the cluster is never changed or removed.
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
    readonly provider: k8s.Provider;
    readonly namespace: pulumi.Output<string>;
    readonly storageClass: pulumi.Output<string>;
    readonly running: boolean;
    /** Where the storage class cannot, the API server refuses the larger size. */
    readonly expandsClaims = true;
    /** What a storage driver makes belongs to root. */
    readonly needsFsGroup = true;
    readonly internalNetworks: readonly string[];
    readonly ingressFrom: readonly PodsOf[];
    readonly gate: Gate;
    readonly outboundImages: OutboundImages;
    readonly hooks: pulumi.ResourceHookBinding;
    readonly argumentKey: ArgumentKey;
    readonly serviceType: ServiceType;
    readonly fixedPorts: FixedPorts;
    private readonly host: string;

    constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
        super(`${TYPE_PREFIX}:ExistingCluster`, name, recordedInputs(args), opts);
        this.running = args.running;
        this.argumentKey = args.argumentKey ?? inOwnTerms;
        this.internalNetworks = args.internalNetworks;
        this.ingressFrom = args.ingressFrom ?? [];
        this.gate = {
            image: args.gateImage ?? GATE_IMAGE,
            ...(args.gateTarget && { target: args.gateTarget }),
        };
        this.outboundImages = outboundImages(args.outboundImages);
        this.serviceType = args.serviceType;
        this.host = args.host;
        this.storageClass = pulumi.output(args.storageClass);

        this.provider = new k8s.Provider(
            `${name}-kubernetes`,
            {
                kubeconfig: pulumi.secret(args.kubeconfig),
                context: args.context,
                // A new kubeconfig, with another address even, is the same cluster to Pulumi.
                clusterIdentifier: `existing/${args.context}`,
                ...PROVIDER_SETTINGS,
            },
            { parent: this, protect: false },
        );
        const owner = createOwner(name, { parent: this });
        const ownership = new Ownership(name, args.context, knownOf(args.kubeconfig, owner));
        this.hooks = ownership.objects;
        const namespace = createNamespace(
            name,
            { parent: this, provider: this.provider },
            {
                name: args.namespace ?? owner.apply((id) => ownNamespace(pulumi.getStack(), id)),
                owner,
                hooks: ownership.namespace,
                objectHooks: ownership.objects,
            },
        );
        this.namespace = namespace.apply((settled) => {
            const refusal = refusalOfNamespace(settled, args, this.argumentKey);
            if (refusal !== undefined) {
                throw new pulumi.ResourceError(refusal, this, true);
            }
            return settled;
        });
        const { kubeconfig, context } = args;
        this.fixedPorts = new FixedPorts(
            () => askHolders(kubeconfig, context, this.namespace),
            this.argumentKey,
        );
        this.registerOutputs({ namespace: this.namespace, storageClass: this.storageClass });
    }

    address(nodePort: pulumi.Input<number>): pulumi.Output<Address> {
        return pulumi.output(nodePort).apply((port) => ({ host: this.host, port }));
    }
}

/** Identity of the stack in clusters: random, for names of stacks are everyone's, and kept in state. */
function createOwner(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
    const input = randomBytes(16).toString("hex");
    const options = { ...opts, ignoreChanges: ["input"] };
    return new pulumi.Stash(`${name}-owner`, { input }, options).output as pulumi.Output<string>;
}

/** The provider and the namespace need both: they are known before the first object is made. */
function knownOf(kubeconfig: pulumi.Input<string>, owner: pulumi.Output<string>): Known {
    const known: Known = {};
    pulumi.output(kubeconfig).apply((content) => (known.kubeconfig = content));
    owner.apply((id) => (known.owner = id));
    return known;
}

/**
 * Pure: why the namespace that a stack has does not agree with what is wanted of it.
 *
 * @returns undefined when it does
 */
export function refusalOfNamespace(
    settled: string,
    { namespace: wanted, ingressFrom = [] }: Pick<ExistingClusterArgs, "namespace" | "ingressFrom">,
    keyOf: ArgumentKey,
): string | undefined {
    if (ingressFrom.some(({ namespace }) => namespace === settled)) {
        return `${keyOf("ingressFrom")}: got ${settled}; must not be the sandboxes' own namespace, in which they would reach one another; for example ingress-nginx`;
    }
    return wanted === undefined || wanted === settled
        ? undefined
        : `${keyOf("namespace")}: got ${JSON.stringify(wanted)}; must stay ${settled}, where this stack's sandboxes and their data are: a namespace cannot be renamed. Write ${settled}, or leave the key out; sandboxes in another namespace are another stack's`;
}
