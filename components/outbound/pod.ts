/** Pure: the pod of the outbound proxy: HAProxy for connections, CoreDNS for names. */
import type { types } from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { OutboundImages } from "../cluster/outboundImages";
import { BIND_CAPABILITY } from "../../model/constants";
import {
    ANNOTATION_MODELS,
    DNS_CONTAINER,
    PROXY_CONTAINER,
    PROXY_FILE,
} from "../../model/outboundNames";
import { READY_PORT } from "./corefile";
import { HEALTH_PORT, keyVariable } from "./haproxy";

type PodTemplate = types.input.core.v1.PodTemplateSpec;
type Container = types.input.core.v1.Container;

/** Where authorities are in HAProxy's image; those of the gateway are put beside them. */
export const AUTHORITIES = "/etc/ssl/certs";

/** Keys of the ConfigMap and of the Secret, besides `PROXY_FILE`. */
export const DNS_FILE = "Corefile";
export const MODELS_FILE = "models.cfg";

const CONFIG_PATH = "/etc/outbound";
const MODELS_PATH = "/etc/outbound-models";

/** Grace period in seconds: a little more than HAProxy gives open connections to end. */
const GRACE_SECONDS = 310;

/** HAProxy's user in its image; CoreDNS's has none of its own. */
const USER = 99;

/** What a pod is made of. */
export interface OutboundPodInput {
    readonly images: OutboundImages;
    readonly labels: Readonly<Record<string, string>>;
    /** Change whenever what is read at a start does: of the ConfigMap, and of the Secret. */
    readonly configHash: pulumi.Input<string>;
    readonly modelsHash: pulumi.Input<string>;
    readonly configMap: pulumi.Input<string>;
    readonly secret: pulumi.Input<string>;
    /** Sandboxes whose key is in the Secret, under `keyVariable`. */
    readonly keys: readonly string[];
    /** Names of files in the ConfigMap with further authorities. */
    readonly authorities: readonly string[];
}

/** The pod template of the Deployment. */
export function outboundPod(input: OutboundPodInput): PodTemplate {
    return {
        metadata: {
            labels: { ...input.labels },
            annotations: {
                "sandbox-gateway.dev/config-hash": input.configHash,
                [ANNOTATION_MODELS]: input.modelsHash,
            },
        },
        spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: GRACE_SECONDS,
            securityContext: {
                runAsNonRoot: true,
                runAsUser: USER,
                runAsGroup: USER,
                seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [proxyContainer(input), dnsContainer(input)],
            volumes: [
                { name: "config", configMap: { name: input.configMap } },
                { name: "models", secret: { secretName: input.secret } },
            ],
        },
    };
}

function proxyContainer({ images, secret, keys, authorities }: OutboundPodInput): Container {
    const files = [`${CONFIG_PATH}/${PROXY_FILE}`, `${MODELS_PATH}/${MODELS_FILE}`];
    return {
        name: PROXY_CONTAINER,
        image: images.proxy,
        imagePullPolicy: "IfNotPresent",
        command: ["haproxy", "-db", ...files.flatMap((file) => ["-f", file])],
        ...(keys.length === 0
            ? {}
            : {
                  env: keys.map((sandbox) => ({
                      name: keyVariable(sandbox),
                      valueFrom: { secretKeyRef: { name: secret, key: keyVariable(sandbox) } },
                  })),
              }),
        ports: [{ name: "health", containerPort: HEALTH_PORT, protocol: "TCP" }],
        ...probes("/healthy", HEALTH_PORT),
        resources: {
            requests: { cpu: "10m", memory: "32Mi" },
            limits: { memory: "256Mi", "ephemeral-storage": "256Mi" },
        },
        securityContext: SECURITY,
        volumeMounts: [
            { name: "config", mountPath: CONFIG_PATH, readOnly: true },
            { name: "models", mountPath: MODELS_PATH, readOnly: true },
            ...authorities.map((file) => ({
                name: "config",
                mountPath: `${AUTHORITIES}/${file}`,
                subPath: file,
                readOnly: true,
            })),
        ],
    };
}

function dnsContainer({ images }: OutboundPodInput): Container {
    return {
        name: DNS_CONTAINER,
        image: images.dns,
        imagePullPolicy: "IfNotPresent",
        args: ["-conf", `${CONFIG_PATH}/${DNS_FILE}`],
        ports: [{ name: "ready", containerPort: READY_PORT, protocol: "TCP" }],
        ...probes("/ready", READY_PORT),
        resources: {
            requests: { cpu: "10m", memory: "24Mi" },
            limits: { cpu: "500m", memory: "128Mi", "ephemeral-storage": "256Mi" },
        },
        securityContext: {
            ...SECURITY,
            // Its program is marked to have it, and would not be started without.
            capabilities: { drop: ["ALL"], add: [BIND_CAPABILITY] },
        },
        volumeMounts: [{ name: "config", mountPath: CONFIG_PATH, readOnly: true }],
    };
}

const SECURITY = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
};

function probes(path: string, port: number): Pick<Container, "readinessProbe" | "livenessProbe"> {
    const probe = { httpGet: { path, port }, timeoutSeconds: 5 };
    return {
        // Quick at a start, which sandboxes may be waiting for.
        readinessProbe: { ...probe, periodSeconds: 2, failureThreshold: 3 },
        livenessProbe: { ...probe, periodSeconds: 20, failureThreshold: 3 },
    };
}
