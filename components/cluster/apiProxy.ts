/** Pure: the proxy on the way to a cluster, by the rules of Go's clients, which the provider follows. */
import ipaddr from "ipaddr.js";

/**
 * The proxy that the environment names for a server. A machine never reaches itself through one.
 *
 * @returns undefined when it is reached directly
 */
export function proxyOf(server: string, env: NodeJS.ProcessEnv): string | undefined {
    const { protocol, hostname, port } = new URL(server);
    const name = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
    const proxy = env[name] || env[name.toLowerCase()];
    const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
    if (!proxy || host === "localhost" || isLoopback(host)) {
        return undefined;
    }
    const excepted = (env["NO_PROXY"] || env["no_proxy"] || "").split(",");
    const own = port || (protocol === "https:" ? "443" : "80");
    if (excepted.some((entry) => matches(entry.trim().toLowerCase(), host, own))) {
        return undefined;
    }
    return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function isLoopback(host: string): boolean {
    return ipaddr.isValid(host) && ipaddr.process(host).range() === "loopback";
}

/** Whether an exception is for a host: a network, an address, a domain with all below it, or `*`. */
function matches(entry: string, host: string, port: string): boolean {
    if (entry === "" || entry === "*") {
        return entry === "*";
    }
    if (entry.includes("/")) {
        return isIn(host, entry);
    }
    const [, name = entry, ofPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
    if (ipaddr.isValid(entry)) {
        return entry === host;
    }
    if (ofPort !== undefined && ofPort !== port) {
        return false;
    }
    const domain = name.replace(/^\*(?=\.)/, "");
    return domain.startsWith(".")
        ? host.endsWith(domain)
        : host === domain || host.endsWith(`.${domain}`);
}

function isIn(host: string, network: string): boolean {
    if (!ipaddr.isValid(host) || !ipaddr.isValidCIDR(network)) {
        return false;
    }
    const address = ipaddr.process(host);
    const [base, bits] = ipaddr.parseCIDR(network);
    return address.kind() === base.kind() && address.match(base, bits);
}
