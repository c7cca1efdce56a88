/** A gateway: k3s in a Docker container whose identity and data outlive it. */
import * as docker from "@pulumi/docker";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { PROVIDER_SETTINGS, type Address, type Cluster } from "../cluster/cluster";
import * as constants from "../../model/constants";
import { DataVolume } from "./dataVolume";
import { nameIsFree } from "./freeNames";
import type { GatewayArgs } from "./args";
import {
    bridgeAddress,
    containerRevision,
    containerSpec,
    isLoopback,
    ownAddress,
} from "./container";
import { createNetwork } from "./network";
import { FixedPorts } from "../cluster/fixedPorts";
import { createDevicePlugin } from "./devicePlugin";
import { Identity } from "./identity";
import type { Gate } from "../sandbox/gate";
import { keeperSpec } from "./keeper";
import { renderKubeconfig } from "./kubeconfig";
import * as names from "../../model/names";
import type { KeyPair } from "./pki";
import { labels } from "./manifests";
import { createNamespace } from "../cluster/namespace";
import { outboundImages, type OutboundImages } from "../outbound/pod";
import { askHolders } from "../cluster/portHolders";
import { formatBlock, type PortBlock } from "../../model/ports";
import { createStorageClass } from "./storageClass";

/** The k3s gateway and what every sandbox in it shares. */
export class Gateway extends pulumi.ComponentResource implements Cluster {
    readonly provider: k8s.Provider;
    readonly namespace: pulumi.Output<string>;
    readonly storageClass: pulumi.Output<string>;
    readonly running: boolean;
    /** local-path neither enforces nor changes sizes. */
    readonly canGrow = false;
    /** local-path makes folders that everyone may write to. */
    readonly fsGroup = false;
    readonly revision: pulumi.Output<string>;
    readonly serviceType = "NodePort";
    readonly fixedPorts: FixedPorts;
    readonly ports: PortBlock;
    readonly internalNetworks = [constants.CLUSTER_CIDR, constants.SERVICE_CIDR];
    readonly ownNetworks: readonly string[];
    readonly clientNetworks?: readonly string[];
    readonly hostAddresses: readonly string[];
    readonly gate: Gate;
    readonly outboundImages: OutboundImages;
    readonly machine: string;
    /** The data volume. Everything in Kubernetes is stored in it. */
    readonly storage: docker.Volume;
    /** Administrator's kubeconfig; it names only what is in state and is valid while stopped. */
    readonly kubeconfig: pulumi.Output<string>;
    /** Name of the Kubernetes node and of the container's host. */
    readonly nodeName: string;
    /** Name of the container, the volume and the network. */
    readonly dockerName: string;
    readonly names: readonly string[];
    private readonly bindAddress: string;
    /** Where all addresses of the Docker host are reached. */
    private readonly dockerAddress: string;

    constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
        // Whether it runs is not what it is: a stop shows what it changes, and nothing besides.
        const { running, ...description } = args;
        super(`${constants.TYPE_PREFIX}:Gateway`, name, description, opts);
        this.running = running;
        this.ports = args.ports;
        this.nodeName = names.nodeName(args.name);
        this.dockerName = names.dockerName(args.name);
        this.bindAddress = args.bindAddress ?? constants.LOOPBACK;
        const elsewhere = args.dockerHost !== undefined && !args.dockerHost.startsWith("unix:");
        this.dockerAddress = (elsewhere ? args.apiHost : undefined) ?? constants.LOOPBACK;
        const { apiHost = constants.LOOPBACK, credentialsGeneration: generation } = args;
        this.names = apiHost === constants.LOOPBACK ? [] : [apiHost];

        const provider = new docker.Provider(
            `${name}-docker`,
            args.dockerHost === undefined ? {} : { host: args.dockerHost },
            {
                parent: this,
                protect: false,
            },
        );
        const state: pulumi.CustomResourceOptions = { parent: this, provider };
        const cattle: pulumi.CustomResourceOptions = { ...state, protect: false };
        // Fixed names: nothing is made beside what a killed run has left, or over somebody else's.
        const isFree = nameIsFree(name, args.dockerHost);

