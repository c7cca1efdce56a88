/** The namespace of all sandboxes of a cluster, with its doors closed. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { LABEL_MANAGED_BY, MANAGED_BY, NAMESPACE } from "./constants";
import { defaultDeny } from "./networkPolicy";

/** Labels of everything that is not of one sandbox. */
export const labels = { [LABEL_MANAGED_BY]: MANAGED_BY };

/** Makes it, with Pod Security admission and a policy that denies everything by default. */
export function createNamespace(
    name: string,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
    const namespace = new k8s.core.v1.Namespace(
        `${name}-namespace`,
        {
            metadata: {
                name: NAMESPACE,
                labels: { ...labels, "pod-security.kubernetes.io/enforce": "baseline" },
            },
        },
        opts,
    );
    new k8s.networking.v1.NetworkPolicy(
        `${name}-default-deny`,
        {
            metadata: { name: "default-deny", namespace: namespace.metadata.name, labels },
            spec: defaultDeny(),
        },
        opts,
    );
    return namespace.metadata.name;
}
