/** What a sandbox needs to know of the place it runs in. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { ArgumentKey } from "./argumentKey";
import type { FixedPorts } from "./fixedPorts";
import type { OutboundImages } from "./outboundImages";
import type { PodsOf } from "./networkPolicy";
import type { PortBlock } from "../../model/ports";

/** A Kubernetes cluster that can hold sandboxes. */
export interface Cluster {
    /** Provider for every Kubernetes object of a sandbox. */
    readonly provider: k8s.Provider;
    /** Namespace of all sandboxes. */
    readonly namespace: pulumi.Output<string>;
    /** Storage class of workspaces. */
    readonly storageClass: pulumi.Output<string>;
    /** Whether pods can run now: while false, every sandbox is scaled to zero. */
    readonly running: boolean;
    /** Networks whose addresses are pods or services of this cluster, never a person's browser. */
    readonly internalNetworks: readonly string[];
    /** Further networks of which a sandbox reaches single addresses and ports at most. @default none */
    readonly ownNetworks?: readonly string[];
    /** Networks from which people's browsers come. @default anywhere but `internalNetworks` */
    readonly clientNetworks?: readonly string[];
    /** Public addresses of the machine it runs on, which are not the internet. @default none */
    readonly hostAddresses?: readonly string[];
    /** How it is seen that a sandbox's network is closed, before anything runs in it. */
    readonly gate: Gate;
    /** Images of the outbound proxy. */
    readonly outboundImages: OutboundImages;
    /** Address of the machine it runs on, as its pods find it. @default there is no such machine */
    readonly machine?: string;
    /** Whether the storage class can make a claim larger. */
    readonly expandsClaims: boolean;
    /** Names under which published ports are reached, besides that of their address. @default none */
    readonly names?: readonly string[];
    /** How applications are published. */
    readonly serviceType: ServiceType;
    /**
     * Whether a new volume can be written by its owner alone, which is root, so that a pod needs an
     * `fsGroup` for the kubelet to hand it to the agent's group.
     */
    readonly needsFsGroup: boolean;
    /**
     * Changes when the gateway's container is replaced, so that the engine updates, and so awaits, each
     * StatefulSet. @default nothing replaces all pods at once
     */
    readonly podsRevision?: pulumi.Output<string>;
    /** Node ports that are published to people. @default not known: all that the cluster has */
    readonly ports?: PortBlock;
    /** Node ports that sandboxes have asked for. */
    readonly fixedPorts: FixedPorts;
    /** Pods besides people's browsers that may ask applications. @default none */
    readonly ingressFrom?: readonly PodsOf[];
    /** What is looked at before an object is made in the namespace. @default nothing: all is ours */
    readonly hooks?: pulumi.ResourceHookBinding;
    /** Value for `deletedWith`: deleting it deletes everything stored in it. @default nothing does */
    readonly storage?: pulumi.Resource;
    /** How messages name arguments of this cluster and of its sandboxes. */
    readonly argumentKey: ArgumentKey;
    /** Host and port under which a node port of a service is reached by people. */
    address(nodePort: pulumi.Input<number>): pulumi.Output<Address>;
}

/** How it is seen that a sandbox's network is closed. */
export interface Gate {
    /** Image with a shell and busybox's `nc`. */
    readonly image: string;
    /**
     * An endpoint that answers any pod that reaches it, and that no policy of a sandbox allows.
     * @default the cluster's API, as its pods find it
     */
    readonly target?: { readonly host: string; readonly port: number };
}

/** Type of a sandbox's Service. With ClusterIP it is reached by port-forward, and by `ingressFrom`. */
export type ServiceType = "NodePort" | "ClusterIP";

/**
 * How every Kubernetes provider works, wherever its cluster is. Without the two "mutable", a changed
 * Secret or ConfigMap is a replacement.
 */
export const PROVIDER_SETTINGS = {
    enableServerSideApply: true,
    enableSecretMutable: true,
    enableConfigMapMutable: true,
    kubeClientSettings: { timeout: 30 },
} satisfies k8s.ProviderArgs;

/**
 * Arguments that the component of a cluster records: all but `running`, so that a stop does not list the
 * component as changed, and but for how messages name them.
 */
export function recordedInputs<
    T extends { readonly running: boolean; readonly argumentKey?: ArgumentKey },
>({ running: _running, argumentKey: _argumentKey, ...recorded }: T): pulumi.Inputs {
    return recorded;
}

/** Options of every Kubernetes object in a cluster. */
export function objectOptions(
    { provider, storage, hooks }: Cluster,
    parent: pulumi.Resource,
): pulumi.CustomResourceOptions {
    return {
        parent,
        provider,
        ...(storage ? { deletedWith: storage } : {}),
        ...(hooks ? { hooks } : {}),
    };
}

/** Where a published port is found. */
export interface Address {
    readonly host: string;
    readonly port: number;
    /** Name that a browser has for this one alone. @default none */
    readonly ownName?: string;
}
