/** Reads networks and addresses of this machine; networks.ts and addresses.ts have the rules. */
import { existsSync, readFileSync } from "node:fs";
import * as os from "node:os";
import { publicAddresses } from "./addresses";
import { hostNetworks, parseRoutes, type HostNetwork } from "./networks";

/** The kernel's IPv4 routes; Linux only. */
const ROUTES = "/proc/net/route";

/** IPv4 networks of all interfaces and routes. */
export function readHostNetworks(): HostNetwork[] {
    const routes = existsSync(ROUTES) ? parseRoutes(readFileSync(ROUTES, "utf8")) : [];
    return hostNetworks(os.networkInterfaces(), routes);
}

/** Public IPv4 addresses of all interfaces, sorted. Behind a router with NAT there are none. */
export function readPublicAddresses(): string[] {
    return publicAddresses(os.networkInterfaces());
}

/**
 * Whether the Docker daemon is on this machine, so that its networks can be read.
 *
 * @param host as in DOCKER_HOST @default DOCKER_HOST itself
 */
export function dockerIsHere(host = process.env["DOCKER_HOST"]): boolean {
    return !host || host.startsWith("unix://");
}
