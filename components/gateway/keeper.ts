/**
 * The container that holds a stopped gateway's parts in Docker.
 *
 * Docker's clean-ups take what no container uses: volume, network and image. One that runs and does
 * nothing uses all three.
 */
import type * as docker from "@pulumi/docker";
import * as constants from "../../model/constants";
import type { GatewayArgs } from "./args";
import type { ContainerParts } from "./container";
import * as names from "../../model/names";
import { portsLabel } from "../../model/ports";
import { lastHostAddress, parseSubnet, type Subnet } from "../../model/subnet";

/** Process 1 has no default action for TERM: without the trap a reboot would wait ten seconds. */
const SLEEP = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done";

/** By number, for not every image names it: `nobody`. */
const NOBODY = "65534:65534";

/**
 * Megabytes it may use. A limit, not what it takes: what runs containers starts within it, and is
 * larger than any shell.
 */
const MEMORY_MIB = 32;

/** Inputs of the keeper. It can do nothing with what it holds: no user, no write, no capability. */
export function keeperSpec(
    args: Pick<GatewayArgs, "name" | "subnet" | "apiPort" | "ports">,
    {
        image,
        network,
        volume,
        identity,
    }: Pick<ContainerParts, "image" | "network" | "volume" | "identity">,
): docker.ContainerArgs {
    return {
        name: names.keeperName(args.name),
        hostname: "keeper",
        image,
        entrypoints: ["/bin/sh", "-c"],
        command: [SLEEP],
        labels: [{ label: constants.LABEL_OWNER, value: identity.fingerprint }, portsLabel(args)],
        user: NOBODY,
        readOnly: true,
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges"],
        restart: "unless-stopped",
        // Docker reports this value back; unset, every refresh would show a replacement.
        networkMode: "bridge",
        // Given, and not the gateway's: Docker's own choice would be the first that is free, which is
        // that one, and in a stop and a start both containers are there for a while.
        networksAdvanced: [
            { name: network, ipv4Address: lastHostAddress(parseSubnet(args.subnet) as Subnet) },
        ],
        // Mounted where the image declares a volume, for which Docker would create an anonymous one.
        volumes: [{ volumeName: volume, containerPath: constants.K3S_DATA_DIR, readOnly: true }],
        memory: MEMORY_MIB,
        // What Docker reports back where the kernel does not count swap, whatever was asked for.
        memorySwap: -1,
        logDriver: "json-file",
        logOpts: { "max-size": "1m", "max-file": "1" },
    };
}
