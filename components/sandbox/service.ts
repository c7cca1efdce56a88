/** How a sandbox's application is published: its Service, and where people reach it. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Address, Cluster } from "../cluster/cluster";
import { LABEL_SANDBOX } from "../../model/constants";
import { ownName } from "../../model/pageName";
import type { Turn } from "../cluster/fixedPorts";
import { contains, formatBlock, type PortBlock } from "../../model/ports";

/** What is published. */
interface Publication {
    readonly sandbox: string;
    readonly cluster: Cluster;
    /** Port the application listens on. */
    readonly port: number;
    /** Node port. @default the one that Kubernetes picks inside the block */
    readonly hostPort: number | undefined;
    readonly metadata: k8s.types.input.meta.v1.ObjectMeta;
}

/**
 * Makes the Service.
 *
 * @returns where people reach it; undefined when the cluster publishes nothing
 */
export function publish(
    publication: Publication,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<Address> | undefined {
    const { cluster, sandbox, hostPort } = publication;
    if (cluster.serviceType === "ClusterIP") {
        createService(publication, Promise.resolve({ isTaken: false }), opts);
        return undefined;
    }
    const turn = cluster.fixedPorts.turn(sandbox, hostPort, pulumi.runtime.isDryRun());
    const service = createService(publication, turn, opts);
    const { nodePort, checked } = nodePortOf(publication, service);
    cluster.fixedPorts.note(sandbox, hostPort, checked);
    return cluster.address(nodePort).apply((address) => {
        const own = ownName(sandbox, address.host);
        return own === undefined ? address : { ...address, ownName: own };
    });
}

/** @param turn when the engine is asked for it */
function createService(
    { sandbox, cluster, port, hostPort, metadata }: Publication,
    turn: Promise<Turn>,
    opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Service {
    return new k8s.core.v1.Service(
        sandbox,
        {
            // An endpoint is not awaited: the StatefulSet is, and it comes after this.
            metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
            spec: {
                type: turn.then(() => cluster.serviceType),
                selector: { [LABEL_SANDBOX]: sandbox },
                ports: [
                    {
                        name: "http",
                        port,
                        targetPort: port,
                        protocol: "TCP",
                        ...(hostPort === undefined ? {} : { nodePort: given(hostPort, turn) }),
                    },
                ],
            },
        },
        opts,
    );
}

/** A fixed port for the engine: one that is another's until the update is not known in a preview. */
function given(hostPort: number, turn: Promise<Turn>): pulumi.Output<number> {
    return pulumi.output(turn).apply(({ refusal, isTaken }) => {
        if (refusal !== undefined) {
            throw new pulumi.RunError(refusal);
        }
        return isTaken ? (pulumi.unknown as unknown as number) : hostPort;
    });
}

/** The node port of a Service, and a promise that is kept when nothing speaks against it. */
function nodePortOf(
    { sandbox, hostPort, cluster }: Publication,
    service: k8s.core.v1.Service,
): { readonly nodePort: pulumi.Output<number>; readonly checked: Promise<void> } {
    let refused = false;
    const port = pulumi
        .all([service.metadata, service.spec.ports])
        .apply(([{ resourceVersion }, [first]]) => {
            const seen = { resourceVersion, nodePort: first?.nodePort };
            const found = nodePort(sandbox, hostPort, seen, pulumi.runtime.isDryRun());
            if (found === undefined) {
                return pulumi.unknown as unknown as number;
            }
            if (hostPort === undefined) {
                refused = true;
                checkPicked(sandbox, found, cluster.fixedPorts.ownerOf(found), cluster.ports);
                refused = false;
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
 * Pure: a port that Kubernetes has picked stays as long as its Service, whatever is asked for meanwhile.
 *
 * @param owner sandbox that asks for the same port
 * @param block ports that are published. @default all
 * @throws pulumi.RunError when another sandbox asks for it, or nobody would reach it
 */
export function checkPicked(
    sandbox: string,
    picked: number,
    owner: string | undefined,
    block: PortBlock | undefined,
): void {
    if (owner !== undefined) {
        throw new pulumi.RunError(
            `sandboxes.${owner}.hostPort: got ${picked}; must not be the port of sandboxes.${sandbox}, ` +
                "which Kubernetes has picked and keeps; choose another one, or first give " +
                `sandboxes.${sandbox}.hostPort another value`,
        );
    }
    if (block && !contains(block, picked)) {
        throw new pulumi.RunError(
            `gateway.ports: got ${formatBlock(block)}; must hold ${picked}, the port of sandboxes.${sandbox}, ` +
                "which Kubernetes has picked and keeps: nobody would reach it; for example " +
                `a block with ${picked} in it, or a sandboxes.${sandbox}.hostPort in ${formatBlock(block)}`,
        );
    }
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
