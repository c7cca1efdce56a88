/** Pure: destinations that a sandbox reaches by name, through the outbound proxy. */

/** A destination by name. */
export interface HostRule {
    /** Host name, or `*.` and a domain for every name below it. */
    readonly host: string;
    /** TCP ports: TLS, but for 80, which is plain HTTP. @default 443 */
    readonly ports?: readonly number[];
    /** Whether its address may be one of a private network. @default false */
    readonly private?: boolean;
}

/** The one port of plain HTTP, where the request names the host; on all others TLS does. */
export const HTTP_PORT = 80;

/** Under this name, and on `HTTP_PORT`, a sandbox finds its model; upstream's name for it. */
export const INFERENCE_HOST = "inference.local";

const WILDCARD = "*.";

/** Ports of a rule. */
export function portsOf({ ports = [443] }: HostRule): readonly number[] {
    return ports;
}

/** What follows the one label or more that `*` stands for, with its dot. @returns undefined for a name */
function suffixOf({ host }: HostRule): string | undefined {
    return host.startsWith(WILDCARD) ? host.slice(WILDCARD.length - 1) : undefined;
}

/** Names and suffixes of rules, each once and in an order that does not change by itself. */
export function namesOf(rules: readonly HostRule[]): {
    readonly names: readonly string[];
    readonly suffixes: readonly string[];
} {
    const names = rules.filter((rule) => suffixOf(rule) === undefined).map(({ host }) => host);
    const suffixes = rules.flatMap((rule) => suffixOf(rule) ?? []);
    return { names: [...new Set(names)].sort(), suffixes: [...new Set(suffixes)].sort() };
}
