/** What a sandbox is made from. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Resources } from "../../model/resources";
import type { Cluster } from "../cluster/cluster";
import type { Egress } from "../cluster/networkPolicy";
import type { Outbound } from "../outbound/outboundProxy";
import type { Application } from "./applications/application";

/** What a sandbox is. Plain values decide which resources exist or what they are called. */
export interface SandboxArgs {
    /** Cluster the sandbox runs in. */
    readonly cluster: Cluster;
    /** Image of the agent; its `/sandbox` seeds the workspace once. */
    readonly image: string;
    /** Whether it runs while its cluster does. @default true */
    readonly running?: boolean;
    /** What runs in it. @default the image's own entrypoint and command, no port */
    readonly application?: Application;
    /** Port in the cluster's block on which the application is published. @default the next free one */
    readonly hostPort?: number;
    /** Environment variables in clear. @default none */
    readonly env?: Readonly<Record<string, string>>;
    /** Environment variables whose values are secret. @default none */
    readonly secretEnv?: pulumi.Input<Readonly<Record<string, string>>>;
    /** Requests and limits, each by itself. @default the application's, else `DEFAULT_RESOURCES` */
    readonly resources?: Resources;
    /** GPUs; the gateway has to have some. @default 0 */
    readonly gpus?: number;
    /** Size of the workspace, a Kubernetes quantity. @default 2Gi */
    readonly workspaceSize?: string;
    /** Claims instead of the workspace, which then is neither made nor seeded. @default none */
    readonly volumeClaimTemplates?: readonly ClaimTemplate[];
    /** Which nodes of a cluster it may run on. @default any */
    readonly placement?: Placement;
    /** Seconds an update waits for it to be ready, before it is reported. @default 300 */
    readonly startTimeoutSeconds?: number;
    /** User id of the agent. @default 1000 */
    readonly user?: number;
    /** Group id of the agent. @default the image's for the user, else 0 */
    readonly group?: number;
    /** Runtime class of the cluster, such as gvisor. @default the node's own */
    readonly runtimeClass?: string;
    /** Whether its users are nobody on the node; needs Kubernetes 1.33 and containerd 2. @default false */
    readonly userNamespace?: boolean;
    /** Whether it may write to its claims and /tmp alone. @default false */
    readonly readOnlyRoot?: boolean;
    /** Raise it to make a new token, in place. @default 1 */
    readonly tokenGeneration?: number;
    /** Destinations it may reach. @default none */
    readonly egress?: readonly Egress[];
    /** Whether it resolves names, by which data can leave it as well. @default with any `egress` */
    readonly dns?: boolean;
    /** Its way out by names, and to its model: what an `OutboundProxy` says of it. @default none */
    readonly outbound?: Outbound;
    /**
     * OpenAI-compatible endpoint, as INFERENCE_BASE_URL and INFERENCE_API_KEY. Where `outbound` leads to
     * it, the first names the proxy, and nothing else of it enters the sandbox. @default none
     */
    readonly inference?: {
        readonly baseUrl: pulumi.Input<string>;
        readonly apiKey: pulumi.Input<string>;
        readonly model: string;
    };
}

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

/** Which nodes a pod may run on, as Kubernetes takes it. */
export interface Placement {
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly types.input.core.v1.Toleration[];
}
