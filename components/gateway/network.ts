/** The gateway's own network in Docker. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { LABEL_OWNER } from "../../model/constants";
import * as names from "../../model/names";
import { hostAddress, parseSubnet } from "../../model/subnet";
import { inOwnTerms } from "../cluster/argumentKey";
import type { Identity } from "./identity";
import type { GatewayScope } from "./scope";

/**
 * Daemons can add options of their own to every network (`default-network-opts`; Docker Desktop sets
 * two since 4.42) and give it IPv6: these say what a gateway's network has, so that none is added.
 */
const ADDRESS_FAMILIES = {
    "com.docker.network.enable_ipv4": "true",
    // A second family would be a second subnet, and every preview would replace the network for it.
    "com.docker.network.enable_ipv6": "false",
};

/**
 * Creates the network, with a fixed subnet: k3s keeps its node's address and does not start with another.
 *
 * @param volume of the gateway: what is refused for its volume leaves no network in Docker
 */
export function createNetwork(
    { name, args, gateway, cattle, nameIsFree }: GatewayScope,
    identity: Identity,
    volume: docker.Volume,
): docker.Network {
    const subnet = parseSubnet(args.subnet);
    if (!subnet) {
        const key = (args.argumentKey ?? inOwnTerms)("subnet");
        throw new pulumi.ResourceError(
            `${key}: got ${JSON.stringify(args.subnet)}; must be an IPv4 subnet such as 172.30.18.0/24`,
            gateway,
            true,
        );
    }
    return new docker.Network(
        `${name}-network`,
        {
            name: names.dockerName(args.name),
            driver: "bridge",
            ipamConfigs: [{ subnet: args.subnet, gateway: hostAddress(subnet, 1) }],
            options: {
                "com.docker.network.bridge.name": names.bridgeName(args.name),
                ...ADDRESS_FAMILIES,
            },
            labels: [{ label: LABEL_OWNER, value: identity.fingerprint }],
        },
        {
            ...cattle,
            dependsOn: [volume],
            hooks: { beforeCreate: [nameIsFree] },
            deleteBeforeReplace: true,
            // Options are the daemon's as well as ours (an MTU, say), and cannot change in place: what it
            // added is no reason to replace the network, and the container with it. Name and subnet are.
            // A network of an earlier version has no label.
            ignoreChanges: ["options", "ipv6", "labels"],
        },
    );
}
