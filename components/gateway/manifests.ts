/**
 * Pure: what k3s itself puts into its cluster, from its folder of manifests: who administers it besides
 * Pulumi, and limits for pods that were not made by this program. A stopped gateway can be given them,
 * too, for nothing of it is in a state: they come with the next start.
 */
import * as constants from "../../model/constants";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { asYaml } from "./k3sConfig";
import { DEFAULT_DISK, DEFAULT_RESOURCES } from "../../model/resources";

const ADMINISTRATORS = "sandbox-gateway:administrators";

/** Pods of one node: the kubelet's own limit. */
const PODS = 110;

/**
 * Group of the certificate that people get. Unlike `system:masters` it holds a right only as long as it is
 * bound to one: the next generation takes it away from this one.
 *
 * @param generation of the credentials. @default 1
 */
export function administrators(generation = GATEWAY_DEFAULTS.credentialsGeneration): string {
    return `${ADMINISTRATORS}:${generation}`;
}

/** Makes a group, and no other, the cluster's administrators. */
function administratorsBinding(group: string): object {
    const apiGroup = "rbac.authorization.k8s.io";
    return {
        apiVersion: `${apiGroup}/v1`,
        kind: "ClusterRoleBinding",
        metadata: { name: ADMINISTRATORS, labels: constants.SHARED_LABELS },
        roleRef: { apiGroup, kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ apiGroup, kind: "Group", name: group }],
    };
}

/** What a container gets that says nothing of its needs: as one of ours does. */
const CONTAINER_LIMITS = {
    limits: [
        {
            type: "Container",
            default: {
                ...DEFAULT_RESOURCES.limits,
                [constants.DISK_RESOURCE]: DEFAULT_DISK.limit,
            },
            defaultRequest: {
                ...DEFAULT_RESOURCES.requests,
                [constants.DISK_RESOURCE]: DEFAULT_DISK.request,
            },
        },
    ],
};

/** No more pods than a node takes, so that none waits for ever; and nothing published but by node ports. */
const QUOTA = { hard: { pods: String(PODS), "services.loadbalancers": "0" } };

/** Name of both kinds of limits in the sandboxes' namespace. */
const LIMITS = "sandboxes";

/** A file of k3s's folder of manifests. */
export interface Manifest {
    /** Its name. k3s applies them in the order of their names. */
    readonly file: string;
    readonly content: string;
}

/** Files of k3s's folder of manifests. Each is applied as a whole, or tried again later. */
export function manifests(generation?: number): Manifest[] {
    const metadata = {
        name: LIMITS,
        namespace: constants.NAMESPACE,
        labels: constants.SHARED_LABELS,
    };
    const limits = [
        { apiVersion: "v1", kind: "LimitRange", metadata, spec: CONTAINER_LIMITS },
        { apiVersion: "v1", kind: "ResourceQuota", metadata, spec: QUOTA },
    ];
    return [
        // Before all others: people may ask as soon as it answers.
        {
            file: "00-sandbox-gateway-administrators.yaml",
            content: render([administratorsBinding(administrators(generation))]),
        },
        { file: "sandbox-gateway-limits.yaml", content: render(limits) },
    ];
}

function render(objects: readonly object[]): string {
    return objects.map((object) => `${asYaml(JSON.stringify(object))}\n`).join("---\n");
}
