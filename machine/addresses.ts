/** Pure: public addresses of the gateway's own machine, which sandboxes take for the internet. */
import type { NetworkInterfaceInfo } from "node:os";
import { isPublic } from "../components/cluster/networkPolicy";
import { byAddress, isInternet } from "../settings/outbound";
import type { Settings } from "../settings/schema";

/** Public IPv4 addresses of interfaces, sorted. */
export function publicAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
    const found = Object.values(interfaces)
        .flatMap((addresses) => addresses ?? [])
        .filter(({ family, address }) => family === "IPv4" && isPublic(address))
        .map(({ address }) => address);
    return [...new Set(found)].sort();
}

/**
 * A warning that names the machine's addresses which sandboxes reach. The program does not close them by
 * itself: a laptop's addresses change, and each change would show as a change of every network policy.
 *
 * @returns undefined when there is no such address, or no sandbox may reach the internet
 */
export function explainReachable(
    { gateway, existingCluster, sandboxes }: Settings,
    addresses: readonly string[],
): string | undefined {
    const open = addresses.filter((address) => !gateway.hostAddresses.includes(address));
    const reach = Object.entries(sandboxes)
        .filter(([, sandbox]) => byAddress(sandbox).some(isInternet))
        .map(([name]) => name);
    return existingCluster || open.length === 0 || reach.length === 0
        ? undefined
        : `this machine has the public address ${open.join(", ")}: what listens there is the internet to ${reach.join(", ")}; closed by gateway.hostAddresses: ${JSON.stringify([...gateway.hostAddresses, ...open])}`;
}
