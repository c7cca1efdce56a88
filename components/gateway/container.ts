/** The gateway's container as Docker sees it. */
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as constants from "../../model/constants";
import { keyedDigest } from "../digest";
import { apiAddress, bindAddress, bridgeAddress, isLoopback, ownAddress } from "./addresses";
import type { GatewayArgs } from "./args";
import { k3sSettings, publishedPorts } from "./k3sSettings";
import type { Identity } from "./identity";
import { asYaml, renderK3sConfig } from "./k3sConfig";
import { manifests } from "./manifests";
import { sortedEntries } from "../../model/ordered";
import { portsOf } from "../../model/ports";
import { withoutProxy } from "./proxyVariables";
import { ENTRYPOINT_PARTS, script } from "../scripts";

const KUBELET_PORT = 10250;

const ENTRYPOINT = "/usr/local/bin/sandbox-gateway-entrypoint";

/** Parts of the entrypoint, and the health check. */
const SCRIPTS_DIR = "/usr/local/lib/sandbox-gateway";

/** Names of the machine in the container; the second is upstream's. */
const HOST_ALIASES = {
    "host.docker.internal": "host-gateway",
    "host.openshell.internal": "host-gateway",
};

/**
 * Seconds k3s needs to end when its pods are gone: it lets its components run on for up to 5, and some
 * for a busy disk.
 */
const K3S_END_SECONDS = 10;

/** Other resources, and values from them, that the container is made of. */
export interface ContainerParts {
    readonly nodeName: string;
    readonly dockerName: string;
    readonly image: pulumi.Input<string>;
    readonly network: pulumi.Input<string>;
    readonly volume: pulumi.Input<string>;
    readonly identity: Identity;
    /** Absolute path of the folder of image archives. */
    readonly imageArchives?: string;
}

/** Inputs of the container. Every field that Docker would fill in by itself is given, see comments. */
export function containerSpec(args: GatewayArgs, parts: ContainerParts): docker.ContainerArgs {
    return {
        name: parts.dockerName,
        hostname: parts.nodeName,
        image: parts.image,
        entrypoints: ["/bin/sh", ENTRYPOINT],
        command: ["server"],
        labels: [{ label: constants.LABEL_OWNER, value: parts.identity.fingerprint }],
        // cgroupnsMode is left to Docker: `private` with cgroup v2, where pods' limits hold only within
        // this container's own, and `host` with v1, where a privileged container must have it.
        privileged: true,
        restart: "unless-stopped",
        // Docker reports this value back; unset, every refresh would show a replacement.
        networkMode: "bridge",
        networksAdvanced: [
            {
                name: parts.network,
                ipv4Address: ownAddress(args),
            },
        ],
        ...(args.dns === undefined || args.dns.length === 0 ? {} : { dns: [...args.dns] }),
        hosts: Object.entries({ ...HOST_ALIASES, ...args.hostAliases }).map(([host, ip]) => ({
            host,
            ip,
        })),
        ports: publishedPorts({
            bindAddress: bindAddress(args),
            apiAddress: apiAddress(args),
            apiPort: args.apiPort,
            apiPortInside: constants.K3S_API_PORT,
            ports: portsOf(args.ports),
        }),
        volumes: [
            { volumeName: parts.volume, containerPath: constants.K3S_DATA_DIR },
            ...(parts.imageArchives === undefined
                ? []
                : [
                      {
                          hostPath: parts.imageArchives,
                          containerPath: `${constants.K3S_DATA_DIR}/agent/images/host`,
                          readOnly: true,
                      },
                  ]),
        ],
        // Sockets, process ids and network namespaces of the previous run must not survive a restart.
        tmpfs: { "/run": "", "/var/run": "" },
        envs: environment(args, parts),
        uploads: uploads(args, parts),
        logDriver: "json-file",
        logOpts: { "max-size": "10m", "max-file": "3" },
        // All five, in the form in which Docker gives durations back. Cheap enough for a battery: a
        // check of a gateway that is ready reads a file for half a minute, see health.sh.
        healthcheck: {
            tests: ["CMD", "/bin/sh", `${SCRIPTS_DIR}/health.sh`],
            interval: "2s",
            timeout: "1m30s",
            startPeriod: "0s",
            retries: 5,
        },
        wait: true,
        // A slow disk with image archives to import; nothing is pulled before.
        waitTimeout: 300,
        destroyGraceSeconds: constants.GATEWAY_GRACE_SECONDS,
        stopTimeout: constants.GATEWAY_GRACE_SECONDS,
        // Without a value for swap Docker sets twice the memory, and the next preview would show a change.
        ...(args.memoryMiB === undefined
            ? {}
            : { memory: args.memoryMiB, memorySwap: args.memoryMiB }),
        ...(args.cpuShares === undefined ? {} : { cpuShares: args.cpuShares }),
        ...(args.gpus === undefined ? {} : { gpus: args.gpus }),
    };
}

