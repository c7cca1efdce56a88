/** Outputs of the program as the state has them, see index.ts. */
import type { Progress } from "../toolchain/progress";

/** Those that the tools read. What the program leaves undefined is missing. */
export interface Outputs {
    /** @default there is no gateway */
    readonly container?: string;
    /** @default there is no gateway */
    readonly node?: string;
    /** In a cluster that was there already. @default there is none */
    readonly namespace?: string;
    /** @default there is nothing yet */
    readonly sandboxes?: readonly string[];
    /** Of the sandboxes that have one. */
    readonly urls?: Readonly<Record<string, string>>;
    readonly tokenUrls?: Readonly<Record<string, string>>;
}

/**
 * Reads them.
 *
 * @param env environment of pulumi, which names the stack
 * @param secrets whether secret ones are opened. @default false
 */
export async function readOutputs(
    env: NodeJS.ProcessEnv,
    progress: Progress,
    { secrets = false } = {},
): Promise<Outputs> {
    const args = ["stack", "output", "--json", ...(secrets ? ["--show-secrets"] : [])];
    const outputs = parseOutputs(await progress.run("pulumi", args, { env, quiet: true }));
    if (outputs.container !== undefined || outputs.namespace !== undefined) {
        return outputs;
    }
    // An `up` that failed leaves none, nor did an earlier version leave this one.
    const exported = await progress.run("pulumi", ["stack", "export"], { env, quiet: true });
    const namespace = namespaceOf(JSON.parse(exported) as Export);
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

/** The part of `pulumi stack export` that is read. */
interface Export {
    readonly deployment?: {
        readonly resources?: readonly {
            readonly type: string;
            /** Replaced, and to be deleted still. */
            readonly delete?: boolean;
            readonly outputs?: { readonly metadata?: { readonly name?: string } };
        }[];
    };
}

/** The namespace that a stack's state has. */
export function namespaceOf(exported: Export): string | undefined {
    return (exported.deployment?.resources ?? []).find(
        ({ type, delete: old }) => type === "kubernetes:core/v1:Namespace" && !old,
    )?.outputs?.metadata?.name;
}
