/** Pure: which destinations of a sandbox go through the outbound proxy, and which do not. */
import type { Egress } from "../components/cluster/networkPolicy";
import type { HostRule } from "../model/hosts";
import type { SandboxSettings } from "./schema";

/** What a sandbox reaches through the proxy, in plain values. */
export interface PlainOutboundRules {
    readonly hosts: readonly HostRule[];
    readonly inference?: { readonly baseUrl: string; readonly apiKey: string };
    readonly resolvesAll: boolean;
}

/** Destinations by address: a network policy opens them, without the proxy. */
export function byAddress({ egress }: Pick<SandboxSettings, "egress">): Egress[] {
    return egress.filter((rule): rule is Egress => typeof rule === "string" || !("host" in rule));
}

/** The sandbox's rules for the proxy. @returns undefined when nothing goes through it */
export function outboundRules(
    sandbox: Pick<SandboxSettings, "egress" | "dns" | "inference">,
): PlainOutboundRules | undefined {
    const hosts = sandbox.egress.filter(
        (rule): rule is HostRule => typeof rule === "object" && "host" in rule,
    );
    const { inference } = sandbox;
    const proxied = inference?.proxy === true;
    if (hosts.length === 0 && !proxied) {
        return undefined;
    }
    return {
        hosts,
        ...(proxied ? { inference } : {}),
        // A sandbox that may reach every public address has to resolve every name.
        resolvesAll: sandbox.dns ?? byAddress(sandbox).some(isInternet),
    };
}

/** Whether a destination is every public address. */
export function isInternet(rule: Egress): boolean {
    return rule === "internet" || "internet" in rule;
}
