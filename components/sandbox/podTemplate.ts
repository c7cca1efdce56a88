/** Pure: the pod of a sandbox. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Application } from "./applications/application";
import type { ClaimTemplate, Placement } from "./args";
import * as constants from "../../model/constants";
import type { Gate } from "../cluster/cluster";
import { gateContainer } from "./gate";
import { literally } from "../../model/literal";
import { INFERENCE_HOST } from "../../model/hosts";
import { DEFAULT_DISK, withDisk, type Resources } from "../../model/resources";

type PodTemplate = types.input.core.v1.PodTemplateSpec;
type Container = types.input.core.v1.Container;
type Probe = types.input.core.v1.Probe;

/** What a pod is made of. */
export interface PodInput {
    readonly sandbox: string;
    readonly image: string;
    readonly application?: Application;
    /** Environment in clear; values arrive as they are. */
    readonly env: Readonly<Record<string, string>>;
    /** User the agent runs as. 0 only when the sandbox asked for it by name. */
    readonly user: number;
    /** Group of the agent. @default the image's for the user, else 0 */
    readonly group?: number;
    /** Runtime class, such as gvisor. @default the node's own, and with GPUs NVIDIA's */
    readonly runtimeClass?: string;
    /** Whether it has a user namespace of its own. */
    readonly userNamespace: boolean;
    /** Whether the image's files are read-only. */
    readonly readOnlyRoot: boolean;
    readonly resources: Resources;
    /** GPUs, on top of the resources. */
    readonly gpus: number;
    /** Claims and where the agent sees them. */
    readonly mounts: readonly ClaimTemplate[];
    /** Whether the workspace is filled from the image before the first start. */
    readonly seeded: boolean;
    /** Whether the kubelet has to hand a new volume to the agent's group. */
    readonly fsGroup: boolean;
    readonly placement: Placement;
    /** Its way out by names. @default none */
    readonly outbound?: PodOutbound;
    /** What keeps everything of the sandbox's own back until its network is closed. */
    readonly gate: Gate;
    readonly labels: Readonly<Record<string, string>>;
    /** Digest of files and secrets: a change of any of them replaces the pod. */
    readonly configHash: pulumi.Input<string>;
    /** Names of the ConfigMap and the Secret of the sandbox. */
    readonly configMap: pulumi.Input<string>;
    readonly secret: pulumi.Input<string>;
    /** Name of the Secret whose keys are files beside those of the ConfigMap. @default none */
    readonly secretFiles?: pulumi.Input<string>;
}

/** What a pod needs to reach the outbound proxy. */
interface PodOutbound {
    /** Cluster IP of the sandbox's Service at the proxy. */
    readonly address: pulumi.Input<string>;
    /** Whether it asks there for names. */
    readonly names: boolean;
    /** Whether its model is there. */
    readonly inference: boolean;
}

/** Copying needs little; the page cache counts as memory too and is given back. */
const SEED_RESOURCES = withDisk({ limits: { memory: "256Mi" } });

const SCRIPTS_VOLUME = "sandbox-gateway";
const TMP_VOLUME = "tmp";

const SCRIPTS_MOUNT = {
    name: SCRIPTS_VOLUME,
    mountPath: constants.SCRIPTS_PATH,
    readOnly: true,
};

/** Volumes of every sandbox, and where they are. */
export const COMMON_MOUNTS: readonly { name: string; mountPath: string; readOnly?: boolean }[] = [
    SCRIPTS_MOUNT,
    { name: TMP_VOLUME, mountPath: "/tmp" },
];

/** The pod template of a sandbox's StatefulSet. */
export function podTemplate(input: PodInput): PodTemplate {
    return {
        metadata: {
            labels: { ...input.labels },
            annotations: { "sandbox-gateway.dev/config-hash": input.configHash },
        },
        spec: {
            automountServiceAccountToken: false,
            // A Service named like an application would set environment variables in its name.
            enableServiceLinks: false,
            terminationGracePeriodSeconds: constants.POD_GRACE_SECONDS,
            securityContext: {
                seccompProfile: { type: "RuntimeDefault" },
                // Only when a volume is new: what seeding and the agent chose stays afterwards.
                ...(input.fsGroup && input.user !== 0
                    ? { fsGroup: input.user, fsGroupChangePolicy: "OnRootMismatch" }
                    : {}),
            },
            ...runtime(input),
            ...placement(input.placement),
            ...names(input.outbound),
            initContainers: [
                gateContainer(input.gate, [SCRIPTS_MOUNT]),
                ...(input.seeded ? [seedContainer(input)] : []),
            ],
            containers: [agentContainer(input)],
            volumes: [scriptsVolume(input), tmpVolume(input)],
        },
    };
}

/** What holds it apart from the node, besides what every container has. */
function runtime({ gpus, runtimeClass, userNamespace }: PodInput) {
    const name = gpus > 0 ? constants.GPU_RUNTIME_CLASS : runtimeClass;
    return {
        ...(name === undefined ? {} : { runtimeClassName: name }),
        ...(userNamespace ? { hostUsers: false } : {}),
    };
}

