/** Outputs of the program as the state has them, see index.ts. */
import type { Session } from "../session";
import { exportState, type Export } from "./stackExport";

/** Those that the tools read. What the program leaves undefined is missing. */
export interface Outputs {
    /** @default there is no gateway */
    readonly container?: string;
    /** @default there is no gateway */
    readonly node?: string;
    /** Namespace of the sandboxes. @default there is nothing yet, or an earlier version has made it */
    readonly namespace?: string;
    /** @default there is nothing yet */
    readonly sandboxes?: readonly string[];
    /** Of the sandboxes that have one. */
    readonly urls?: Readonly<Record<string, string>>;
    readonly tokenUrls?: Readonly<Record<string, string>>;
}

/**
 * Reads the outputs of a stack.
 *
 * @param secrets whether secret ones are opened. @default false
 */
export async function readOutputs(
    session: Pick<Session, "env" | "progress">,
    { secrets = false } = {},
): Promise<Outputs> {
    const args = ["stack", "output", "--json", ...(secrets ? ["--show-secrets"] : [])];
    const { env, progress } = session;
    const outputs = parseOutputs(await progress.run("pulumi", args, { env, quiet: true }));
    if (outputs.container !== undefined || outputs.namespace !== undefined) {
        return outputs;
    }
    // An `up` that failed leaves none, nor did an earlier version leave this one.
    const namespace = namespaceOf(await exportState(session));
    return { ...outputs, ...(namespace === undefined ? {} : { namespace }) };
}

/** Outputs as JSON has them: a sandbox may be called like a method of every object. */
export function parseOutputs(json: string): Outputs {
    return JSON.parse(json, (_, value: unknown) =>
        typeof value === "object" && value !== null && !Array.isArray(value)
            ? Object.assign(Object.create(null) as object, value)
            : value,
    ) as Outputs;
}

/** The namespace that a stack's state has. */
function namespaceOf(exported: Export): string | undefined {
    const namespace = (exported.deployment?.resources ?? []).find(
        ({ type, delete: old }) => type === "kubernetes:core/v1:Namespace" && !old,
    );
    return (namespace?.outputs?.["metadata"] as { name?: string } | undefined)?.name;
}
