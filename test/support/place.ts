/** Where a test's gateway can be. */
import { formatBlock, type PortBlock } from "../../components/ports";
import { blocksIn, freeBlock, freeSubnet, startingAt, subnetsIn } from "../../settings/free";
import { readHostNetworks } from "../../settings/thisMachine";
import { findBusyPort } from "../../toolchain/machine";

/** Where ports are looked for: below the ports of outgoing connections. */
const PORTS = { first: 20000, last: 31999 };

/** What stacks of this process have been given: while stopped, nothing else shows it. */
const given: { readonly subnet: string; readonly ports: PortBlock }[] = [];

/**
 * A subnet and `size` neighbouring ports that nothing on this machine has now, nor another stack of
 * this process.
 */
export async function findPlace(size: number): Promise<{ subnet: string; ports: PortBlock }> {
    // By process, so that two runs begin apart.
    const { pid } = process;
    const used = readHostNetworks().map(({ cidr }) => cidr);
    const subnet = freeSubnet(
        [...used, ...given.map((place) => place.subnet)],
        startingAt(subnetsIn("10.213"), pid),
    );
    const ports = await freeBlock(
        given.map((place) => place.ports),
        (candidates) => findBusyPort("127.0.0.1", candidates),
        startingAt(blocksIn(PORTS, size), pid),
    );
    if (subnet === undefined || ports === undefined) {
        throw new Error(
            `no place for a test gateway: subnet of 10.213.0.0/16: ${subnet ?? "none is free"}; ${size} neighbouring ports of ${formatBlock(PORTS)}: ${ports === undefined ? "none are free" : "found"}`,
        );
    }
    given.push({ subnet, ports });
    return { subnet, ports };
}
