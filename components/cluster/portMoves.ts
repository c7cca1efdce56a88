/**
 * Pure: fixed ports that change hands. Kubernetes gives a node port to a Service only when no other has it,
 * so the Service that gives a port up is updated first; where that is impossible, the preview refuses.
 */
import { portsOf, type PortBlock } from "../../model/ports";
import type { ArgumentKey } from "./argumentKey";

/** Names of sandboxes by the node port that their Service has. */
export type Holders = ReadonlyMap<number, string>;

/** Fixed ports that are asked for, by sandbox. */
export type Wanted = ReadonlyMap<string, number>;

/** The sandbox that has the port which another asks for. @default nobody else has it */
export function holderOf(sandbox: string, wanted: Wanted, holders: Holders): string | undefined {
    const port = wanted.get(sandbox);
    const holder = port === undefined ? undefined : holders.get(port);
    return holder === sandbox ? undefined : holder;
}

/** What is wrong with what a sandbox asks for. */
export interface Refusal {
    /** The sandbox that it is said of: of those that go round, the first. */
    readonly sandbox: string;
    /** What was found, and what it must be. */
    readonly reason: string;
}

/**
 * Why a sandbox cannot get its port in one run.
 *
 * @param stays those without a fixed port, which keep what they have
 * @param block ports that are published @default not known
 * @param keyOf how the message names what sandboxes ask for
 */
export function refusalOf(
    sandbox: string,
    wanted: Wanted,
    stays: ReadonlySet<string>,
    holders: Holders,
    block: PortBlock | undefined,
    keyOf: ArgumentKey,
): Refusal | undefined {
    const path = [sandbox];
    for (;;) {
        const last = path.at(-1) ?? "";
        const holder = holderOf(last, wanted, holders);
        if (holder === undefined || stays.has(holder)) {
            return undefined;
        }
        if (!wanted.has(holder)) {
            return last === sandbox ? goes(sandbox, wanted.get(sandbox), holder) : undefined;
        }
        if (path.includes(holder)) {
            // A sandbox that waits for a ring is not part of it.
            return holder === sandbox ? goesRound(path, wanted, holders, block, keyOf) : undefined;
        }
        path.push(holder);
    }
}

function goes(sandbox: string, port: number | undefined, holder: string): Refusal {
    return {
        sandbox,
        reason: `got ${port}; must not be the port of ${holder}, which is published no more and has it until the end of this run; in two steps: \`pulumi up\` without this key, then with it`,
    };
}

function goesRound(
    ring: readonly string[],
    wanted: Wanted,
    holders: Holders,
    block: PortBlock | undefined,
    keyOf: ArgumentKey,
): Refusal {
    const names = [...ring].sort();
    const [first = ""] = names;
    const port = wanted.get(first);
    const asked = [...wanted.values()];
    const free = (block ? portsOf(block) : []).find(
        (each) => !holders.has(each) && !asked.includes(each),
    );
    return {
        sandbox: first,
        reason: `got ${port}; must not be in a ring: ${names.map((name) => keyOf(undefined, name)).join(" and ")} ask for each other's ports, and Kubernetes gives none away while another has it; in two steps: first ${keyOf("hostPort", first)} ${free ?? "that nobody has"} and \`pulumi up\`, then ${port} and \`pulumi up\` again`,
    };
}
