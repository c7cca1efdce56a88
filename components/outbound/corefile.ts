/**
 * Pure: CoreDNS's configuration. Each sandbox asks on a port of its own, and is told the address at which
 * it finds the outbound proxy for every name that its rules list. Any other name is not there: what cannot
 * be asked for, nothing can be sent by.
 */
import { namesOf } from "../../model/hosts";
import type { Client, Listeners } from "./listeners";

/** Port that tells the kubelet that it answers. */
export const READY_PORT = 8181;

/** Seconds for which a sandbox may remember an address, which is the same as long as it lives. */
const SECONDS = 30;

/** What a line of the log about a name begins with, before the sandbox, the name, its type and the answer. */
export const DNS_LOG = "dns";

/**
 * The configuration. @param addresses where each sandbox finds the proxy
 */
export function renderCorefile(
    clients: readonly Client[],
    listeners: ReadonlyMap<string, Listeners>,
    addresses: Readonly<Record<string, string>>,
): string {
    const health = `.:8053 {
    ready :${READY_PORT}
    health :8080 {
        lameduck 2s
    }
}
`;
    const servers = clients.flatMap((client) => {
        const port = listeners.get(client.sandbox)?.dns;
        const address = addresses[client.sandbox];
        return port === undefined || address === undefined ? [] : [server(client, port, address)];
    });
    return [health, ...servers].join("\n");
}

function server({ sandbox, hosts, resolvesAll }: Client, port: number, address: string): string {
    const { names, suffixes } = namesOf(hosts);
    const patterns = [...names, ...suffixes.map((suffix) => `*${suffix}`)].map(pattern);
    const match = patterns.map((each) => `        match ${each}\n`).join("");
    return `.:${port} {
    log . "${DNS_LOG} ${sandbox} {name} {type} {rcode}"
    errors
    template IN A {
${match}        answer "{{ .Name }} ${SECONDS} IN A ${address}"
        fallthrough
    }
    template IN ANY {
${match}        rcode NOERROR
        fallthrough
    }
${resolvesAll ? "    forward . /etc/resolv.conf\n    cache 30\n" : "    template ANY ANY {\n        rcode NXDOMAIN\n    }\n"}}
`;
}

/** A regular expression for a name as DNS writes it; `*` is one label or more. */
function pattern(name: string): string {
    const escaped = name.replaceAll(".", "\\.").replace(/^\*/, "([^.]+\\.)*[^.]+");
    return `(?i)^${escaped}\\.$`;
}
