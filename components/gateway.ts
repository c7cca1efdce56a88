/** A gateway: k3s in a Docker container whose identity and data outlive it. */
import * as docker from "@pulumi/docker";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { PROVIDER_SETTINGS, type Address, type Cluster } from "./cluster";
import * as constants from "./constants";
import { containerSpec } from "./gatewayContainer";
import { Identity } from "./identity";
import { renderKubeconfig } from "./kubeconfig";
import type { K3sSettings } from "./k3sConfig";
import * as names from "./names";
import { createNamespace, labels } from "./namespace";
import type { PortBlock } from "./ports";
import { hostAddress, parseSubnet } from "./subnet";

/** Everything here decides which resources exist or what they are called: plain values only. */
export interface GatewayArgs {
    /** Name of the gateway on its machine: 1 to 53 characters. Identity; never change it. */
    readonly name: string;
    /** Whether the container exists. Nothing else goes when it goes. */
    readonly running: boolean;
    /** k3s image; by digest in real use. Pulled only when it is absent, and kept. */
    readonly image: string;
    /** IPv4 subnet of the gateway's own Docker network. k3s remembers its address: never change it. */
    readonly subnet: string;
    /** Port of the Kubernetes API on 127.0.0.1. */
    readonly apiPort: number;
    /** Ports for sandboxes on the host, and at the same time k3s's node ports. */
    readonly ports: PortBlock;
    /** Address sandboxes are published on. @default 127.0.0.1 */
    readonly bindAddress?: string;
    /** Folder with image archives that k3s imports, for machines without a registry. */
    readonly imageArchives?: string;
    /** Further names and addresses under which the API is reached. @default none */
    readonly tlsSans?: readonly string[];
    /** Further k3s settings, see `RESERVED_K3S_SETTINGS`. @default none */
    readonly k3s?: K3sSettings;
    /** Content of k3s's `registries.yaml`. @default none */
    readonly registries?: pulumi.Input<object>;
    /** Memory the container may use, in MiB; changes in place. @default no limit */
    readonly memoryMiB?: number;
    /** Docker daemon, as in DOCKER_HOST, e.g. `ssh://user@server`. @default DOCKER_HOST */
    readonly dockerHost?: string;
}

/** The k3s gateway and what every sandbox in it shares. */
export class Gateway extends pulumi.ComponentResource implements Cluster {
    readonly provider: k8s.Provider;
    readonly namespace: pulumi.Output<string>;
    readonly storageClass: pulumi.Output<string>;
    readonly running: boolean;
    /** local-path neither enforces nor changes sizes. */
    readonly canGrow = false;
    readonly serviceType = "NodePort";
    readonly internalNetworks = [constants.CLUSTER_CIDR, constants.SERVICE_CIDR];
    /** The data volume. Everything in Kubernetes is stored in it. */
    readonly storage: docker.Volume;
    /** Administrator's kubeconfig; it names only what is in state and is valid while stopped. */
    readonly kubeconfig: pulumi.Output<string>;
    /** Name of the Kubernetes node and of the container's host. */
    readonly nodeName: string;
    /** Name of the container, the volume and the network. */
    readonly dockerName: string;
    private readonly bindAddress: string;

    constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
        // Whether it runs is not what it is: a stop shows what it changes, and nothing besides.
        const { running, ...description } = args;
        super(`${constants.TYPE_PREFIX}:Gateway`, name, description, opts);
        this.running = running;
        this.nodeName = names.nodeName(args.name);
        this.dockerName = names.dockerName(args.name);
        this.bindAddress = args.bindAddress ?? constants.LOOPBACK;

        const provider = new docker.Provider(`${name}-docker`, dockerSettings(args), {
            parent: this,
            protect: false,
        });
        const state: pulumi.CustomResourceOptions = { parent: this, provider };
        const cattle: pulumi.CustomResourceOptions = { ...state, protect: false };

        this.storage = new docker.Volume(
            `${name}-data`,
            { name: this.dockerName },
            { ...state, ignoreChanges: ["labels", "driver", "driverOpts"] },
        );
        const identity = new Identity(`${name}-identity`, { parent: this });
        const network = createNetwork(name, args, cattle);
        const container = createContainer(name, args, { identity, network, gateway: this }, cattle);

