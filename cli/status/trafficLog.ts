/** Pure: the logs of the outbound proxy, as one list. */
import { DNS_LOG } from "../../components/outbound/corefile";
import type { Verdict } from "../../components/outbound/haproxy";

/** One connection, or one question for a name. */
export interface Attempt {
    /** When, in UTC. */
    readonly at: string;
    readonly sandbox: string;
    /** What became of it; `resolved` and `not-resolved` are about a name. */
    readonly verdict: Verdict | "resolved" | "not-resolved";
    /** The host that was meant; empty when none was named. */
    readonly host: string;
    /** Port that was connected to. @default it is about a name */
    readonly port?: number;
    /** Where it went. @default nowhere */
    readonly address?: string;
}

/**
 * By time. What is not about a connection or a name is left out.
 *
 * @param connections HAProxy's log, each line with the time that the kubelet noted
 * @param names CoreDNS's, likewise
 */
export function parseTraffic(connections: string, names: string): Attempt[] {
    const found = [
        ...connections.split("\n").flatMap(connectionOf),
        ...names.split("\n").flatMap(nameOf),
    ];
    return found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** The time, to the millisecond, and the rest of a line. */
function split(line: string): { at: string; rest: string } {
    const [stamp = ""] = line.split(" ", 1);
    const time = Date.parse(stamp);
    const at = Number.isNaN(time) ? "" : new Date(time).toISOString();
    return { at, rest: line.slice(stamp.length + 1) };
}

function connectionOf(line: string): Attempt[] {
    const { at, rest } = split(line);
    const said = parseJson(rest);
    if (said === undefined || typeof said["sandbox"] !== "string") {
        return [];
    }
    const {
        sandbox,
        verdict,
        host = "",
        port,
        address,
    } = said as {
        readonly sandbox: string;
        readonly verdict: Verdict;
        readonly host?: string;
        readonly port: number;
        readonly address?: string;
    };
    return [
        {
            at: typeof said["at"] === "number" ? new Date(said["at"]).toISOString() : at,
            sandbox,
            verdict,
            host,
            port,
            ...(address === "" || address === undefined ? {} : { address }),
        },
    ];
}

function parseJson(text: string): Record<string, unknown> | undefined {
    if (!text.startsWith("{")) {
        return undefined;
    }
    try {
        return JSON.parse(text) as Record<string, unknown>;
    } catch {
        // Cut off by the kubelet, which turns its logs over.
        return undefined;
    }
}

const NAME = new RegExp(`^\\[INFO\\] ${DNS_LOG} (\\S+) (\\S+) (\\S+) (\\S+)$`);

/** Of an address alone: clients ask for others beside it, which no host here has. */
function nameOf(line: string): Attempt[] {
    const { at, rest } = split(line);
    const [, sandbox, name, type, code] = NAME.exec(rest) ?? [];
    if (sandbox === undefined || name === undefined || (type !== "A" && code === "NOERROR")) {
        return [];
    }
    const verdict = code === "NOERROR" ? "resolved" : "not-resolved";
    return [{ at, sandbox, verdict, host: name.replace(/\.$/, "") }];
}
