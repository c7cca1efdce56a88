/** A gateway: k3s in a Docker container whose identity and data outlive it. */
import * as docker from "@pulumi/docker";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { PROVIDER_SETTINGS, type Address, type Cluster } from "./cluster";
import * as constants from "./constants";
import { DataVolume } from "./dataVolume";
import { nameIsFree } from "./freeNames";
import {
    bridgeAddress,
    containerRevision,
    containerSpec,
    isLoopback,
    ownAddress,
} from "./gatewayContainer";
import { createNetwork } from "./gatewayNetwork";
import { FixedPorts } from "./fixedPorts";
import { createDevicePlugin } from "./gpu";
import { Identity } from "./identity";
import type { Gate } from "./gate";
import { keeperSpec } from "./keeper";
import { renderKubeconfig } from "./kubeconfig";
import type { K3sSettings } from "./k3sConfig";
import * as names from "./names";
import type { KeyPair } from "./pki";
import { labels } from "./manifests";
import { createNamespace } from "./namespace";
import { outboundImages, type OutboundImages } from "./outbound/pod";
import { askHolders } from "./portHolders";
import { formatBlock, type PortBlock } from "./ports";
import { createStorageClass } from "./storageClass";

/** Everything here decides which resources exist or what they are called: plain values only. */
export interface GatewayArgs {
    /** Name of the gateway on its machine: 1 to 53 characters. Identity; never change it. */
    readonly name: string;
    /** Whether the container exists. Nothing else goes when it goes; a keeper takes its place. */
    readonly running: boolean;
    /**
     * Image of the gate in front of each sandbox: a shell and busybox's `nc`.
     * @default the busybox that k3s brings along
     */
    readonly gateImage?: string;
    /** Images of the outbound proxy. @default HAProxy's official one, and k3s's own CoreDNS */
    readonly outboundImages?: Partial<OutboundImages>;
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
    /**
     * Public IPv4 addresses of the Docker host: no part of the internet that sandboxes may reach. Given,
     * and not looked for, so that a policy says the same wherever a laptop is. @default none
     */
    readonly hostAddresses?: readonly string[];
    /**
     * Host name or address under which the Kubernetes API is reached from here. Another one than
     * 127.0.0.1 publishes it on `bindAddress`. @default 127.0.0.1
     */
    readonly apiHost?: string;
    /** Folder with image archives that k3s imports, for machines without a registry. */
    readonly imageArchives?: string;
    /** Raise it for a new administrator's certificate; the old one opens nothing from the next start on. @default 1 */
    readonly credentialsGeneration?: number;
    /** Further names and addresses under which the API is reached. @default none */
    readonly tlsSans?: readonly string[];
    /** Further k3s settings; k3sFlags.ts tells which are not for the taking. @default none */
    readonly k3s?: K3sSettings;
    /** Content of k3s's `registries.yaml`. @default none */
    readonly registries?: pulumi.Input<object>;
    /** Memory the container may use, in MiB; changes in place. @default no limit */
    readonly memoryMiB?: number;
    /**
     * Weight of the container when CPUs are short; changes in place. Docker's hard limits either cannot
     * change in place (`cpus`) or keep a kubelet on cgroup v1 from starting (`cpuSet`).
     * @default Docker's own, 1024
     */
    readonly cpuShares?: number;
    /** GPUs the container gets: `all` or `device=ID[,ID...]`. Its image has to bring NVIDIA's runtime. */
    readonly gpus?: string;
    /** Further names in the container's hosts file; an address or `host-gateway`. @default none */
    readonly hostAliases?: Readonly<Record<string, string>>;
    /** DNS servers in place of the machine's, IPv4, at most three; sandboxes use them too. @default the machine's */
    readonly dns?: readonly string[];
    /** Certificates of authorities, PEM, that image pulls trust beside the public ones. @default none */
    readonly caCertificates?: readonly string[];
    /**
     * Environment of k3s, for example a proxy: what NO_PROXY has to name of the gateway is added.
     * @default none
     */
    readonly env?: Readonly<Record<string, string>>;
    /** The same with values that are secret. @default none */
    readonly secretEnv?: pulumi.Input<Readonly<Record<string, string>>>;
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
