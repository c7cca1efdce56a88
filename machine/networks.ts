/** Pure: networks of this machine, and whether a gateway's subnet overlaps one of them. */
import type { NetworkInterfaceInfo } from "node:os";
import ipaddr from "ipaddr.js";
import { bridgeName } from "../model/names";
import { overlaps, parseSubnet, type Subnet } from "../model/subnet";
import { freeSubnet } from "./freePlaces";
import type { Problem } from "../settings/problems";

/** An IPv4 network that this machine uses. */
export interface HostNetwork {
    /** Name of its interface. */
    readonly name: string;
    /** Its addresses, in CIDR notation. */
    readonly cidr: string;
    /** `connected` when this machine has an address in it, `route` when it only knows a way to it. */
    readonly kind: "connected" | "route";
}

/**
 * Networks of all interfaces, and routes. Docker's networks are among them: each has a bridge with an
 * address, whether or not a container uses the network.
 */
export function hostNetworks(
    interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
    routes: readonly HostNetwork[] = [],
): HostNetwork[] {
    const ofInterfaces = Object.entries(interfaces).flatMap(([name, addresses]) =>
        (addresses ?? [])
            .filter(({ family, cidr }) => family === "IPv4" && cidr !== null)
            .map(({ cidr }) => ({
                name,
                cidr: networkOf(cidr as string),
                kind: "connected" as const,
            })),
    );
    return [...ofInterfaces, ...routes];
}

/**
 * Routes of the kernel's routing table, as Linux shows it in /proc/net/route. Default routes are left out, and
 * so are 0.0.0.0/1 and 128.0.0.0/1, which VPNs set instead: any subnet is more specific and wins over them.
 */
export function parseRoutes(table: string): HostNetwork[] {
    return table
        .split("\n")
        .slice(1)
        .map((line) => line.split("\t"))
        .flatMap(([name, destination, , , , , , mask]) => {
            const prefix = mask === undefined ? 0 : bits(mask);
            return name && destination && prefix > 1
                ? [{ name, cidr: `${dotted(destination)}/${prefix}`, kind: "route" as const }]
                : [];
        });
}

/**
 * The problem of a new gateway's subnet: the first network of the machine, other than the gateway's own,
 * that it clashes with. An existing gateway is not checked: its subnet can no longer change.
 */
export function findClash(
    gateway: { readonly name: string; readonly subnet: Subnet },
    networks: readonly HostNetwork[],
): Problem | undefined {
    const own = bridgeName(gateway.name);
    const inUse = networks
        .filter(({ name }) => name !== own)
        .flatMap((network) => {
            const subnet = parseSubnet(network.cidr);
            return subnet === undefined ? [] : [{ ...network, subnet }];
        });
    const clash = inUse.find((network) => clashes(gateway.subnet, network));
    return (
        clash && {
            key: "gateway.subnet",
            got: gateway.subnet.cidr,
            rule: `not overlap ${clash.cidr}, which is in use on interface ${clash.name}`,
            example: freeSubnet(inUse.map(({ cidr }) => cidr)) ?? "one that you have made free",
        }
    );
}

/**
 * Whether a subnet clashes with a network. A wider route does not clash: the subnet is more specific and wins,
 * and a VPN that routes all private addresses would leave no subnet to choose. An equal or narrower route
 * clashes: it would take the gateway's traffic. A network that the machine is in clashes however wide it is:
 * the gateway would hide the machines there that have its addresses, and Docker refuses to make a network
 * that overlaps another of its own.
 */
function clashes(wanted: Subnet, { subnet, kind }: HostNetwork & { subnet: Subnet }): boolean {
    return overlaps(wanted, subnet) && (kind === "connected" || subnet.prefix >= wanted.prefix);
}

function networkOf(cidr: string): string {
    return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${cidr.split("/")[1]}`;
}

/** The kernel prints addresses as little-endian hexadecimal. */
function dotted(hex: string): string {
    return [6, 4, 2, 0].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(".");
}

function bits(hex: string): number {
    return [...parseInt(hex, 16).toString(2)].filter((bit) => bit === "1").length;
}
