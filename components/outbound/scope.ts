/** What every resource of the outbound proxy has in common. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { SHARED_LABELS } from "../../model/constants";
import { objectOptions, type Cluster } from "../cluster/cluster";
import type { Client, Listeners } from "./listeners";

/** Handed to each function that creates a resource of the proxy. */
export interface OutboundScope {
    /** Name of the component, which the names of most of its resources begin with. */
    readonly name: string;
    readonly cluster: Cluster;
    /** The component itself: parent of all its resources. */
    readonly proxy: pulumi.Resource;
    /** What each sandbox has to do with the proxy. */
    readonly clients: readonly Client[];
    /** Ports of the proxy's pod, by sandbox. */
    readonly listeners: ReadonlyMap<string, Listeners>;
    /** Options of its Kubernetes objects: none is data, and each can be created again at any time. */
    readonly object: pulumi.CustomResourceOptions;
    /** Metadata of a Kubernetes object. @param annotations @default none */
    readonly metadata: (
        objectName: string,
        annotations?: Readonly<Record<string, pulumi.Input<string>>>,
    ) => types.input.meta.v1.ObjectMeta;
}

/** The scope of one proxy. */
export function outboundScope(
    proxy: pulumi.Resource,
    name: string,
    cluster: Cluster,
    clients: readonly Client[],
    listeners: ReadonlyMap<string, Listeners>,
): OutboundScope {
    return {
        ...{ name, cluster, proxy, clients, listeners },
        object: { ...objectOptions(cluster, proxy), protect: false },
        metadata: (objectName, annotations) => ({
            name: objectName,
            namespace: cluster.namespace,
            labels: SHARED_LABELS,
            ...(annotations && { annotations }),
        }),
    };
}
