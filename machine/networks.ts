/** Finds a network of this machine that the gateway's subnet would collide with. */
import type { NetworkInterfaceInfo } from "node:os";
import ipaddr from "ipaddr.js";
import { bridgeName } from "../model/names";
import { overlaps, parseSubnet, type Subnet } from "../model/subnet";
import { freeSubnet } from "./freePlaces";
import type { Problem } from "../settings/problems";

/** An IPv4 network that is in use here. */
export interface HostNetwork {
    /** Interface it is on. */
    readonly name: string;
    /** In CIDR notation. */
    readonly cidr: string;
    /** Whether this machine has an address in it, or only a way to it. */
    readonly kind: "connected" | "route";
}

/**
 * Networks of the interfaces. Docker gives each of its networks a bridge with an address, whether or
 * not a container uses it, so they are among these.
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
 * The kernel's routing table as Linux shows it in /proc/net/route. Default routes are left out, and so
 * are the two halves of everything that a VPN sets in place of one: a network here wins over both.
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
 * The first network of the machine, other than the gateway's own, that a new gateway would be in the
 * way of, or the other way round. For a gateway that exists it is not asked: its subnet is settled.
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
 * A wider route is none: the more specific wins, and a VPN that routes all private addresses would
 * leave none to choose. An equal or narrower one would take the gateway's traffic. A network that the
 * machine is in is one however wide: the gateway would hide the neighbours that have its addresses,
 * and of Docker's own networks Docker refuses any that overlap.
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
