/** Pure: under which name a browser finds a sandbox's page, apart from all others of the machine. */
import { LOOPBACK } from "./constants";

/**
 * Browsers take every name below `localhost` for this machine, and each for a site of its own: it is sent no
 * cookies of another, and an address such as 127.0.0.1 has one jar for all ports.
 *
 * @param host where ports are published
 * @returns undefined where the page is not on this machine's loopback
 */
export function ownName(sandbox: string, host: string): string | undefined {
    return host === LOOPBACK ? `${sandbox}.localhost` : undefined;
}
