/** What a provider plugin is to the gRPC server in `serve.ts`: plain calls over plain values. */

import type { Obj } from "./values";

export interface CheckRequest {
    readonly urn: string;
    /** Inputs of the last deployment; empty for a new resource. */
    readonly olds: Obj;
    readonly news: Obj;
    /** The name the engine's auto-naming asks for, if it is configured. */
    readonly autonaming?: { readonly proposedName: string; readonly mode: AutonamingMode };
    readonly randomSeed: Uint8Array;
}

export type AutonamingMode = "propose" | "enforce" | "disable";

export interface CheckFailure {
    readonly property: string;
    readonly reason: string;
}

export interface CheckResult {
    readonly inputs: Obj;
    readonly failures: CheckFailure[];
}

export type DiffKind = "ADD" | "DELETE" | "UPDATE";

export interface DiffEntry {
    readonly kind: DiffKind;
    readonly replace: boolean;
}

export interface DiffRequest {
    readonly urn: string;
    readonly id: string;
    /** The outputs of the last deployment or refresh. */
    readonly state: Obj;
    readonly oldInputs: Obj;
    readonly news: Obj;
    /** Property paths that the program leaves to others. @default none */
    readonly ignoreChanges?: readonly string[];
}

export interface DiffResult {
    /** Property path -> what changes there; empty for no change. */
    readonly detailed: ReadonlyMap<string, DiffEntry>;
    readonly deleteBeforeReplace: boolean;
}

/** Context of a call that reaches the outside world. */
export interface CallContext {
    readonly urn: string;
    /** Aborted when the engine cancels or the process is told to end. */
    readonly signal: AbortSignal;
    /** Shows a line next to the resource in the engine's display. */
    log(severity: "info" | "warning" | "error", message: string): void;
}

export interface Created {
    readonly id: string;
    readonly outputs: Obj;
}

export interface ReadResult {
    /** Empty when the resource is gone. */
    readonly id: string;
    readonly outputs?: Obj;
    readonly inputs?: Obj;
}

/** One resource type. */
export interface Resource {
    check(request: CheckRequest): CheckResult;
    diff(request: DiffRequest): DiffResult;
    /** Outputs of a create or update that is only previewed. */
    preview(inputs: Obj, state: Obj | undefined): Obj;
    create(context: CallContext, inputs: Obj): Promise<Created>;
    read(context: CallContext, id: string, state: Obj, inputs: Obj): Promise<ReadResult>;
    update(context: CallContext, request: DiffRequest): Promise<Obj>;
    delete(context: CallContext, id: string, state: Obj): Promise<void>;
}

export interface Plugin {
    readonly name: string;
    readonly version: string;
    readonly resources: Readonly<Record<string, Resource>>;
    checkConfig(news: Obj): CheckFailure[];
    configure(config: Obj): void;
}

/** A failure to show as it is, without a stack. */
export class PluginError extends Error {}

/**
 * The resource exists but is not as it should be: the engine keeps it in the state under this id
 * with the error, so that the next run knows about it.
 */
export class InitFailure extends PluginError {
    constructor(
        readonly id: string,
        readonly outputs: Obj,
        readonly reason: string,
    ) {
        super(reason);
    }
}

/** The call was given up because the engine cancelled it. */
export class Cancelled extends PluginError {
    constructor(what: string) {
        super(`cancelled while ${what}`);
    }
}

/** Waits, or rejects promptly with `Cancelled` when the signal fires. */
export function sleep(ms: number, signal: AbortSignal, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
        const onAbort = () => {
            clearTimeout(timer);
            reject(new Cancelled(what));
        };
        const timer = setTimeout(() => {
            signal.removeEventListener("abort", onAbort);
            resolve();
        }, ms);
        if (signal.aborted) {
            onAbort();
        } else {
            signal.addEventListener("abort", onAbort, { once: true });
        }
    });
}
