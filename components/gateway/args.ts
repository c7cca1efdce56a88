/** What a gateway is. */
import type * as pulumi from "@pulumi/pulumi";
import type { K3sSettings } from "./k3sConfig";
import type { ArgumentKey } from "../cluster/argumentKey";
import type { OutboundImages } from "../cluster/outboundImages";
import type { PortBlock } from "../../model/ports";

/**
 * Plain values decide which resources exist and what they are called. What is a `pulumi.Input` is content:
 * it may be secret, and known only while the program runs.
 */
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
    /** Environment of k3s whose values are secret. @default none */
    readonly secretEnv?: pulumi.Input<Readonly<Record<string, string>>>;
    /** Docker daemon, as in DOCKER_HOST, e.g. `ssh://user@server`. @default DOCKER_HOST */
    readonly dockerHost?: string;
    /** How messages name arguments of the gateway and of its sandboxes. @default in the components' own terms */
    readonly argumentKey?: ArgumentKey;
}
