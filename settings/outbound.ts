/** Pure: what of a sandbox's settings goes through the outbound proxy, and what does not. */
import type { Egress } from "../components/cluster/networkPolicy";
import type { HostRule } from "../model/hosts";
import type { SandboxSettings } from "./schema";

/** What a sandbox reaches through the proxy, in plain values. */
export interface PlainOutboundRules {
    readonly hosts: readonly HostRule[];
    readonly inference?: { readonly baseUrl: string; readonly apiKey: string };
    readonly resolvesAll: boolean;
}

/** Destinations by address, which a network policy is enough for. */
export function byAddress({ egress }: Pick<SandboxSettings, "egress">): Egress[] {
    return egress.filter((rule): rule is Egress => typeof rule === "string" || !("host" in rule));
}

/** What goes through the proxy. @returns undefined when nothing does */
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
        // Where anything is reached, anything has to be found.
        resolvesAll: sandbox.dns ?? byAddress(sandbox).some(isInternet),
    };
}

/** Whether a destination is every public address. */
export function isInternet(rule: Egress): boolean {
    return rule === "internet" || "internet" in rule;
}
