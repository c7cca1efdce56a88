/** A sandbox's own way to the outbound proxy. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { outboundService } from "../../model/outboundNames";
import { POD_LABELS } from "./policy";
import type { OutboundScope } from "./scope";

/** Port of names, in the sandbox's own terms. */
const DNS_PORT = 53;

/** Creates the Service. @returns its cluster IP, which lasts as long as the Service */
export function createService(
    { listeners, object, metadata }: OutboundScope,
    sandbox: string,
): pulumi.Output<string> {
    const { dns, tcp = [] } = listeners.get(sandbox) ?? {};
    const names = (dns === undefined ? [] : ["UDP", "TCP"]).map((protocol) => ({
        name: `dns-${protocol.toLowerCase()}`,
        port: DNS_PORT,
        targetPort: dns,
        protocol,
    }));
    const connections = tcp.map(({ port, target }) => ({
        name: `tcp-${port}`,
        port,
        targetPort: target,
        protocol: "TCP",
    }));
    const service = new k8s.core.v1.Service(
        outboundService(sandbox),
        {
            // The Deployment is awaited, and needs the address that is known here.
            metadata: metadata(outboundService(sandbox), { "pulumi.com/skipAwait": "true" }),
            spec: {
                type: "ClusterIP",
                selector: POD_LABELS,
                ports: [...names, ...connections],
            },
        },
        object,
    );
    return service.spec.clusterIP;
}
