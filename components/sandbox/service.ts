/** How a sandbox's application is published: its Service, and where people reach it. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LABEL_SANDBOX } from "../../model/constants";
import { ownName } from "../../model/pageName";
import { contains, formatBlock, type PortBlock } from "../../model/ports";
import type { ArgumentKey } from "../cluster/argumentKey";
import type { Address } from "../cluster/cluster";
import type { Turn } from "../cluster/fixedPorts";
import type { SandboxArgs } from "./args";
import { argumentError } from "./argumentError";
import type { SandboxScope } from "./scope";

/** What is published. */
interface Publication {
    /** Port the application listens on. */
    readonly port: number;
    /** Node port. @default the one that Kubernetes picks inside the block */
    readonly hostPort: number | undefined;
}

/**
 * Creates the Service of a sandbox that has an application.
 *
 * @returns where people reach it; undefined without an application, and when the cluster publishes nothing
 */
export function createService(
    scope: SandboxScope,
    { application, hostPort }: Pick<SandboxArgs, "application" | "hostPort">,
): pulumi.Output<Address> | undefined {
    if (application === undefined) {
        return undefined;
    }
    const { cluster, name } = scope;
    const publication = { port: application.port, hostPort };
    if (cluster.serviceType === "ClusterIP") {
        newService(scope, publication, Promise.resolve({ isTaken: false }));
        return undefined;
    }
    const turn = cluster.fixedPorts.turn(name, hostPort, pulumi.runtime.isDryRun());
    const service = newService(scope, publication, turn);
    const { nodePort, checked } = nodePortOf(scope, hostPort, service);
    cluster.fixedPorts.note(name, hostPort, checked);
    return cluster.address(nodePort).apply((address) => {
        const own = ownName(name, address.host);
        return own === undefined ? address : { ...address, ownName: own };
    });
}

/** @param turn when the engine is asked for it */
function newService(
    scope: SandboxScope,
    { port, hostPort }: Publication,
    turn: Promise<Turn>,
): k8s.core.v1.Service {
    const { name, cluster } = scope;
    return new k8s.core.v1.Service(
        name,
        {
            // An endpoint is not awaited: the StatefulSet is, and it comes after this.
            metadata: { ...scope.metadata(), annotations: { "pulumi.com/skipAwait": "true" } },
            spec: {
                type: turn.then(() => cluster.serviceType),
                selector: { [LABEL_SANDBOX]: name },
                ports: [
                    {
                        name: "http",
                        port,
                        targetPort: port,
                        protocol: "TCP",
                        ...(hostPort === undefined
                            ? {}
                            : { nodePort: given(scope, hostPort, turn) }),
                    },
                ],
            },
        },
        scope.object,
    );
}

/** A fixed port for the engine: one that is another's until the update is not known in a preview. */
function given(scope: SandboxScope, hostPort: number, turn: Promise<Turn>): pulumi.Output<number> {
    return pulumi.output(turn).apply(({ refusal, isTaken }) => {
        if (refusal !== undefined) {
            throw argumentError(scope, "hostPort", refusal);
        }
        return isTaken ? (pulumi.unknown as unknown as number) : hostPort;
    });
}

/** The node port of a Service, and a promise that is kept when nothing speaks against it. */
function nodePortOf(
    scope: SandboxScope,
    hostPort: number | undefined,
    service: k8s.core.v1.Service,
): { readonly nodePort: pulumi.Output<number>; readonly checked: Promise<void> } {
    let refused = false;
    const port = pulumi
        .all([service.metadata, service.spec.ports])
        .apply(([{ resourceVersion }, [first]]) => {
            const seen = { resourceVersion, nodePort: first?.nodePort };
            const found = nodePort(scope.name, hostPort, seen, pulumi.runtime.isDryRun());
            if (found === undefined) {
                return pulumi.unknown as unknown as number;
            }
            if (hostPort === undefined) {
                const { fixedPorts, ports, argumentKey } = scope.cluster;
                const owner = fixedPorts.ownerOf(found);
                const refusal = refusalOfPicked(scope.name, found, owner, ports, argumentKey);
                if (refusal !== undefined) {
                    refused = true;
                    throw new pulumi.ResourceError(refusal, scope.sandbox, true);
                }
            }
            return found;
        });
    const checked = new Promise<void>((resolve) => {
        // Always known, unlike what is looked at above, which then has been: it comes with the URN.
        service.urn.apply(() => setImmediate(() => (refused ? undefined : resolve())));
    });
    return { nodePort: port, checked };
}

/**
 * Pure: why a port that Kubernetes has picked will not do. It stays as long as its Service, whatever is
 * asked for meanwhile.
 *
 * @param owner sandbox that asks for the same port. @default none
 * @param block ports that are published. @default all
 * @returns undefined when nothing speaks against it
 */
export function refusalOfPicked(
    sandbox: string,
    picked: number,
    owner: string | undefined,
    block: PortBlock | undefined,
    keyOf: ArgumentKey,
): string | undefined {
    if (owner !== undefined) {
        return (
            `${keyOf("hostPort", owner)}: got ${picked}; must not be the port of ` +
            `${keyOf(undefined, sandbox)}, which Kubernetes has picked and keeps; choose another ` +
            `one, or first give ${keyOf("hostPort", sandbox)} another value`
        );
    }
    if (block && !contains(block, picked)) {
        return (
            `${keyOf("ports")}: got ${formatBlock(block)}; must hold ${picked}, the port of ` +
            `${keyOf(undefined, sandbox)}, which Kubernetes has picked and keeps: nobody would reach ` +
            `it; for example a block with ${picked} in it, or a ${keyOf("hostPort", sandbox)} in ` +
            formatBlock(block)
        );
    }
    return undefined;
}

/**
 * Pure: the node port of a Service. Kubernetes picks it inside the block when it makes the Service,
 * and keeps it as long as the Service lives.
 *
 * @param seen what the provider gave back
 * @returns undefined in a preview before the Service is there
 * @throws pulumi.RunError when there is none after an update
 */
export function nodePort(
    sandbox: string,
    hostPort: number | undefined,
    seen: { readonly resourceVersion?: string; readonly nodePort?: number },
    preview: boolean,
): number | undefined {
    if (hostPort !== undefined) {
        return hostPort;
    }
    // Only what is stored has a version. What a preview would create comes back without a port, or
    // with one that the API server made up for its dry run.
    if (preview && seen.resourceVersion === undefined) {
        return undefined;
    }
    if (seen.nodePort === undefined) {
        throw new pulumi.RunError(
            `Service ${sandbox}: got no node port; expected one that Kubernetes has picked; ` +
                "`pulumi up --refresh --run-program --skip-preview` reads it again",
        );
    }
    return seen.nodePort;
}
