/** Pure: ports of this machine that a gateway has. */
import { LABEL_PORTS } from "./constants";

/** A contiguous block of ports, published once and never changed when sandboxes come and go. */

/** First and last port, both included. */
export interface PortBlock {
    readonly first: number;
    readonly last: number;
}

/** The ports of a block in order. */
export function portsOf(block: PortBlock): number[] {
    return Array.from({ length: block.last - block.first + 1 }, (_, i) => block.first + i);
}

/** As k3s's `service-node-port-range` and people write it: `31780-31799`. */
export function formatBlock(block: PortBlock): string {
    return `${block.first}-${block.last}`;
}

/** Whether `port` lies in `block`. */
export function contains(block: PortBlock, port: number): boolean {
    return port >= block.first && port <= block.last;
}

/**
 * A gateway's ports as a label in Docker, for whoever looks for free ones: a stopped gateway listens on
 * none, and its settings may be in another checkout, or another user's.
 */
export function portsLabel(gateway: { readonly apiPort: number; readonly ports: PortBlock }) {
    const api = { first: gateway.apiPort, last: gateway.apiPort };
    return { label: LABEL_PORTS, value: [api, gateway.ports].map(formatBlock).join(",") };
}

/** The blocks that such a label names. */
export function portsOfLabel(value: string): PortBlock[] {
    return [...value.matchAll(/(\d+)-(\d+)/g)].map(([, first, last]) => ({
        first: Number(first),
        last: Number(last),
    }));
}
