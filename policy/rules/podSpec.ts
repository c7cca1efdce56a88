/** Pods, in every kind of object that makes some. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import { LABEL_SANDBOX } from "../../model/constants";
import type { PodSpec, Workload } from "../../model/pod";
import { inputs } from "./support";

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
