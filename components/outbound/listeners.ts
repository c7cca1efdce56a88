/** Pure: on which ports the outbound proxy listens for whom. */
import { createHash } from "node:crypto";
import { HTTP_PORT, portsOf, type HostRule } from "../../model/hosts";

/** What one sandbox has to do with the proxy. */
export interface Client {
    /** Name of the sandbox. */
    readonly sandbox: string;
    /** Destinations by name. */
    readonly hosts: readonly HostRule[];
    /** Whether its model is reached through the proxy. */
    readonly inference: boolean;
    /** Whether it resolves names that no rule lists, as well. */
    readonly resolvesAll: boolean;
}

/** Ports in the proxy's pod for one sandbox: that it comes to them tells the proxy who it is. */
export interface Listeners {
    /** Where names are resolved, by UDP and TCP. @default no names are resolved */
    readonly dns?: number;
    /** By the port that the sandbox connects to. */
    readonly tcp: readonly Listener[];
}

/** A port of the proxy's pod, and the one that it stands for. */
export interface Listener {
    readonly port: number;
    readonly target: number;
}

/** Ports that each sandbox has in the pod: the first is for names. */
const BLOCK = 16;

/** Different ports that the rules of one sandbox may have. */
export const MOST_PORTS = BLOCK - 1;

/** Below them are ports of the pod's own. */
const FIRST = 10_000;

/** Blocks up to where Linux takes ports for connections of its own. */
const BLOCKS = Math.floor((32_768 - FIRST) / BLOCK);

/** Ports that the rules of a sandbox are about, in order. */
export function portsOfClient({ hosts, inference }: Client): number[] {
    const ports = new Set(hosts.flatMap(portsOf));
    return [...(inference ? ports.add(HTTP_PORT) : ports)].sort((a, b) => a - b);
}

/**
 * Ports for each sandbox. They follow from its name, so that a new sandbox does not move those of the
 * others; of two whose names lead to the same block, the later in the alphabet gets the next free one.
 *
 * @throws RangeError when there are more sandboxes than blocks
 */
export function listenersOf(clients: readonly Client[]): ReadonlyMap<string, Listeners> {
    if (clients.length > BLOCKS) {
        throw new RangeError(
            `the outbound proxy has ports for ${BLOCKS} sandboxes; got ${clients.length}`,
        );
    }
    const taken = new Set<number>();
    const inOrder = [...clients].sort((a, b) => (a.sandbox < b.sandbox ? -1 : 1));
    return new Map(
        inOrder.map((client) => {
            let block = blockOf(client.sandbox);
            while (taken.has(block)) {
                block = (block + 1) % BLOCKS;
            }
            taken.add(block);
            const first = FIRST + block * BLOCK;
            const tcp = portsOfClient(client).map((port, index) => ({
                port,
                target: first + 1 + index,
            }));
            return [client.sandbox, { ...(client.hosts.length > 0 ? { dns: first } : {}), tcp }];
        }),
    );
}

function blockOf(sandbox: string): number {
    return createHash("sha256").update(sandbox).digest().readUInt32BE(0) % BLOCKS;
}
