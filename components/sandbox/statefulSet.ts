/** The StatefulSet of a sandbox: one agent, started and stopped by its replicas. */
import * as k8s from "@pulumi/kubernetes";
import * as constants from "../../model/constants";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { DEFAULT_RESOURCES, mergeResources, withDisk } from "../../model/resources";
import type { SandboxArgs } from "./args";
import { claimTemplates, templatesOf, type Claim } from "./claims";
import type { SandboxData } from "./data";
import { podTemplate } from "./podTemplate";
import type { SandboxScope } from "./scope";

/** Other resources of the sandbox that its pod is made of. */
interface Parts {
    readonly claims: readonly Claim[];
    readonly data: SandboxData;
}

/** Creates the StatefulSet. A change of what holds data is no change of it: the claims exist without it. */
export function createStatefulSet(scope: SandboxScope, args: SandboxArgs, parts: Parts): void {
    const { name, cluster } = scope;
    new k8s.apps.v1.StatefulSet(
        `${name}-agent`,
        {
            metadata: {
                ...scope.metadata(),
                annotations: {
                    // What a killed run has made is made again under another manager's name, and
                    // its claim templates never look the same: Kubernetes has filled them in.
                    "pulumi.com/patchForce": "true",
                    ...(cluster.podsRevision && {
                        [constants.ANNOTATION_REVISION]: cluster.podsRevision,
                    }),
                },
            },
            spec: {
                serviceName: name,
                // With the default, OrderedReady, Kubernetes does not update a pod that never got ready,
                // even when its template has been corrected.
                podManagementPolicy: "Parallel",
                replicas: cluster.running && (args.running ?? SANDBOX_DEFAULTS.running) ? 1 : 0,
                selector: { matchLabels: { [constants.LABEL_SANDBOX]: name } },
                template: podOf(scope, args, parts),
                volumeClaimTemplates: claimTemplates(scope, args),
            },
        },
        {
            ...scope.object,
            dependsOn: [...parts.claims],
            // The templates have done their work once the claims exist. A change of either is a
            // replacement.
            ignoreChanges: ["spec.volumeClaimTemplates", "spec.podManagementPolicy"],
            // A sandbox that does not start is reported while someone still watches.
            customTimeouts: {
                create: timeout(args, SANDBOX_DEFAULTS.firstStartTimeoutSeconds),
                update: timeout(args, SANDBOX_DEFAULTS.startTimeoutSeconds),
            },
        },
    );
}

function timeout({ startTimeoutSeconds }: SandboxArgs, usual: number): string {
    return `${startTimeoutSeconds ?? usual}s`;
}

function podOf(
    { name, cluster, labels }: SandboxScope,
    args: SandboxArgs,
    { data }: Parts,
): ReturnType<typeof podTemplate> {
    const { application, outbound } = args;
    return podTemplate({
        sandbox: name,
        image: args.image,
        application,
        env: args.env ?? {},
        user: args.user ?? SANDBOX_DEFAULTS.user,
        group: args.group,
        runtimeClass: args.runtimeClass,
        userNamespace: args.userNamespace ?? SANDBOX_DEFAULTS.userNamespace,
        readOnlyRoot: args.readOnlyRoot ?? SANDBOX_DEFAULTS.readOnlyRoot,
        fsGroup: cluster.needsFsGroup,
        resources: mergeResources(
            args.resources,
            withDisk(application?.resources ?? DEFAULT_RESOURCES),
        ),
        gpus: args.gpus ?? SANDBOX_DEFAULTS.gpus,
        ...templatesOf(args),
        placement: args.placement ?? {},
        outbound: outbound && { ...outbound, inference: outbound.inferenceUrl !== undefined },
        gate: cluster.gate,
        labels,
        ...data,
    });
}