        this.kubeconfig = pulumi.secret(
            pulumi.all([identity.serverCa, identity.admin]).apply(([serverCa, client]) =>
                renderKubeconfig({
                    name: this.dockerName,
                    endpoint: `127.0.0.1:${args.apiPort}`,
                    serverCa: serverCa.cert,
                    client,
                }),
            ),
        );
        this.provider = new k8s.Provider(
            `${name}-kubernetes`,
            {
                kubeconfig: this.kubeconfig,
                clusterIdentifier: names.clusterIdentifier(args.name),
                // While stopped, what is stored counts. The change of this flag is also what makes the
                // engine open a fresh connection after a start.
                skipUpdateUnreachable: !args.running,
                ...PROVIDER_SETTINGS,
            },
            // Order only: a property of the container in here would replace everything with it.
            { parent: this, protect: false, dependsOn: container ? [container] : [] },
        );
        const object: pulumi.CustomResourceOptions = {
            parent: this,
            provider: this.provider,
            deletedWith: this.storage,
        };
        this.namespace = createNamespace(name, object);
        this.storageClass = createStorageClass(name, object);
        createHandshake(name, this.namespace, identity, object);

        this.registerOutputs({
            nodeName: this.nodeName,
            dockerName: this.dockerName,
            kubeconfig: this.kubeconfig,
            namespace: this.namespace,
            storageClass: this.storageClass,
        });
    }

    address(nodePort: pulumi.Input<number>): pulumi.Output<Address> {
        const host = this.bindAddress === "0.0.0.0" ? "127.0.0.1" : this.bindAddress;
        return pulumi.output(nodePort).apply((port) => ({ host, port }));
    }
}

function dockerSettings(args: GatewayArgs): docker.ProviderArgs {
    return args.dockerHost === undefined ? {} : { host: args.dockerHost };
}

/** A network with a fixed subnet: k3s keeps its node's address and does not start with another. */
function createNetwork(
    name: string,
    args: GatewayArgs,
    opts: pulumi.CustomResourceOptions,
): docker.Network {
    const subnet = parseSubnet(args.subnet);
    if (!subnet) {
        throw new pulumi.InputPropertyError({
            propertyPath: "subnet",
            reason: `got ${JSON.stringify(args.subnet)}; must be an IPv4 subnet such as 172.30.18.0/24`,
        });
    }
    return new docker.Network(
        `${name}-network`,
        {
            name: names.dockerName(args.name),
            driver: "bridge",
            ipamConfigs: [{ subnet: args.subnet, gateway: hostAddress(subnet, 1) }],
            options: { "com.docker.network.bridge.name": names.bridgeName(args.name) },
        },
        { ...opts, deleteBeforeReplace: true },
    );
}

function createContainer(
    name: string,
    args: GatewayArgs,
    parts: { identity: Identity; network: docker.Network; gateway: Gateway },
    opts: pulumi.CustomResourceOptions,
): docker.Container | undefined {
    // Named after the reference: an upgrade pulls the new image before the old container goes.
    const image = new docker.RemoteImage(
        `${name}-image-${names.shortHash(args.image)}`,
        { name: args.image, keepLocally: true },
        opts,
    );
    if (!args.running) {
        return undefined;
    }
    const { identity, network, gateway } = parts;
    const archives = args.imageArchives;
    return new docker.Container(
        `${name}-k3s`,
        containerSpec(args, {
            nodeName: gateway.nodeName,
            dockerName: gateway.dockerName,
            image: image.imageId,
            network: network.name,
            volume: gateway.storage.name,
            identity,
            ...(archives === undefined ? {} : { imageArchives: path.resolve(archives) }),
        }),
        { ...opts, deleteBeforeReplace: true },
    );
}

/** k3s's local-path, but a volume whose claim is gone stays. */
function createStorageClass(
    name: string,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
    const storageClass = new k8s.storage.v1.StorageClass(
        `${name}-workspace-class`,
        {
            metadata: {
                name: constants.WORKSPACE_CLASS,
                labels,
                annotations: { defaultVolumeType: "local" },
            },
            provisioner: "rancher.io/local-path",
            reclaimPolicy: "Retain",
            // A folder named after the claim: a sandbox that is removed and added again finds its own.
            parameters: { pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}" },
            volumeBindingMode: "WaitForFirstConsumer",
        },
        opts,
    );
    return storageClass.metadata.name;
}

function createHandshake(
    name: string,
    namespace: pulumi.Output<string>,
    identity: Identity,
    opts: pulumi.CustomResourceOptions,
): void {
    new k8s.core.v1.Secret(
        `${name}-handshake`,
        {
            metadata: { name: constants.HANDSHAKE_SECRET, namespace, labels },
            stringData: { secret: identity.handshakeSecret },
        },
        opts,
    );
}
