/** Rules of a sandbox's destinations: those that are never open, and those that need a single address with ports. */
import { CLUSTER_CIDR, K3S_API_PORT, LINK_LOCAL_CIDR, SERVICE_CIDR } from "../../model/constants";
import { closedNetworks, opensClosed, type Egress } from "../../components/cluster/networkPolicy";
import type { HostRule } from "../../model/hosts";
import { contains, hostAddress, subnetOf } from "../../model/subnet";
import type { Problem } from "../problems";
import type { GatewaySettings, PlaceSettings } from "../schema";

type Network = Extract<Egress, { readonly cidr: string }>;

/** The problems of a sandbox's destinations. @param key path of `egress` */
export function checkEgress(
    key: string,
    egress: readonly (Egress | HostRule)[],
    { gateway, existingCluster }: PlaceSettings,
): Problem[] {
    const closed = closedNetworks(
        existingCluster ?? {
            internalNetworks: [CLUSTER_CIDR, SERVICE_CIDR],
            ownNetworks: [gateway.subnet.cidr],
        },
    );
    const example = existingCluster
        ? '{"cidr": "192.168.7.20/32", "ports": [8080]}'
        : `{"cidr": "${hostAddress(gateway.subnet, 1)}/32", "ports": [11434]}`;
    return egress.flatMap((destination, index) => {
        if (destination === "internet" || !("cidr" in destination)) {
            return [];
        }
        const never = existingCluster ? undefined : neverOpen(destination, gateway);
        const network = opensClosed(destination, closed);
        const inside =
            network &&
            `not open ${network}, which is closed to sandboxes, but for a single address (/32) with ports`;
        const rule = never ?? inside;
        return rule === undefined
            ? []
            : [{ key: `${key}[${index}].cidr`, got: destination.cidr, rule, example }];
    });
}

/** Why a destination can never be open: the gateway drops it, or its gate relies on it being closed. */
function neverOpen({ cidr, ports = [] }: Network, gateway: GatewaySettings): string | undefined {
    if (contains(subnetOf(LINK_LOCAL_CIDR), subnetOf(cidr))) {
        return `not open ${LINK_LOCAL_CIDR}, where clouds have their metadata: the gateway drops all of it`;
    }
    return cidr === `${hostAddress(gateway.subnet, 2)}/32` && ports.includes(K3S_API_PORT)
        ? "not open the Kubernetes API, by which it is seen whether a sandbox is closed"
        : undefined;
}
