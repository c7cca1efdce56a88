/** Pure: what a network policy allows that another one does not. */
import { ordered } from "../model/ordered";
import { contains, overlaps, parseSubnet } from "../model/subnet";

/** A NetworkPolicy's spec, as far as it is compared. */
export interface PolicySpec {
    readonly podSelector?: object;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
}

interface Rule {
    readonly from?: readonly Peer[];
    readonly to?: readonly Peer[];
    readonly ports?: readonly object[];
}

interface Peer {
    readonly ipBlock?: { readonly cidr?: string; readonly except?: readonly string[] };
    readonly [selector: string]: unknown;
}

/** One of a rule's peers with one of its ports: what is allowed, in the smallest parts. */
interface Way {
    /** @default everybody */
    readonly peer?: Peer;
    /** @default every port */
    readonly port?: object;
}

const DIRECTIONS = ["ingress", "egress"] as const;

/**
 * What `after` allows and none of `before` does. Where it cannot be told, it counts as more: a network
 * that two of before have between them, say.
 *
 * @param before one policy for a change; several for what is new beside them
 * @param ports whether a port of its own is something more
 */
export function widened(
    before: readonly PolicySpec[],
    after: PolicySpec,
    { ports = true } = {},
): string[] {
    return DIRECTIONS.flatMap((direction) => {
        const type = direction === "ingress" ? "Ingress" : "Egress";
        if (after.policyTypes !== undefined && !after.policyTypes.includes(type)) {
            const was = before.some(({ policyTypes }) => policyTypes?.includes(type));
            return was ? [`${direction} is no longer limited`] : [];
        }
        const known = before.flatMap((policy) => waysOf(policy[direction]));
        return waysOf(after[direction])
            .filter(
                (way) =>
                    !known.some(
                        (old) =>
                            covers(old.peer, way.peer) &&
                            (!ports || old.port === undefined || same(old.port, way.port)),
                    ),
            )
            .map((way) => `${direction} ${describe(way, direction)}`);
    });
}

function waysOf(rules: readonly Rule[] = []): Way[] {
    return rules.flatMap(({ from, to, ports }) => {
        const peers = [...(from ?? []), ...(to ?? [])];
        return (peers.length > 0 ? peers : [undefined]).flatMap((peer) =>
            (ports && ports.length > 0 ? ports : [undefined]).map((port) => ({
                ...(peer === undefined ? {} : { peer }),
                ...(port === undefined ? {} : { port }),
            })),
        );
    });
}

/** Whether one peer is all that another is. */
function covers(wide: Peer | undefined, narrow: Peer | undefined): boolean {
    if (wide === undefined || same(wide, narrow)) {
        return true;
    }
    const inner = parseSubnet(narrow?.ipBlock?.cidr ?? "");
    const outer = parseSubnet(wide.ipBlock?.cidr ?? "");
    if (!inner || !outer || !contains(outer, inner)) {
        return false;
    }
    const excepted = (narrow?.ipBlock?.except ?? []).map(parseSubnet);
    return (wide.ipBlock?.except ?? []).map(parseSubnet).every(
        (hole) =>
            hole !== undefined &&
            // What was left out is outside, or is left out still.
            (!overlaps(hole, inner) || excepted.some((own) => own && contains(own, hole))),
    );
}

function describe({ peer, port }: Way, direction: (typeof DIRECTIONS)[number]): string {
    const who =
        peer === undefined ? "everybody" : (peer.ipBlock?.cidr ?? JSON.stringify(ordered(peer)));
    const { port: number, protocol = "TCP" } = (port ?? {}) as { port?: number; protocol?: string };
    const where = port === undefined ? "" : `, ${protocol} ${number ?? "all ports"}`;
    return `${direction === "ingress" ? "from" : "to"} ${who}${where}`;
}

/** Whether two values are one, whatever the order of their keys. */
export function same(a: unknown, b: unknown): boolean {
    return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}