/** What Docker or the provider changes in place: no pod notices. */
const IN_PLACE = [
    "memory",
    "memorySwap",
    "cpuShares",
    "wait",
    "waitTimeout",
    "destroyGraceSeconds",
];

/**
 * A keyed digest of everything that makes a new container, known in every preview once the identity
 * is in the state: sandboxes that carry it are awaited again when the container was replaced.
 *
 * @param spec of `containerSpec`; its image may be unknown, so the reference stands for it
 */
export function containerRevision(
    spec: docker.ContainerArgs,
    reference: string,
    key: pulumi.Output<string>,
): pulumi.Output<string> {
    const lasting = sortedEntries({ ...spec, image: reference }).filter(
        ([name]) => !IN_PLACE.includes(name),
    );
    return keyedDigest(pulumi.output(lasting), key);
}

/** Ports of the container that are for the host's loopback alone, as iptables takes them. */
function localPorts(args: GatewayArgs): string {
    const { first, last } = args.ports;
    return [
        // The kubelet's: nobody outside has a reason to.
        KUBELET_PORT,
        ...(isLoopback(apiAddress(args)) ? [constants.K3S_API_PORT] : []),
        ...(isLoopback(bindAddress(args)) ? [`${first}:${last}`] : []),
    ].join(" ");
}

/** Environment of the container: SANDBOX_GATEWAY_* for the entrypoint, then the user's own for k3s. */
function environment(
    args: GatewayArgs,
    { volume, nodeName }: ContainerParts,
): pulumi.Input<pulumi.Input<string>[]> {
    const { env = {}, secretEnv } = args;
    const own = [args.subnet, nodeName];
    const drain = constants.GATEWAY_GRACE_SECONDS - K3S_END_SECONDS;
    const ours = [
        pulumi.interpolate`SANDBOX_GATEWAY_VOLUME=${volume}`,
        `SANDBOX_GATEWAY_ADDRESS=${ownAddress(args)}`,
        `SANDBOX_GATEWAY_PODS=${constants.CLUSTER_CIDR}`,
        `SANDBOX_GATEWAY_BRIDGE=${bridgeAddress(args)}`,
        `SANDBOX_GATEWAY_LOCAL_PORTS=${localPorts(args)}`,
        `SANDBOX_GATEWAY_DRAIN_SECONDS=${drain}`,
    ];
    return secretEnv === undefined
        ? [...ours, ...assignments(withoutProxy(env, own))]
        : pulumi
              .all([pulumi.output(ours), pulumi.secret(secretEnv)])
              .apply(([clear, secret]) => [
                  ...clear,
                  ...assignments(withoutProxy({ ...env, ...secret }, own)),
              ]);
}

function assignments(variables: Readonly<Record<string, string>>): string[] {
    return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

/** Files that must be in place before k3s starts for the first time. */
function uploads(
    args: GatewayArgs,
    { identity, nodeName }: ContainerParts,
): docker.types.input.ContainerUpload[] {
    // Beside the volume: the entrypoint puts them in when it has seen that the volume is ours.
    const tls = "/etc/sandbox-gateway/tls";
    const secretFile = (file: string, content: pulumi.Input<string>) => ({
        file,
        content,
        permissions: "0600",
    });
    const config = identity.token.apply((token) =>
        renderK3sConfig(
            k3sSettings({
                nodeName,
                token,
                ports: args.ports,
                tlsSans: [...(args.apiHost ? [args.apiHost] : []), ...(args.tlsSans ?? [])],
                extra: args.k3s ?? {},
            }),
        ),
    );
    return [
        { file: ENTRYPOINT, content: script("gateway/entrypoint.sh"), executable: true },
        ...[...ENTRYPOINT_PARTS, "health.sh" as const].map((name) => ({
            file: `${SCRIPTS_DIR}/${name}`,
            content: script(`gateway/${name}`),
        })),
        // Go's programs, which is what pulls, read every file in this folder beside the public ones.
        ...(args.caCertificates ?? []).map((content, i) => ({
            file: `/etc/ssl/certs/sandbox-gateway-${i + 1}.pem`,
            content,
        })),
        ...manifests(args.credentialsGeneration).map(({ file, content }) => ({
            file: `/etc/sandbox-gateway/manifests/${file}`,
            content,
        })),
        secretFile(constants.K3S_CONFIG_FILE, config),
        secretFile(
            constants.K3S_NODE_PASSWORD_FILE,
            pulumi.interpolate`${identity.nodePassword}\n`,
        ),
        secretFile(`${tls}/server-ca.crt`, identity.serverCa.cert),
        secretFile(`${tls}/server-ca.key`, identity.serverCa.key),
        secretFile(`${tls}/client-ca.crt`, identity.clientCa.cert),
        secretFile(`${tls}/client-ca.key`, identity.clientCa.key),
        ...(args.registries === undefined
            ? []
            : [
                  secretFile(
                      "/etc/rancher/k3s/registries.yaml",
                      pulumi.secret(pulumi.jsonStringify(args.registries).apply(asYaml)),
                  ),
              ]),
    ];
}
