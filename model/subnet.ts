/** Pure: IPv4 subnets, their addresses, and whether two of them overlap. */
import ipaddr from "ipaddr.js";

/** An IPv4 network. */
export interface Subnet {
    /** CIDR notation, as it was written: where it becomes an input of a resource, it must stay the same. */
    readonly cidr: string;
    /** Network address as an unsigned 32-bit number. */
    readonly base: number;
    /** Length of the network part, 0 to 32. */
    readonly prefix: number;
}

/**
 * Parses `a.b.c.d/n`.
 *
 * @returns undefined when the text is not CIDR notation of a network address (host bits set counts).
 */
export function parseSubnet(text: string): Subnet | undefined {
    if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) {
        return undefined;
    }
    const [address, prefix] = ipaddr.IPv4.parseCIDR(text);
    const network = ipaddr.IPv4.networkAddressFromCIDR(text);
    return network.toString() === address.toString()
        ? { cidr: text, base: toNumber(network), prefix }
        : undefined;
}

/**
 * The subnet that a text stands for, where the text is known to be one.
 *
 * @throws Error when the text is not CIDR notation of a network address
 */
export function subnetOf(text: string): Subnet {
    const subnet = parseSubnet(text);
    if (subnet === undefined) {
        throw new Error(`${JSON.stringify(text)} is no IPv4 network`);
    }
    return subnet;
}

/** The `index`-th address of a subnet; 1 is the usual gateway. */
export function hostAddress(subnet: Subnet, index: number): string {
    const value = subnet.base + index;
    return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** The last address of a subnet that a host can have. */
export function lastHostAddress(subnet: Subnet): string {
    return hostAddress(subnet, 2 ** (32 - subnet.prefix) - 2);
}

/** Whether two subnets share an address. */
export function overlaps(a: Subnet, b: Subnet): boolean {
    const prefix = Math.min(a.prefix, b.prefix);
    const mask = prefix === 0 ? 0 : (~0 << (32 - prefix)) >>> 0;
    return (a.base & mask) >>> 0 === (b.base & mask) >>> 0;
}

/** Whether all of one subnet lies in another; each lies in itself. */
export function contains(outer: Subnet, inner: Subnet): boolean {
    return outer.prefix <= inner.prefix && overlaps(outer, inner);
}

function toNumber(address: ipaddr.IPv4): number {
    return address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
