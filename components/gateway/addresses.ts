/** Pure: addresses of a gateway, which follow from its settings alone. */
import { LOOPBACK } from "../../model/constants";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import type { GatewayArgs } from "./args";

/** Whether an address is this machine's alone. */
export function isLoopback(address: string): boolean {
    return address.startsWith("127.");
}

/** Address that sandboxes are published on. */
export function bindAddress({
    bindAddress = GATEWAY_DEFAULTS.bindAddress,
}: Pick<GatewayArgs, "bindAddress">): string {
    return bindAddress;
}

/**
 * Address that the Kubernetes API is published on: the loopback, unless it was asked for elsewhere, for its
 * kubeconfig is an administrator's.
 */
export function apiAddress(args: Pick<GatewayArgs, "apiHost" | "bindAddress">): string {
    const here = args.apiHost === undefined || args.apiHost === LOOPBACK;
    return here ? LOOPBACK : bindAddress(args);
}

/** Address under which a port that is published on all of them is reached from here. */
export function pageAddress(
    args: Pick<GatewayArgs, "apiHost" | "bindAddress" | "dockerHost">,
): string {
    const published = bindAddress(args);
    if (published !== "0.0.0.0") {
        return published;
    }
    const elsewhere = args.dockerHost !== undefined && !args.dockerHost.startsWith("unix:");
    return (elsewhere ? args.apiHost : undefined) ?? LOOPBACK;
}

/** The container's address in its network, for ever. */
export function ownAddress({ subnet }: Pick<GatewayArgs, "subnet">): string {
    return hostAddress(parseSubnet(subnet) as Subnet, 2);
}

/** Address of the Docker host in the network, which is the source of connections to ports on its loopback. */
export function bridgeAddress({ subnet }: Pick<GatewayArgs, "subnet">): string {
    return hostAddress(parseSubnet(subnet) as Subnet, 1);
}
