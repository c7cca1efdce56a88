/** The Deployment of the outbound proxy: HAProxy and CoreDNS in one pod. */
import * as k8s from "@pulumi/kubernetes";
import { ANNOTATION_REVISION, SHARED_LABELS } from "../../model/constants";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { OUTBOUND_NAME } from "../../model/outboundNames";
import type { OutboundFiles } from "./files";
import { outboundPod } from "./pod";
import { POD_LABELS } from "./policy";
import type { OutboundScope } from "./scope";

/** Creates the Deployment. A new pod answers before the old one hands over. */
export function createDeployment(scope: OutboundScope, files: OutboundFiles): void {
    const { name, cluster, clients } = scope;
    const revision = cluster.podsRevision;
    new k8s.apps.v1.Deployment(
        `${name}-proxy`,
        {
            metadata: scope.metadata(
                OUTBOUND_NAME,
                revision && { [ANNOTATION_REVISION]: revision },
            ),
            spec: {
                replicas: cluster.running ? 1 : 0,
                revisionHistoryLimit: 1,
                selector: { matchLabels: POD_LABELS },
                strategy: {
                    type: "RollingUpdate",
                    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
                },
                template: outboundPod({
                    images: cluster.outboundImages,
                    labels: { ...POD_LABELS, ...SHARED_LABELS },
                    keys: clients.flatMap(({ sandbox, inference }) => (inference ? [sandbox] : [])),
                    ...files,
                }),
            },
        },
        {
            ...scope.object,
            customTimeouts: {
                create: `${SANDBOX_DEFAULTS.firstStartTimeoutSeconds}s`,
                update: `${SANDBOX_DEFAULTS.startTimeoutSeconds}s`,
            },
        },
    );
}
