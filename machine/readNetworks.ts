/** Reads what this machine has; what it means is in machine/networks.ts. */
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

/** Public IPv4 addresses of all interfaces, sorted; none behind a router that translates addresses. */
export function readPublicAddresses(): string[] {
    return publicAddresses(os.networkInterfaces());
}

/**
 * Whether the Docker daemon is on this machine, so that its networks are seen from here.
 *
 * @param host as in DOCKER_HOST @default DOCKER_HOST itself
 */
export function dockerIsHere(host = process.env["DOCKER_HOST"]): boolean {
    return !host || host.startsWith("unix://");
}