        const image = createImage(name, args, cattle);
        const identity = new Identity(`${name}-identity`, image, { parent: this }, generation);
        const data = new DataVolume(
            `${name}-data`,
            this.dockerName,
            identity,
            args.image,
            args.dockerHost,
            state,
        );
        this.storage = data.resource;
        const network = createNetwork(
            name,
            args,
            [{ label: constants.LABEL_OWNER, value: identity.fingerprint }],
            // Only once the volume is ours: what is refused for its volume leaves nothing in Docker.
            { ...cattle, dependsOn: [this.storage], hooks: { beforeCreate: [isFree] } },
        );
        this.ownNetworks = [args.subnet];
        this.hostAddresses = args.hostAddresses ?? [];
        if (isLoopback(this.bindAddress)) {
            // From there alone Docker hands on what reaches a port on the loopback.
            this.clientNetworks = [`${bridgeAddress(args)}/32`];
        }
        // Its own address needs no service to be set up first, and answers whoever is not kept out.
        const target = { host: ownAddress(args), port: constants.K3S_API_PORT };
        this.gate = { image: args.gateImage ?? constants.GATE_IMAGE, target };
        this.outboundImages = outboundImages(args.outboundImages);
        this.machine = bridgeAddress(args);
        const archives = args.imageArchives;
        const parts = { image: image.imageId, network: network.name, volume: data.name, identity };
        const spec = containerSpec(args, {
            ...parts,
            nodeName: this.nodeName,
            dockerName: this.dockerName,
            ...(archives === undefined ? {} : { imageArchives: path.resolve(archives) }),
        });
        this.revision = containerRevision(spec, args.image, identity.token);
        const disposable: pulumi.CustomResourceOptions = {
            ...cattle,
            deleteBeforeReplace: true,
            // One that did not get healthy is made again by the next run; an update would neither
            // start it nor wait for it, and everything after it would find no API.
            replaceOnChanges: ["#initerror"],
            hooks: { beforeCreate: [data.isThere, isFree] },
        };
        const container = running
            ? new docker.Container(`${name}-k3s`, spec, disposable)
            : undefined;
        if (!running) {
            new docker.Container(`${name}-keeper`, keeperSpec(args, parts), disposable);
        }

        const kubeconfigOf = (holder: pulumi.Output<KeyPair>) =>
            pulumi.secret(
                pulumi.all([identity.serverCa, holder]).apply(([serverCa, client]) =>
                    renderKubeconfig({
                        name: this.dockerName,
                        endpoint: `${args.apiHost ?? constants.LOOPBACK}:${args.apiPort}`,
                        serverCa: serverCa.cert,
                        client,
                    }),
                ),
            );
        this.kubeconfig = kubeconfigOf(identity.person);
        this.provider = new k8s.Provider(
            `${name}-kubernetes`,
            {
                kubeconfig: kubeconfigOf(identity.admin),
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
        this.storageClass = createStorageClass(name, this.dockerName, object);
        this.fixedPorts = new FixedPorts(
            () => askHolders(this.kubeconfig, this.dockerName, this.namespace),
            args.ports,
        );
        createHandshake(name, this.namespace, identity, object);
        if (args.gpus !== undefined) {
            createDevicePlugin(name, { ...object, protect: false });
        }
        warnOfOpenPorts(this, args);

        this.registerOutputs({
            nodeName: this.nodeName,
            dockerName: this.dockerName,
            kubeconfig: this.kubeconfig,
            namespace: this.namespace,
            storageClass: this.storageClass,
        });
    }

    address(nodePort: pulumi.Input<number>): pulumi.Output<Address> {
        const host = this.bindAddress === "0.0.0.0" ? this.dockerAddress : this.bindAddress;
        return pulumi.output(nodePort).apply((port) => ({ host, port }));
    }
}

/** Named after the reference: an upgrade pulls the new image before the old container goes. */
function createImage(
    name: string,
    { image }: GatewayArgs,
    opts: pulumi.CustomResourceOptions,
): docker.RemoteImage {
    return new docker.RemoteImage(
        `${name}-image-${names.shortHash(image)}`,
        { name: image, keepLocally: true },
        opts,
    );
}

/** Whoever reaches a published port reaches the application: that is said, not only documented. */
function warnOfOpenPorts(gateway: Gateway, { bindAddress, ports }: GatewayArgs): void {
    if (bindAddress === undefined || isLoopback(bindAddress)) {
        return;
    }
    void pulumi.log.warn(
        `gateway.bindAddress is ${bindAddress}: whoever reaches this machine reaches every sandbox on ports ${formatBlock(ports)}, without encryption; 127.0.0.1 and a tunnel or a proxy with TLS is safer`,
        gateway,
    );
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
