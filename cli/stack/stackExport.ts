/** A stack's state, as `pulumi stack export` gives it. */
import { ownerOf } from "../../components/gateway/leftovers";
import type { Session } from "../session";

/** The part of `pulumi stack export` that the tools read. */
export interface Export {
    readonly deployment?: {
        readonly resources?: readonly Stored[];
        /** What was begun and has not ended, as far as the state knows. */
        readonly pending_operations?: readonly {
            readonly type: string;
            readonly resource: Stored;
        }[];
    };
}

/** A resource in a state. */
export interface Stored {
    readonly urn: string;
    readonly type: string;
    /** Replaced, and to be deleted still. */
    readonly delete?: boolean;
    readonly protect?: boolean;
    readonly inputs?: Readonly<Record<string, unknown>>;
    readonly outputs?: Readonly<Record<string, unknown>>;
}

/** The gateway whose things in Docker these are. @default nothing says it */
export function gatewayOf(resources: readonly Stored[]): string | undefined {
    return resources
        .filter(({ type }) => type?.startsWith("docker:"))
        .map(({ inputs, outputs }) => ownerOf(inputs ?? {}) ?? ownerOf(outputs ?? {}))
        .find((owner) => owner !== undefined);
}

/** The state of a stack; secrets stay closed. */
export async function exportState({
    env,
    progress,
}: Pick<Session, "env" | "progress">): Promise<Export> {
    const args = ["stack", "export"];
    return JSON.parse(await progress.run("pulumi", args, { env, quiet: true })) as Export;
}
