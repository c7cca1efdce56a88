/** What makes a gateway's GPUs a resource that sandboxes can ask for. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { DEVICE_PLUGIN_FOLDER, GPU_RUNTIME_CLASS, SHARED_LABELS } from "../../model/constants";

/** NVIDIA's own; see github.com/NVIDIA/k8s-device-plugin. */
const DEVICE_PLUGIN_IMAGE = "nvcr.io/nvidia/k8s-device-plugin:v0.17.1";

/** Runs NVIDIA's device plugin on the node. */
export function createDevicePlugin(name: string, opts: pulumi.CustomResourceOptions): void {
    const selected = { "app.kubernetes.io/name": "nvidia-device-plugin" };
    new k8s.apps.v1.DaemonSet(
        `${name}-device-plugin`,
        {
            metadata: {
                name: "nvidia-device-plugin",
                namespace: "kube-system",
                labels: SHARED_LABELS,
            },
            spec: {
                selector: { matchLabels: selected },
                template: {
                    metadata: { labels: { ...SHARED_LABELS, ...selected } },
                    spec: {
                        runtimeClassName: GPU_RUNTIME_CLASS,
                        automountServiceAccountToken: false,
                        priorityClassName: "system-node-critical",
                        containers: [
                            {
                                name: "plugin",
                                image: DEVICE_PLUGIN_IMAGE,
                                imagePullPolicy: "IfNotPresent",
                                resources: { limits: { memory: "256Mi" } },
                                securityContext: {
                                    allowPrivilegeEscalation: false,
                                    capabilities: { drop: ["ALL"] },
                                },
                                volumeMounts: [
                                    { name: "device-plugins", mountPath: DEVICE_PLUGIN_FOLDER },
                                ],
                            },
                        ],
                        volumes: [
                            { name: "device-plugins", hostPath: { path: DEVICE_PLUGIN_FOLDER } },
                        ],
                    },
                },
            },
        },
        opts,
    );
}
