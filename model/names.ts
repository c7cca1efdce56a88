/** Names that are identity: pure functions of the gateway's configured name. */
import { createHash } from "node:crypto";
import { NAMESPACE } from "./constants";

const NODE_PREFIX = "openshell-";

const DOCKER_PREFIX = "openshell-cluster-";

const KEEPER_PREFIX = "openshell-keeper-";

/** Linux refuses a hostname over 64 bytes, and a Kubernetes label value ends at 63. */
const NODE_NAME_MAX = 63;

/**
 * The Kubernetes node name, which is also the container's hostname.
 *
 * Upstream's rule (`node_name` in openshell-bootstrap): ASCII letters and digits lower-cased, every
 * run of anything else becomes one `-`, none at either end, nothing left becomes `gateway`. Upstream
 * caps the result at 253 characters, with which a container does not start; ours ends at 63.
 */
export function nodeName(gateway: string): string {
    const room = NODE_NAME_MAX - NODE_PREFIX.length;
    const normalised = gateway
        .replace(/[^A-Za-z0-9]+/g, "-")
        .toLowerCase()
        .replace(/^-/, "")
        .slice(0, room)
        .replace(/-$/, "");
    return NODE_PREFIX + (normalised || "gateway");
}

/** Docker container, volume and network of a gateway; upstream's names, from the raw name. */
export function dockerName(gateway: string): string {
    return DOCKER_PREFIX + gateway;
}

/** The gateway of which this is the container, volume or network. */
export function gatewayOf(docker: string): string {
    return docker.slice(DOCKER_PREFIX.length);
}

/**
 * The container that stands in for the gateway's while it is stopped. Its prefix is its own: with an
 * ending in its place, a gateway could be called as another one's keeper is.
 */
export function keeperName(gateway: string): string {
    return KEEPER_PREFIX + gateway;
}

/** Whether a container is a gateway's keeper. */
export function isKeeperName(container: string): boolean {
    return container.startsWith(KEEPER_PREFIX);
}

/**
 * The Linux bridge of the gateway's network. A fixed name lets the check for clashing subnets tell
 * our own network from a stranger's; an interface name has at most 15 characters, hence the hash.
 */
export function bridgeName(gateway: string): string {
    return `sg-${createHash("sha256").update(gateway).digest("hex").slice(0, 12)}`;
}

/** Constant for the life of the gateway, so that no change of kubeconfig can replace the provider. */
export function clusterIdentifier(gateway: string): string {
    return `sandbox-gateway/${gateway}`;
}

/** A namespace's name is a DNS label. */
const LABEL_MAX = 63;

/** Hexadecimal digits of a stack's identity that its namespace is called after. */
const OWNER_DIGITS = 8;

/**
 * Namespace of a stack in a cluster that others use as well. A stack's name alone is none: everyone has
 * a `dev`.
 *
 * @param owner random identity of the stack, in hexadecimal
 */
export function ownNamespace(stack: string, owner: string): string {
    const ending = `-${owner.slice(0, OWNER_DIGITS)}`;
    const normalised = stack
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-/, "");
    return (
        `${NAMESPACE}-${normalised}`.slice(0, LABEL_MAX - ending.length).replace(/-$/, "") + ending
    );
}

/** The claim that a StatefulSet of one replica makes from its template `volume`. */
export function claimName(volume: string, sandbox: string): string {
    return `${volume}-${sandbox}-0`;
}

/** Name of a claim's resource in Pulumi's state. */
export function claimResource(sandbox: string, volume: string): string {
    return `${sandbox}-${volume}`;
}

/** Eight hexadecimal digits that stand for a text in a resource name. */
export function shortHash(text: string): string {
    return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
