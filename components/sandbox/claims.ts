/** The claims of a sandbox: its workspace, or what it asks for instead. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster/cluster";
import * as constants from "../../model/constants";
import { claimName, claimResource } from "../../model/names";

/** A claim that a sandbox has, in the terms of a StatefulSet's `volumeClaimTemplates`. */
export interface ClaimTemplate {
    /** Name of the template and of the volume in the pod. */
    readonly name: string;
    /** Where the agent sees it. */
    readonly mountPath: string;
    /** Size to ask for, a Kubernetes quantity. */
    readonly size: string;
    /** @default the cluster's for workspaces */
    readonly storageClass?: string;
}

/** What a sandbox has when it names no claims of its own. It alone is seeded from the image. */
export function workspaceTemplate(size: string = constants.WORKSPACE_SIZE): ClaimTemplate {
    return { name: constants.WORKSPACE_VOLUME, mountPath: constants.WORKSPACE_PATH, size };
}

/**
 * Declares the claims under the names that the StatefulSet's templates give: so they are resources
 * of their own, protected, and outlive it.
 *
 * @param key configuration key of a template's size, for messages
 */
export function createClaims(
    sandbox: string,
    cluster: Cluster,
    templates: readonly ClaimTemplate[],
    key: (template: ClaimTemplate) => string,
    opts: {
        readonly metadata: (name: string) => k8s.types.input.meta.v1.ObjectMeta;
        readonly claim: pulumi.CustomResourceOptions;
        readonly size: pulumi.CustomResourceOptions;
    },
): k8s.core.v1.PersistentVolumeClaim[] {
    return templates.map((template) => {
        const name = claimResource(sandbox, template.name);
        const size = cluster.canGrow
            ? template.size
            : firstSize(name, template.size, key(template), opts.size);
        return new k8s.core.v1.PersistentVolumeClaim(
            name,
            {
                metadata: {
                    ...opts.metadata(claimName(template.name, sandbox)),
                    // The pod is awaited, which needs it: for as long as the sandbox says, and with the
                    // reason. The provider would wait five minutes and know none.
                    annotations: { "pulumi.com/skipAwait": "true" },
                },
                spec: claimSpec(cluster, template, size),
            },
            opts.claim,
        );
    });
}

/**
 * The same as the StatefulSet wants it. It keeps its first claims for good, and would be replaced for
 * others: they are kept in state, so that another set of them is refused by the preview.
 */
export function claimTemplates(
    sandbox: string,
    cluster: Cluster,
    templates: readonly ClaimTemplate[],
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<k8s.types.input.core.v1.PersistentVolumeClaim[]> {
    const wanted = templates.map(({ name }) => name).join(", ");
    return keptInState(`${sandbox}-claims`, wanted, opts).apply((first) => {
        if (first !== wanted) {
            throw new pulumi.RunError(
                `sandboxes.${sandbox}.volumeClaimTemplates: got ${wanted}; must stay ${first}: a StatefulSet keeps its claims; remove the sandbox (protect: false, then without it) and add it again`,
            );
        }
        return templates.map((template) => ({
            metadata: { name: template.name },
            spec: claimSpec(cluster, template, template.size),
        }));
    });
}

function claimSpec(
    cluster: Cluster,
    template: ClaimTemplate,
    size: pulumi.Input<string>,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
    return {
        accessModes: ["ReadWriteOnce"],
        storageClassName: template.storageClass ?? cluster.storageClass,
        resources: { requests: { storage: size } },
    };
}

/**
 * Size to ask for. Where the storage cannot grow, the first size is kept in state, so that another one
 * is refused by the preview and not by Kubernetes halfway through an update.
 */
function firstSize(
    name: string,
    wanted: string,
    key: string,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
    return keptInState(`${name}-size`, wanted, opts).apply((size) => {
        if (size !== wanted) {
            throw new pulumi.RunError(
                `${key}: got ${JSON.stringify(wanted)}; must stay ${size}: the gateway's storage cannot change the size of a claim (nor does it limit one)`,
            );
        }
        return size;
    });
}

/** What a value was when it was first wanted. */
function keptInState(
    name: string,
    wanted: string,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
    const options = { ...opts, ignoreChanges: ["input"] };
    return new pulumi.Stash(name, { input: wanted }, options).output as pulumi.Output<string>;
}
