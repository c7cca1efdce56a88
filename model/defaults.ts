/**
 * Values of settings that a stack leaves out: read by the schema, by the components for callers other
 * than the schema, by the search for free subnets and ports, and by the examples of error messages.
 *
 * Defaults that an application, the machine or the cluster decides are not here; neither is what means
 * "none", such as an empty list of destinations.
 */
import { CLUSTER_CIDR, LOOPBACK, SERVICE_CIDR } from "./constants";
import type { PortBlock } from "./ports";

/** Defaults of a stack as a whole. */
export const STACK_DEFAULTS = {
    /** The container exists, and the sandboxes run. */
    running: true,
    /** What holds data refuses to be deleted or replaced. */
    protect: true,
};

/** Defaults of `gateway`. */
export const GATEWAY_DEFAULTS = {
    /** Name on the machine; upstream's. */
    name: "openshell",
    /** The k3s that this program is checked with. */
    image: "rancher/k3s:v1.35.4-k3s1",
    /** The gateway's own Docker network, in CIDR notation. */
    subnet: "172.30.18.0/24",
    /** Host port of the Kubernetes API. */
    apiPort: 16443,
    /** Host ports for sandboxes. */
    ports: { first: 18789, last: 18808 } satisfies PortBlock,
    /** Address of the machine that sandboxes are published on. */
    bindAddress: LOOPBACK,
    /** Host name or address under which the Kubernetes API is reached. */
    apiHost: LOOPBACK,
    /** Generation of the administrator's certificate. */
    credentialsGeneration: 1,
};

/** Defaults of `existingCluster`. */
export const EXISTING_CLUSTER_DEFAULTS = {
    /** Type of the Services that publish applications. */
    serviceType: "NodePort" as const,
    /** Networks of pods and Services, in CIDR notation: k3s's. */
    internalNetworks: [CLUSTER_CIDR, SERVICE_CIDR],
};

/** Defaults of a sandbox. */
export const SANDBOX_DEFAULTS = {
    /** The sandbox runs while its cluster does. */
    running: true,
    /** User id of the agent. */
    user: 1000,
    /** Number of GPUs. */
    gpus: 0,
    /** Size of the workspace, as a Kubernetes quantity; upstream's `WORKSPACE_DEFAULT_STORAGE`. */
    workspaceSize: "2Gi",
    /**
     * Seconds the first start may take: its image, and those of k3s itself, are pulled meanwhile. A
     * gigabyte on a line of 10 Mbit/s takes a quarter of an hour.
     */
    firstStartTimeoutSeconds: 1200,
    /** Seconds an update waits for a sandbox to be ready. */
    startTimeoutSeconds: 300,
    /** Generation of the sandbox's token. */
    tokenGeneration: 1,
    /** The container's users are the node's. */
    userNamespace: false,
    /** The container may write to its root file system. */
    readOnlyRoot: false,
};
