/** Rules that keep a gateway the same gateway, and closed. */
import { K3S_CONFIG_FILE, K3S_DATA_DIR, LOOPBACK } from "../../model/constants";
import { openedBy } from "../../model/k3sIsolation";
import { parseYaml } from "../../model/yaml";
import { DEVELOPMENT_STACKS, inputs, lacksDigest, policy } from "./support";

interface Container {
    readonly hostname?: string;
    readonly volumes?: readonly {
        readonly volumeName?: string;
        readonly containerPath?: string;
        readonly readOnly?: boolean;
    }[];
    readonly networksAdvanced?: readonly { readonly ipv4Address?: string }[];
    readonly ports?: readonly { readonly ip?: string; readonly external?: number }[];
    readonly uploads?: readonly { readonly file: string; readonly content?: string }[];
}

interface Provider {
    readonly clusterIdentifier?: string;
    /** Provider inputs travel as text. */
    readonly deleteUnreachable?: string | boolean;
}

const DEFAULT_ADDRESSES = [LOOPBACK];

const CONTAINER = "docker:index/container:Container";

/** Whether a container runs k3s: it is given k3s's settings, or its data to write. */
function isGateway({ uploads, volumes }: Container): boolean {
    return (
        (uploads ?? []).some(({ file }) => file === K3S_CONFIG_FILE) ||
        (volumes ?? []).some(
            ({ containerPath, readOnly }) => containerPath === K3S_DATA_DIR && readOnly !== true,
        )
    );
}

/** k3s reads every such file after its `config.yaml`. */
function isFragment(file: string): boolean {
    return file.startsWith(`${K3S_CONFIG_FILE}.d/`);
}

/** What cannot be read cannot be judged, and k3s would not start with it. */
function opened(content: string): string[] {
    try {
        const config = parseYaml(content);
        return typeof config === "object" && config !== null
            ? openedBy(config as Record<string, unknown>)
            : [];
    } catch {
        return ["a file that is no YAML"];
    }
}

/** A rule about the gateway's container alone. */
function gatewayRule(
    name: string,
    description: string,
    remediation: string,
    check: (container: Container) => string | undefined,
) {
    return policy({
        name,
        description,
        remediation,
        check: (args, report) => {
            const container = inputs<Container>(args);
            const violation =
                args.type === CONTAINER && isGateway(container) ? check(container) : undefined;
            if (violation) {
                report(`${args.name} ${violation}`);
            }
        },
    });
}

export const gatewayPolicies = [
    gatewayRule(
        "hostname-is-node-name",
        "The gateway's hostname must be given and be the name of its Kubernetes node.",
        "Set `hostname`, and the same value as `node-name` in k3s's settings.",
        ({ hostname, uploads }) => {
            if (!hostname) {
                return "must set a hostname: Docker's own changes with every container.";
            }
            const config = uploads?.find(({ file }) => file === K3S_CONFIG_FILE)?.content;
            return config === undefined || config.includes(`node-name: ${JSON.stringify(hostname)}`)
                ? undefined
                : `must have the hostname ${hostname} as node-name in k3s's settings.`;
        },
    ),
    gatewayRule(
        "isolation-on",
        "k3s's settings must leave sandboxes closed: policies enforced, nobody let in unknown.",
        "Take out of k3s's settings what the message names.",
        ({ uploads = [] }) => {
            const found = uploads
                .filter(({ file }) => file === K3S_CONFIG_FILE || isFragment(file))
                .flatMap(({ content = "" }) => opened(content));
            return found.length === 0
                ? undefined
                : `must not open sandboxes in k3s's settings: ${found.join(", ")}.`;
        },
    ),
    gatewayRule(
        "data-on-named-volume",
        "k3s's data must lie on a named volume.",
        `Mount a docker.Volume by \`volumeName\` at ${K3S_DATA_DIR}.`,
        ({ volumes }) =>
            (volumes ?? []).some(
                (v) => v.containerPath === K3S_DATA_DIR && v.volumeName && !v.readOnly,
            )
                ? undefined
                : `must mount a named volume at ${K3S_DATA_DIR}.`,
    ),
    gatewayRule(
        "fixed-address",
        "The gateway must have a fixed address: k3s keeps it in its database.",
        "Set `ipv4Address` in `networksAdvanced`.",
        ({ networksAdvanced }) =>
            (networksAdvanced ?? []).some(({ ipv4Address }) => ipv4Address)
                ? undefined
                : "must have an ipv4Address in its network.",
    ),
    policy({
        name: "published-on-loopback",
        description:
            "The API and the sandboxes must be published on loopback, or on a listed address.",
        remediation: "Set `ip` of the port to 127.0.0.1, or list the address in `addresses`.",
        config: {
            addresses: {
                type: "array",
                items: { type: "string" },
                default: DEFAULT_ADDRESSES,
                description: "Addresses a gateway may publish ports on",
            },
        },
        check: (args, report) => {
            const container = inputs<Container>(args);
            if (args.type !== CONTAINER || !isGateway(container)) {
                return;
            }
            const { addresses = DEFAULT_ADDRESSES } = args.getConfig<{ addresses?: string[] }>();
            const open = (container.ports ?? []).find(
                ({ ip }) => !addresses.includes(ip ?? "0.0.0.0"),
            );
            if (open) {
                report(
                    `${args.name} must publish port ${open.external ?? "?"} on ${addresses.join(" or ")}, not on ${open.ip ?? "0.0.0.0"}.`,
                );
            }
        },
    }),
    policy({
        name: "gateway-image-by-digest",
        description: "Outside development stacks, the gateway's image must be named by digest.",
        remediation:
            "Write gateway.image as name@sha256:..., or list the stack in `developmentStacks`.",
        config: DEVELOPMENT_STACKS,
        check: (args, report) => {
            // The container has the image's id, which does not tell how the image was named. So every image
            // that Docker is told to pull is looked at; the program's only one is the gateway's.
            const { name } = inputs<{ name?: string }>(args);
            if (args.type === "docker:index/remoteImage:RemoteImage" && lacksDigest(args, name)) {
                report(`${args.name} must be named by digest, not ${name ?? "nothing"}.`);
            }
        },
    }),
    policy({
        name: "provider-keeps-resources",
        description:
            "A Kubernetes provider must have a constant cluster identifier and never delete what it cannot reach.",
        remediation: "Set `clusterIdentifier`, and leave `deleteUnreachable` unset.",
        check: (args, report) => {
            if (args.type !== "pulumi:providers:kubernetes") {
                return;
            }
            const { clusterIdentifier, deleteUnreachable } = inputs<Provider>(args);
            if (!clusterIdentifier) {
                report(
                    `${args.name} must set clusterIdentifier: without it, a new kubeconfig replaces everything.`,
                );
            }
            if (deleteUnreachable !== undefined && String(deleteUnreachable) !== "false") {
                report(
                    `${args.name} must not set deleteUnreachable: it forgets everything while the gateway is stopped.`,
                );
            }
        },
    }),
];
