/** What a sandbox may reach, and what may reach it. */
import * as k8s from "@pulumi/kubernetes";
import { closedNetworks, opensClosed, sandboxPolicy } from "../cluster/networkPolicy";
import type { SandboxArgs } from "./args";
import { argumentError } from "./argumentError";
import type { SandboxScope } from "./scope";

/** Creates the NetworkPolicy. @throws pulumi.ResourceError for an `egress` that opens what is closed */
export function createNetworkPolicy(scope: SandboxScope, args: SandboxArgs): void {
    const { name, cluster } = scope;
    checkEgress(scope, args);
    new k8s.networking.v1.NetworkPolicy(
        `${name}-network`,
        {
            metadata: scope.metadata(),
            spec: sandboxPolicy({
                sandbox: name,
                port: args.application?.port,
                internalNetworks: cluster.internalNetworks,
                ownNetworks: cluster.ownNetworks,
                clientNetworks: cluster.clientNetworks,
                hostAddresses: cluster.hostAddresses,
                ingressFrom: cluster.ingressFrom ?? [],
                egress: args.egress ?? [],
                proxied: args.outbound,
                dns: args.dns,
            }),
        },
        scope.object,
    );
}

/** The program's own settings are checked before; those of another program only here. */
function checkEgress(scope: SandboxScope, { egress = [] }: SandboxArgs): void {
    const closed = closedNetworks(scope.cluster);
    egress.forEach((rule, index) => {
        const network = opensClosed(rule, closed);
        if (network !== undefined) {
            throw argumentError(
                scope,
                `egress[${index}]`,
                `got ${JSON.stringify(rule)}; must not open ${network}, which is closed to sandboxes, but for a single address with ports, such as { cidr: "172.30.18.1/32", ports: [11434] }`,
            );
        }
    });
}
