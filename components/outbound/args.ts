/** What the outbound proxy is made from. */
import type * as pulumi from "@pulumi/pulumi";
import type { HostRule } from "../../model/hosts";
import type { Cluster } from "../cluster/cluster";

/** What one sandbox reaches through the proxy. */
export interface OutboundRules {
    /** Destinations by name. @default none */
    readonly hosts?: readonly HostRule[];
    /** Its model: the key stays with the proxy. @default none */
    readonly inference?: {
        readonly baseUrl: pulumi.Input<string>;
        readonly apiKey: pulumi.Input<string>;
    };
    /** Whether it resolves names that no rule lists, as well. @default false */
    readonly resolvesAll?: boolean;
}

/** What the proxy is. Plain values decide which resources exist. */
export interface OutboundProxyArgs {
    /** Where the sandboxes run. */
    readonly cluster: Cluster;
    /** What each sandbox reaches, by its name; those that reach nothing are left out. */
    readonly sandboxes: Readonly<Record<string, OutboundRules>>;
    /** Certificates of authorities, PEM, that models are trusted by beside the public ones. @default none */
    readonly caCertificates?: readonly string[];
}
