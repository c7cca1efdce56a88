/**
 * Pure: free subnets and ports for a gateway on this machine. New stacks, error messages and tests all search
 * here, so that "free" has one definition.
 */
import { GATEWAY_DEFAULTS } from "../model/defaults";
import { portsOf, type PortBlock } from "../model/ports";
import { overlaps, parseSubnet, subnetOf } from "../model/subnet";

/** The last port of a block: Linux uses ports from 32768 on for outgoing connections. */
const LAST_PORT = 32767;

const { subnet: defaultSubnet, ports: defaultPorts, apiPort: defaultApiPort } = GATEWAY_DEFAULTS;

/** The first three numbers of the default subnet, a /24. */
const [A, B, C] = defaultSubnet.split(".");

/**
 * Subnets for new gateways; none overlaps k3s's own. Those in 10.213 come before the default one and
 * its neighbours: Docker gives the others to any network that asks for no subnet, so that the subnet of
 * a stopped gateway whose network was pruned may be another's by then.
 */
export const SUBNETS = [
    ...subnetsIn("10.213"),
    ...subnetsIn(`${A}.${B}`, Number(C)),
    ...subnetsIn("192.168", 128),
];

/** Blocks for sandboxes, each as long as the default one, which is the first. */
export const BLOCKS = blocksIn(
    { first: defaultPorts.first, last: LAST_PORT },
    portsOf(defaultPorts).length,
);

/** Ports for the Kubernetes API, the default one first; none is in a block. */
export const API_PORTS = blocksIn({ first: defaultApiPort, last: defaultPorts.first - 1 }, 1);

/**
 * The /24 networks in a /16, in CIDR notation.
 *
 * @param network first two numbers of the /16
 * @param first third number of the first /24
 */
export function subnetsIn(network: string, first = 0): string[] {
    return Array.from({ length: 256 - first }, (_, i) => `${network}.${first + i}.0/24`);
}

/** Neighbouring blocks of `size` ports in a range. */
export function blocksIn({ first, last }: PortBlock, size: number): PortBlock[] {
    return Array.from({ length: Math.floor((last - first + 1) / size) }, (_, i) => ({
        first: first + i * size,
        last: first + (i + 1) * size - 1,
    }));
}

/** The same candidates, in a circle from the `start`-th on, so that parallel searches seldom find the same one. */
export function startingAt<T>(candidates: readonly T[], start: number): T[] {
    const index = start % candidates.length;
    return [...candidates.slice(index), ...candidates.slice(0, index)];
}

/**
 * The first candidate that overlaps no used network.
 *
 * @param used networks in CIDR notation
 * @returns undefined when there is none
 */
export function freeSubnet(
    used: readonly string[],
    candidates: readonly string[] = SUBNETS,
): string | undefined {
    const taken = used.map(parseSubnet).filter((subnet) => subnet !== undefined);
    return candidates.find(
        (candidate) => !taken.some((subnet) => overlaps(subnet, subnetOf(candidate))),
    );
}

/**
 * The first candidate of which all ports are free.
 *
 * @param claimed ports that another gateway has, whether or not something listens on them now
 * @param findBusy the first of some ports that something listens on
 * @returns undefined when there is none
 */
export async function freeBlock(
    claimed: readonly PortBlock[],
    findBusy: (ports: readonly number[]) => Promise<number | undefined>,
    candidates: readonly PortBlock[],
): Promise<PortBlock | undefined> {
    for (const candidate of candidates) {
        const meets = claimed.some(
            ({ first, last }) => first <= candidate.last && candidate.first <= last,
        );
        if (!meets && (await findBusy(portsOf(candidate))) === undefined) {
            return candidate;
        }
    }
    return undefined;
}
