/** What every resource of one sandbox has in common. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { LABEL_SANDBOX, SHARED_LABELS } from "../../model/constants";
import { objectOptions, type Cluster } from "../cluster/cluster";

/** Handed to each function that creates a resource of the sandbox. */
export interface SandboxScope {
    /** Name of the sandbox, which the names of all its resources and objects begin with. */
    readonly name: string;
    /** Where the sandbox runs. */
    readonly cluster: Cluster;
    /** The component itself: parent of all its resources, and what its errors are reported for. */
    readonly sandbox: pulumi.Resource;
    /** Labels of its Kubernetes objects and of its pod. */
    readonly labels: Readonly<Record<string, string>>;
    /** Options of its Kubernetes objects. */
    readonly object: pulumi.CustomResourceOptions;
    /** Options of what is kept in Pulumi's state alone. */
    readonly kept: pulumi.CustomResourceOptions;
    /** Metadata of a Kubernetes object. @param objectName @default the sandbox's name */
    readonly metadata: (objectName?: string) => types.input.meta.v1.ObjectMeta;
}

/** The scope of one sandbox. */
export function sandboxScope(
    sandbox: pulumi.Resource,
    name: string,
    cluster: Cluster,
): SandboxScope {
    const labels = { [LABEL_SANDBOX]: name, ...SHARED_LABELS };
    return {
        name,
        cluster,
        sandbox,
        labels,
        object: objectOptions(cluster, sandbox),
        kept: { parent: sandbox },
        metadata: (objectName = name) => ({
            name: objectName,
            namespace: cluster.namespace,
            labels,
        }),
    };
}
