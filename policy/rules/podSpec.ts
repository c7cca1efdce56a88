/** Pods, in every kind of object that makes some. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import { LABEL_SANDBOX } from "../../model/constants";
import { inputs } from "./support";

/** A container, as far as a rule or the preview guard reads it. */
export interface Container {
    readonly name?: string;
    readonly image?: string;
    readonly command?: readonly string[];
    /** With `Always` nobody waits for it to end, where it prepares a pod. */
    readonly restartPolicy?: string;
    readonly env?: readonly { readonly name?: string; readonly value?: string }[];
    readonly ports?: readonly object[];
    readonly livenessProbe?: object;
    readonly readinessProbe?: object;
    readonly resources?: { readonly limits?: Readonly<Record<string, unknown>> };
    readonly securityContext?: SecurityContext & {
        readonly privileged?: boolean;
        readonly allowPrivilegeEscalation?: boolean;
        readonly readOnlyRootFilesystem?: boolean;
        readonly capabilities?: {
            readonly drop?: readonly string[];
            readonly add?: readonly string[];
        };
    };
}

/** What a pod says for its containers, and each of them for itself. */
interface SecurityContext {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly seccompProfile?: { readonly type?: string };
}

/** A pod, likewise. */
export interface PodSpec {
    readonly automountServiceAccountToken?: boolean;
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
    readonly hostUsers?: boolean;
    readonly runtimeClassName?: string;
    readonly securityContext?: SecurityContext;
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly {
        readonly name?: string;
        readonly hostPath?: { readonly path?: string };
    }[];
}

interface Labelled {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
}

interface Workload extends Labelled {
    readonly spec?: PodSpec & {
        readonly template?: Labelled & { readonly spec?: PodSpec };
        readonly jobTemplate?: {
            readonly spec?: { readonly template?: { readonly spec?: PodSpec } };
        };
    };
}

/** Whether a resource, or the pod that it makes, is a sandbox's by its label. */
export function isSandbox(args: ResourceValidationArgs): boolean {
    const { metadata, spec } = inputs<Workload>(args);
    return [metadata, spec?.template?.metadata].some(
        (each) => each?.labels?.[LABEL_SANDBOX] !== undefined,
    );
}

/** The pod that a resource makes. @returns undefined when it makes none */
export function podOf(args: ResourceValidationArgs): PodSpec | undefined {
    const { spec } = inputs<Workload>(args);
    switch (args.type) {
        case "kubernetes:core/v1:Pod":
            return spec;
        case "kubernetes:batch/v1:CronJob":
            return spec?.jobTemplate?.spec?.template?.spec;
        case "kubernetes:apps/v1:DaemonSet":
        case "kubernetes:apps/v1:Deployment":
        case "kubernetes:apps/v1:ReplicaSet":
        case "kubernetes:apps/v1:StatefulSet":
        case "kubernetes:batch/v1:Job":
        case "kubernetes:core/v1:ReplicationController":
            return spec?.template?.spec;
        default:
            return undefined;
    }
}
