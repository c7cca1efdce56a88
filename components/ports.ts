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
