/** Where a test's gateway can be. */
import { createServer, type Server } from "node:net";
import { formatBlock, portsOf, type PortBlock } from "../../model/ports";
import { overlaps, parseSubnet, type Subnet } from "../../model/subnet";
import { blocksIn, startingAt, subnetsIn } from "../../machine/freePlaces";
import { readHostNetworks } from "../../machine/readNetworks";
import { findBusyPort } from "../../machine/busyPorts";

/** Below the ports of outgoing connections. */
const PORTS = { first: 20000, last: 31999 };

/** Ports of a place: the API's, six for sandboxes, and the one that the test itself holds. */
const SIZE = 8;

/** A subnet and neighbouring ports that are one test's alone until it gives them back. */
export interface Place {
    readonly subnet: string;
    readonly apiPort: number;
    readonly ports: PortBlock;
    /** Gives it back. The end of the process does, too. */
    release(): void;
}

/**
 * A place that nothing on this machine has, nor any test of this run or of another.
 *
 * A stopped gateway has no port by which others could see it, and may have lost its bridge. So the test listens
 * on the last port of its place for as long as it needs it: no two can, and no kill leaves it held.
 */
export async function findPlace(): Promise<Place> {
    const blocks = blocksIn(PORTS, SIZE);
    const places = subnetsIn("10.213").map((subnet, i) => ({
        subnet,
        ...(blocks[i] as PortBlock),
    }));
    // By process, so that two runs begin apart.
    for (const { subnet, first, last } of startingAt(places, process.pid)) {
        const holder = await listen(last);
        if (holder === undefined) {
            continue;
        }
        const ports = { first: first + 1, last: last - 1 };
        if (await isFree(subnet, [first, ...portsOf(ports)])) {
            return { subnet, apiPort: first, ports, release: () => void holder.close() };
        }
        holder.close();
    }
    throw new Error(
        `no place for a test gateway: no /24 of 10.213.0.0/16 is free together with its ${SIZE} ports of ${formatBlock(PORTS)}`,
    );
}

function listen(port: number): Promise<Server | undefined> {
    return new Promise((resolve) => {
        const server = createServer((socket) => socket.destroy());
        server.once("error", () => resolve(undefined));
        server.listen(port, "127.0.0.1", () => resolve(server.unref()));
    });
}

async function isFree(subnet: string, ports: readonly number[]): Promise<boolean> {
    const wanted = parseSubnet(subnet) as Subnet;
    const used = readHostNetworks().map(({ cidr }) => parseSubnet(cidr));
    return (
        !used.some((network) => network !== undefined && overlaps(network, wanted)) &&
        (await findBusyPort("127.0.0.1", ports)) === undefined
    );
}
