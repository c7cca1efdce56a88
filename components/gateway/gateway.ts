/** A gateway: k3s in a Docker container whose identity and data outlive it. */
import type * as docker from "@pulumi/docker";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as constants from "../../model/constants";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import * as names from "../../model/names";
import { formatBlock, type PortBlock } from "../../model/ports";
import { inOwnTerms, type ArgumentKey } from "../cluster/argumentKey";
import {
    objectOptions,
    recordedInputs,
    type Address,
    type Cluster,
    type Gate,
} from "../cluster/cluster";
import { FixedPorts } from "../cluster/fixedPorts";
import { createNamespace } from "../cluster/namespace";
import { outboundImages, type OutboundImages } from "../cluster/outboundImages";
import { askHolders } from "../cluster/portHolders";
import { bindAddress, bridgeAddress, isLoopback, ownAddress, pageAddress } from "./addresses";
import { createHandshake, createProvider, kubeconfigOf } from "./api";
import type { GatewayArgs } from "./args";
import { createContainers } from "./containers";
import { DataVolume } from "./dataVolume";
import { createDevicePlugin } from "./devicePlugin";
import { Identity } from "./identity";
import { createImage } from "./image";
import { createNetwork } from "./network";
import { gatewayScope } from "./scope";
import { createStorageClass } from "./storageClass";

/**
 * The k3s gateway and what every sandbox in it shares.
 *
 * @example
 * const gateway = new Gateway("gateway", {
 *     name: "dev",
 *     running: true,
 *     image: "rancher/k3s:v1.35.4-k3s1",
 *     subnet: "172.30.18.0/24",
 *     apiPort: 16443,
 *     ports: { first: 18789, last: 18808 },
 * }, { protect: true });
 */
export class Gateway extends pulumi.ComponentResource implements Cluster {
    readonly provider: k8s.Provider;
    readonly namespace: pulumi.Output<string>;
    readonly storageClass: pulumi.Output<string>;
    /** local-path neither enforces nor changes sizes. */
    readonly expandsClaims = false;
    /** local-path makes folders that everyone may write to. */
    readonly needsFsGroup = false;
    readonly podsRevision: pulumi.Output<string>;
    readonly serviceType = "NodePort";
    readonly fixedPorts: FixedPorts;
    readonly internalNetworks = [constants.CLUSTER_CIDR, constants.SERVICE_CIDR];
    /** The data volume. Everything in Kubernetes is stored in it. */
    readonly storage: docker.Volume;
    /** Administrator's kubeconfig; it names only what is in state and is valid while stopped. */
    readonly kubeconfig: pulumi.Output<string>;

    constructor(
        name: string,
        private readonly args: GatewayArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super(`${constants.TYPE_PREFIX}:Gateway`, name, recordedInputs(args), opts);
        const scope = gatewayScope(this, name, args);

        const image = createImage(scope);
        const identity = new Identity(
            `${name}-identity`,
            image,
            { parent: this },
            args.credentialsGeneration,
        );
        const volume = new DataVolume(scope, identity);
        this.storage = volume.resource;
        const network = createNetwork(scope, identity, this.storage);
        const { container, revision } = createContainers(scope, {
            image: image.imageId,
            network: network.name,
            volume,
            identity,
        });
        this.podsRevision = revision;

        this.kubeconfig = kubeconfigOf(args, identity, identity.person);
        this.provider = createProvider(scope, identity, container);
        const object = objectOptions(this, this);
        this.namespace = createNamespace(name, object);
        this.storageClass = createStorageClass(name, this.dockerName, object);
        this.fixedPorts = new FixedPorts(
            () => askHolders(this.kubeconfig, this.dockerName, this.namespace),
            this.argumentKey,
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

    /** Name of the Kubernetes node and of the container's host. */
    get nodeName(): string {
        return names.nodeName(this.args.name);
    }

    /** Name of the container, the volume and the network. */
    get dockerName(): string {
        return names.dockerName(this.args.name);
    }

    get running(): boolean {
        return this.args.running;
    }

    get ports(): PortBlock {
        return this.args.ports;
    }

    get names(): readonly string[] {
        const { apiHost = GATEWAY_DEFAULTS.apiHost } = this.args;
        return apiHost === constants.LOOPBACK ? [] : [apiHost];
    }

    get ownNetworks(): readonly string[] {
        return [this.args.subnet];
    }

    /** With ports on the loopback, Docker forwards only connections from the host, which come from the bridge. */
    get clientNetworks(): readonly string[] | undefined {
        return isLoopback(bindAddress(this.args)) ? [`${bridgeAddress(this.args)}/32`] : undefined;
    }

    get hostAddresses(): readonly string[] {
        return this.args.hostAddresses ?? [];
    }

    get machine(): string {
        return bridgeAddress(this.args);
    }

    /** Probed at the API's own address, which answers any pod that no policy keeps from it, without a Service. */
    get gate(): Gate {
        const target = { host: ownAddress(this.args), port: constants.K3S_API_PORT };
        return { image: this.args.gateImage ?? constants.GATE_IMAGE, target };
    }

    get outboundImages(): OutboundImages {
        return outboundImages(this.args.outboundImages);
    }

    get argumentKey(): ArgumentKey {
        return this.args.argumentKey ?? inOwnTerms;
    }

    address(nodePort: pulumi.Input<number>): pulumi.Output<Address> {
        const host = pageAddress(this.args);
        return pulumi.output(nodePort).apply((port) => ({ host, port }));
    }
}

/** Warns in every run that a published port lets anyone who reaches the machine use the application. */
function warnOfOpenPorts(gateway: Gateway, args: GatewayArgs): void {
    const address = bindAddress(args);
    if (isLoopback(address)) {
        return;
    }
    void pulumi.log.warn(
        `${gateway.argumentKey("bindAddress")} is ${address}: whoever reaches this machine reaches every sandbox on ports ${formatBlock(args.ports)}, without encryption; 127.0.0.1 and a tunnel or a proxy with TLS is safer`,
        gateway,
    );
}
