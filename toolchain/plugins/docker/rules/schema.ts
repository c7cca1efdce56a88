/**
 * The vocabulary of the property tables: what the real plugin's schema says about each property,
 * as data. `check.ts`, `diff.ts` and `state.ts` are the only readers.
 */

import type { Json } from "../../host/values";

type Kind = "string" | "number" | "bool" | "list" | "set" | "map" | "object";
export type Scalar = "string" | "number";
export type Fields = Readonly<Record<string, Prop>>;

export interface Prop {
    readonly kind: Kind;
    /** Of a list or set: the fields of its blocks, or the type of its values. Of an object: its fields. */
    readonly of?: Fields | Scalar;
    readonly required?: boolean;
    /** A change replaces the resource. */
    readonly replace?: boolean;
    /** Without an input the provider decides, so a missing input is no difference. */
    readonly computed?: boolean;
    /** Only ever an output; as an input it is refused like an unknown key. */
    readonly output?: boolean;
    /** Filled in by Check and listed in `__defaults`. */
    readonly default?: Json;
    /** What the state holds when there is no input and the provider does not decide. */
    readonly empty: Json;
    /** Says what is wrong with a known value, in the real plugin's words; undefined if nothing. */
    readonly rule?: (value: Json) => string | undefined;
}

export interface ResourceRules {
    readonly props: Fields;
    /** Named by the provider when the program gives no name. */
    readonly autoname: boolean;
    /** Whether a replacement always deletes first. An explicitly named resource does so anyway. */
    readonly deleteBeforeReplace: boolean;
    /** Real inputs that this stand-in does not implement: refused by Check, never ignored. */
    readonly unimplemented: readonly string[];
    /** Conditions over several inputs. */
    readonly together?: (inputs: { [key: string]: Json }) => string[];
}

type Extra = Omit<Partial<Prop>, "kind" | "of">;

export const str = (extra: Extra = {}): Prop => ({ kind: "string", empty: null, ...extra });
export const num = (extra: Extra = {}): Prop => ({ kind: "number", empty: null, ...extra });
export const bool = (extra: Extra = {}): Prop => ({ kind: "bool", empty: null, ...extra });
export const map = (extra: Extra = {}): Prop => ({ kind: "map", empty: null, ...extra });
export const list = (of: Fields | Scalar, extra: Extra = {}): Prop => collection("list", of, extra);
export const set = (of: Fields | Scalar, extra: Extra = {}): Prop => collection("set", of, extra);
export const object = (of: Fields, extra: Extra = {}): Prop => ({
    kind: "object",
    of,
    empty: null,
    ...extra,
});

/** Blocks are empty lists in the state, plain values are null. */
function collection(kind: "list" | "set", of: Fields | Scalar, extra: Extra): Prop {
    return { kind, of, empty: typeof of === "string" ? null : [], ...extra };
}

/** A field of a block: without an input it is the zero value of its type. */
export const field = {
    str: (extra: Extra = {}): Prop => str({ empty: "", ...extra }),
    num: (extra: Extra = {}): Prop => num({ empty: null, ...extra }),
    bool: (extra: Extra = {}): Prop => bool({ empty: false, ...extra }),
    strings: (extra: Extra = {}): Prop => set("string", { empty: [], ...extra }),
};

export const REPLACE = { replace: true } as const;
export const REPLACE_COMPUTED = { replace: true, computed: true } as const;
