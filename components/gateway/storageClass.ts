/** The storage class of workspaces on the local gateway. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { SHARED_LABELS, WORKSPACE_CLASS } from "../../model/constants";

/**
 * A folder named after the claim: a sandbox that is removed and added again finds its own. The final
 * slash is the provisioner's rule since v0.0.33: the folder of a claim has to lie in NAMESPACE/CLAIM/.
 */
const PATH_PATTERN = "{{ .PVC.Namespace }}/{{ .PVC.Name }}/";

/**
 * k3s's local-path, but a volume whose claim is gone stays.
 *
 * A class of before has the pattern without the slash, Kubernetes changes no class in place, and one
 * that is protected is not replaced: it is left as it is. Bound claims do not need it any more. New
 * claims under a newer k3s need it deleted once, after which a refresh creates it again: nothing is stored in
 * the class, and claims that wait for it go on. A warning says when this is due. A second class beside it
 * would need no one's help, but a stopped gateway cannot be given one.
 *
 * @param container the gateway's, for the message
 */
export function createStorageClass(
    name: string,
    container: string,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
    const storageClass = new k8s.storage.v1.StorageClass(
        `${name}-workspace-class`,
        {
            metadata: {
                name: WORKSPACE_CLASS,
                labels: SHARED_LABELS,
                annotations: { defaultVolumeType: "local" },
            },
            provisioner: "rancher.io/local-path",
            reclaimPolicy: "Retain",
            parameters: { pathPattern: PATH_PATTERN },
            volumeBindingMode: "WaitForFirstConsumer",
        },
        { ...opts, ignoreChanges: ["parameters"] },
    );
    storageClass.parameters.apply((parameters) =>
        warnOfOldClass(storageClass, container, parameters),
    );
    return storageClass.metadata.name;
}

function warnOfOldClass(
    storageClass: k8s.storage.v1.StorageClass,
    container: string,
    parameters: Readonly<Record<string, string>> | undefined,
): void {
    const pattern = parameters?.["pathPattern"];
    if (pattern === undefined || pattern === PATH_PATTERN) {
        return;
    }
    void pulumi.log.warn(
        `storage class ${WORKSPACE_CLASS} is of an earlier version of this program: what is there keeps its workspace, but k3s as released since January 2026 makes no workspace for a new sandbox with it. Nothing is stored in the class: while the gateway runs, \`docker exec ${container} k3s kubectl delete storageclass ${WORKSPACE_CLASS}\`, then \`pulumi up --refresh --run-program --skip-preview\` makes it anew`,
        storageClass,
    );
}