/** Local to the pod: what a killed process leaves here is gone with the pod. */
function tmpVolume({ resources }: PodInput): types.input.core.v1.Volume {
    const sizeLimit = resources.limits?.[constants.DISK_RESOURCE] ?? DEFAULT_DISK.limit;
    return { name: TMP_VOLUME, emptyDir: { sizeLimit } };
}

function scriptsVolume({ configMap, secretFiles }: PodInput): types.input.core.v1.Volume {
    const defaultMode = 0o555;
    if (secretFiles === undefined) {
        return { name: SCRIPTS_VOLUME, configMap: { name: configMap, defaultMode } };
    }
    const sources = [{ configMap: { name: configMap } }, { secret: { name: secretFiles } }];
    return { name: SCRIPTS_VOLUME, projected: { defaultMode, sources } };
}

/** Copies the image's own `/sandbox` into an empty workspace, once. See scripts/seed.sh. */
function seedContainer(input: PodInput): Container {
    return {
        name: constants.SEED_CONTAINER,
        image: input.image,
        imagePullPolicy: "IfNotPresent",
        ...literally({
            command: ["/bin/sh", `${constants.SCRIPTS_PATH}/seed.sh`],
            args: [input.image, constants.WORKSPACE_PATH, constants.SEED_PATH],
        }),
        resources: SEED_RESOURCES,
        // Root, to keep owners and modes of the image, with no more than that takes.
        securityContext: {
            runAsUser: 0,
            runAsGroup: 0,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"], add: constants.SEED_CAPABILITIES },
        },
        volumeMounts: [
            { name: constants.WORKSPACE_VOLUME, mountPath: constants.SEED_PATH },
            ...COMMON_MOUNTS,
        ],
    };
}

function agentContainer(input: PodInput): Container {
    const { application: app } = input;
    const env = { ...app?.env, ...input.env };
    return {
        name: constants.AGENT_CONTAINER,
        image: input.image,
        imagePullPolicy: "IfNotPresent",
        ...literally({
            ...(app?.command === undefined ? {} : startCommand(app.command, app.staleFiles ?? [])),
            env: Object.entries(env).map(([name, value]) => ({ name, value })),
        }),
        envFrom: [{ secretRef: { name: input.secret } }],
        ...(app === undefined
            ? {}
            : { ports: [{ name: "http", containerPort: app.port, protocol: "TCP" }] }),
        ...(app === undefined ? {} : probes(app)),
        resources: withGpus(input.resources, input.gpus),
        securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            runAsNonRoot: input.user !== 0,
            runAsUser: input.user,
            ...(input.group === undefined ? {} : { runAsGroup: input.group }),
            ...(input.readOnlyRoot ? { readOnlyRootFilesystem: true } : {}),
        },
        volumeMounts: [
            ...input.mounts.map(({ name, mountPath }) => ({ name, mountPath })),
            ...COMMON_MOUNTS,
        ],
    };
}

/** The model's name needs nobody who resolves it: a sandbox with a model alone has no names at all. */
function names(outbound: PodOutbound | undefined) {
    if (outbound === undefined) {
        return {};
    }
    const { address: ip } = outbound;
    return {
        ...(outbound.names ? { dnsPolicy: "None", dnsConfig: { nameservers: [ip] } } : {}),
        ...(outbound.inference ? { hostAliases: [{ ip, hostnames: [INFERENCE_HOST] }] } : {}),
    };
}

/** Kubernetes drops what is empty, and every preview would add it again. */
function placement({ nodeSelector = {}, tolerations = [] }: Placement) {
    return {
        ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
        ...(tolerations.length > 0 ? { tolerations: [...tolerations] } : {}),
    };
}

/** Adds GPUs as an extended resource, of which Kubernetes takes the limit as the request. */
function withGpus({ requests, limits }: Resources, gpus: number): Resources {
    return {
        ...(requests && { requests }),
        ...(gpus > 0
            ? { limits: { ...limits, [constants.GPU_RESOURCE]: String(gpus) } }
            : limits && { limits }),
    };
}

/** scripts/start.sh removes the stale files and becomes the application. */
function startCommand(
    command: readonly string[],
    staleFiles: readonly string[],
): { command: string[]; args: string[] } {
    return {
        command: ["/bin/sh", `${constants.SCRIPTS_PATH}/start.sh`],
        args: [...staleFiles, "--", ...command],
    };
}

/**
 * A dead or deaf application is restarted in place by the kubelet. A stopped process cannot obey
 * TERM, so its restart gets a grace of its own that is shorter than the pod's.
 */
function probes(
    app: Application,
): Pick<Container, "startupProbe" | "readinessProbe" | "livenessProbe"> {
    const path = app.path ?? "/";
    const get = (probePath: string | undefined): Probe => ({
        httpGet: { path: probePath ?? path, port: app.port },
        timeoutSeconds: 5,
    });
    return {
        // Three minutes: a first start on a slow disk, beside others.
        startupProbe: { ...get(app.probes?.startup), periodSeconds: 2, failureThreshold: 90 },
        readinessProbe: { ...get(app.probes?.readiness), periodSeconds: 5, failureThreshold: 3 },
        livenessProbe: {
            ...get(app.probes?.liveness),
            periodSeconds: 10,
            failureThreshold: 3,
            terminationGracePeriodSeconds: 10,
        },
    };
}
