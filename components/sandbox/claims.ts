/** The claims of a sandbox: its workspace, or what it asks for instead. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as constants from "../../model/constants";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { claimName, claimResource } from "../../model/names";
import type { Cluster } from "../cluster/cluster";
import type { ClaimTemplate, SandboxArgs } from "./args";
import { argumentError } from "./argumentError";
import type { SandboxScope } from "./scope";

/** What a sandbox has when it names no claims of its own. It alone is seeded from the image. */
function workspaceTemplate(size: string = SANDBOX_DEFAULTS.workspaceSize): ClaimTemplate {
    return { name: constants.WORKSPACE_VOLUME, mountPath: constants.WORKSPACE_PATH, size };
}

/** A claim as a resource. */
export type Claim = k8s.core.v1.PersistentVolumeClaim;

/** Claims that a sandbox mounts, and whether they are the workspace, which is seeded from the image. */
export function templatesOf({ volumeClaimTemplates: own = [], workspaceSize }: SandboxArgs): {
    readonly mounts: readonly ClaimTemplate[];
    readonly seeded: boolean;
} {
    return own.length > 0
        ? { mounts: own, seeded: false }
        : { mounts: [workspaceTemplate(workspaceSize)], seeded: true };
}

/**
 * Creates the claims under the names that the StatefulSet's templates give: so they are resources
 * of their own, protected, and outlive it.
 */
export function createClaims(scope: SandboxScope, args: SandboxArgs): Claim[] {
    const { mounts, seeded } = templatesOf(args);
    return mounts.map((template, index) => {
        const name = claimResource(scope.name, template.name);
        const argument = seeded ? "workspaceSize" : `volumeClaimTemplates[${index}].size`;
        const size = scope.cluster.expandsClaims
            ? template.size
            : firstSize(scope, name, template.size, argument);
        return new k8s.core.v1.PersistentVolumeClaim(
            name,
            {
                metadata: {
                    ...scope.metadata(claimName(template.name, scope.name)),
                    // The pod is awaited, which needs it: for as long as the sandbox says, and with the
                    // reason. The provider would wait five minutes and know none.
                    annotations: { "pulumi.com/skipAwait": "true" },
                },
                spec: claimSpec(scope.cluster, template, size),
            },
            scope.object,
        );
    });
}

/**
 * The same as the StatefulSet wants it. It keeps its first claims for good, and would be replaced for
 * others: they are kept in state, so that another set of them is refused by the preview.
 */
export function claimTemplates(
    scope: SandboxScope,
    args: SandboxArgs,
): pulumi.Output<k8s.types.input.core.v1.PersistentVolumeClaim[]> {
    const { mounts } = templatesOf(args);
    const wanted = mounts.map(({ name }) => name).join(", ");
    return keptInState(`${scope.name}-claims`, wanted, scope.kept).apply((first) => {
        if (first !== wanted) {
            throw argumentError(
                scope,
                "volumeClaimTemplates",
                `got ${wanted}; must stay ${first}: a StatefulSet keeps its claims; remove the sandbox (protect: false, then without it) and add it again`,
            );
        }
        return mounts.map((template) => ({
            metadata: { name: template.name },
            spec: claimSpec(scope.cluster, template, template.size),
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
    scope: SandboxScope,
    claim: string,
    wanted: string,
    argument: string,
): pulumi.Output<string> {
    return keptInState(`${claim}-size`, wanted, scope.kept).apply((size) => {
        if (size !== wanted) {
            throw argumentError(
                scope,
                argument,
                `got ${JSON.stringify(wanted)}; must stay ${size}: the gateway's storage cannot change the size of a claim (nor does it limit one)`,
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
