/** The namespace of all sandboxes of a cluster, with its doors closed. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { ANNOTATION_OWNER, NAMESPACE, SHARED_LABELS } from "../../model/constants";
import { defaultDeny } from "./networkPolicy";

/**
 * Pod Security admission. A sandbox meets `restricted`, but for the container that seeds its workspace as
 * root: an audit tells of it, where a warning would be one of every `up`. Of a version, so that a newer
 * Kubernetes keeps nobody from starting.
 */
const POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/enforce-version": "v1.35",
    "pod-security.kubernetes.io/audit": "restricted",
    "pod-security.kubernetes.io/audit-version": "v1.35",
};

/** What a namespace of a stack has in a cluster that others use as well. */
export interface OwnNamespace {
    readonly name: pulumi.Input<string>;
    /** Identity of the stack. */
    readonly owner: pulumi.Input<string>;
    /** What is looked at before it is made, and before something is made in it. */
    readonly hooks: pulumi.ResourceHookBinding;
    readonly objectHooks: pulumi.ResourceHookBinding;
}

/**
 * Creates the namespace, with Pod Security admission and a policy that denies everything by default.
 *
 * @param own @default the whole cluster is this stack's
 */
export function createNamespace(
    name: string,
    opts: pulumi.CustomResourceOptions,
    own?: OwnNamespace,
): pulumi.Output<string> {
    const namespace = new k8s.core.v1.Namespace(
        `${name}-namespace`,
        {
            metadata: {
                name: own?.name ?? NAMESPACE,
                labels: { ...SHARED_LABELS, ...POD_SECURITY },
                ...(own && { annotations: { [ANNOTATION_OWNER]: own.owner } }),
            },
        },
        own
            ? {
                  ...opts,
                  hooks: own.hooks,
                  // Another name would be another namespace. The owner of a namespace that two stacks of
                  // an earlier version share is settled for neither of them.
                  ignoreChanges: ["metadata.name", "metadata.annotations"],
              }
            : opts,
    );
    new k8s.networking.v1.NetworkPolicy(
        `${name}-default-deny`,
        {
            metadata: {
                name: "default-deny",
                namespace: namespace.metadata.name,
                labels: SHARED_LABELS,
            },
            spec: defaultDeny(),
        },
        own ? { ...opts, hooks: own.objectHooks } : opts,
    );
    return namespace.metadata.name;
}
