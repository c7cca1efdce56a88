/** Pure: blocks of ports that a gateway publishes on its machine. */
import { LABEL_PORTS } from "./constants";

/** A contiguous block of ports. A gateway publishes its block once, whichever sandboxes come and go. */
export interface PortBlock {
    readonly first: number;
    /** Included. */
    readonly last: number;
}

/** The ports of a block in order. */
export function portsOf(block: PortBlock): number[] {
    return Array.from({ length: block.last - block.first + 1 }, (_, i) => block.first + i);
}

/** A block as text, `31780-31799`: as settings and k3s's `service-node-port-range` have it. */
export function formatBlock(block: PortBlock): string {
    return `${block.first}-${block.last}`;
}

/** Whether `port` lies in `block`. */
export function contains(block: PortBlock, port: number): boolean {
    return port >= block.first && port <= block.last;
}

/**
 * The Docker label with a gateway's ports. Searches for free ports read it: a stopped gateway listens on
 * none, and its settings may be in another checkout, or another user's.
 */
export function portsLabel(gateway: { readonly apiPort: number; readonly ports: PortBlock }) {
    const api = { first: gateway.apiPort, last: gateway.apiPort };
    return { label: LABEL_PORTS, value: [api, gateway.ports].map(formatBlock).join(",") };
}

/** The blocks in the value of such a label. */
export function portsOfLabel(value: string): PortBlock[] {
    return [...value.matchAll(/(\d+)-(\d+)/g)].map(([, first, last]) => ({
        first: Number(first),
        last: Number(last),
    }));
}
