/** A Kubernetes cluster that is there already: the same sandboxes, without a gateway of ours. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PROVIDER_SETTINGS, type Address, type Cluster, type ServiceType } from "./cluster";
import { TYPE_PREFIX } from "./constants";
import { FixedPorts } from "./fixedPorts";
import { createNamespace } from "./namespace";

/** Where the cluster is. Plain values decide which resources exist. */
export interface ExistingClusterArgs {
    /** Content of a kubeconfig; secret. */
    readonly kubeconfig: pulumi.Input<string>;
    /** Context of the kubeconfig. */
    readonly context: string;
    /** Storage class of workspaces; it has to keep volumes whose claim is gone. */
    readonly storageClass: string;
    /** How applications are published. @default NodePort */
    readonly serviceType: ServiceType;
    /** Host name or address under which node ports are reached. */
    readonly host: string;
    /** Networks of pods and services, from which no sandbox may be reached. */
    readonly internalNetworks: readonly string[];
    /** Whether sandboxes run; while false, every one is scaled to zero. */
    readonly running: boolean;
}

/** Gives a sandbox what a `Gateway` gives it. The cluster itself is never changed or removed. */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
    readonly provider: k8s.Provider;
    readonly namespace: pulumi.Output<string>;
    readonly storageClass: pulumi.Output<string>;
    readonly running: boolean;
    /** If it cannot, the cluster says so. */
    readonly canGrow = true;
    /** What a storage driver makes belongs to root. */
    readonly fsGroup = true;
    readonly internalNetworks: readonly string[];
    readonly serviceType: ServiceType;
    readonly fixedPorts = new FixedPorts();
    private readonly host: string;

    constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
        const { running, ...description } = args;
        super(`${TYPE_PREFIX}:ExistingCluster`, name, description, opts);
        this.running = running;
        this.internalNetworks = args.internalNetworks;
        this.serviceType = args.serviceType;
        this.host = args.host;
        this.storageClass = pulumi.output(args.storageClass);

        this.provider = new k8s.Provider(
            `${name}-kubernetes`,
            {
                kubeconfig: pulumi.secret(args.kubeconfig),
                context: args.context,
                // A new kubeconfig, with another address even, is the same cluster to Pulumi.
                clusterIdentifier: `existing/${args.context}`,
                ...PROVIDER_SETTINGS,
            },
            { parent: this, protect: false },
        );
        this.namespace = createNamespace(name, { parent: this, provider: this.provider });
        this.registerOutputs({ namespace: this.namespace, storageClass: this.storageClass });
    }

    address(nodePort: pulumi.Input<number>): pulumi.Output<Address> {
        return pulumi.output(nodePort).apply((port) => ({ host: this.host, port }));
    }
}
