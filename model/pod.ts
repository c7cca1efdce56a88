/** Pods as policies and the preview guard read them. */
import type { types } from "@pulumi/kubernetes";
import type { Seen } from "./seen";

/** A container. */
export type Container = Seen<types.output.core.v1.Container>;

/** A pod's spec. */
export type PodSpec = Seen<types.output.core.v1.PodSpec>;

/** What makes pods, of every kind that does: a pod itself, a template, or a template of a template. */
export interface Workload {
    readonly metadata?: Metadata;
    readonly spec?: PodSpec & {
        readonly template?: Template;
        readonly jobTemplate?: { readonly spec?: { readonly template?: Template } };
    };
}

type Metadata = Seen<types.output.meta.v1.ObjectMeta>;

interface Template {
    readonly metadata?: Metadata;
    readonly spec?: PodSpec;
}
