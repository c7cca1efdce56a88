/** How a container meets its networks, as the Docker API wants it. Pure. */

import type Docker from "dockerode";
import { asNumber, asString, asStrings, text } from "../../host/values";
import type { Obj } from "../../host/values";
import { nonEmpty, pruned } from "./helpers";

/** How a container joins one of its `networksAdvanced`. */
export function endpointSettings(network: Obj): Docker.EndpointSettings {
    const options = asStrings(network.driverOpts) ?? [];
    const address = pruned({
        IPv4Address: asString(network.ipv4Address) || undefined,
        IPv6Address: asString(network.ipv6Address) || undefined,
        LinkLocalIPs: nonEmpty(asStrings(network.linkLocalIps) ?? []),
    });
    const settings = {
        Aliases: nonEmpty(asStrings(network.aliases) ?? []),
        MacAddress: asString(network.macAddress) || undefined,
        GwPriority: asNumber(network.gwPriority),
        DriverOpts: options.length > 0 ? Object.fromEntries(options.map(pair)) : undefined,
        IPAMConfig: Object.keys(address).length > 0 ? address : undefined,
    };
    return pruned(settings);
}

/** "key=value" taken apart at the first equals sign. */
function pair(entry: string): [string, string] {
    const at = entry.indexOf("=");
    return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

export function portBindings(ports: Obj[]): Docker.PortMap | undefined {
    if (ports.length === 0) {
        return undefined;
    }
    const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
    for (const port of ports) {
        const key = `${text(port.internal)}/${asString(port.protocol) ?? "tcp"}`;
        const external = asNumber(port.external);
        (bindings[key] ??= []).push({
            HostIp: asString(port.ip) ?? "",
            HostPort: external === undefined ? "" : String(external),
        });
    }
    return bindings;
}
