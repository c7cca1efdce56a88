/** From inputs to the state's layout and back. Pure. */

import { UNKNOWN, canonical, isObj } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { DEFAULTS } from "./check";
import type { Fields, Prop, ResourceRules } from "./schema";

/** A block with every field of its table; those without an input are empty. */
export function complete(item: Obj, fields: Fields): Obj {
    return Object.fromEntries(
        Object.entries(fields).map(([key, prop]) => {
            const value = item[key] ?? null;
            return [key, value === null ? prop.empty : fill(value, prop)];
        }),
    );
}

function fill(value: Json, prop: Prop): Json {
    if (typeof prop.of === "object") {
        const fields = prop.of;
        if (Array.isArray(value)) {
            return value.map((v) => (isObj(v) ? complete(v, fields) : v));
        }
        if (isObj(value)) {
            return complete(value, fields);
        }
    }
    if (prop.kind === "map" && isObj(value)) {
        return withoutInternal(value);
    }
    return value;
}

function withoutInternal(value: Obj): Obj {
    return Object.fromEntries(Object.entries(value).filter(([k]) => !k.startsWith("__")));
}

/**
 * The outputs as far as the inputs decide them. What the provider decides is unknown in a preview
 * (or, for an update, what it was) and left to the caller otherwise.
 */
export function planned(rules: ResourceRules, inputs: Obj, undecided: Json | Obj): Obj {
    const outputs: Obj = {};
    for (const [key, prop] of Object.entries(rules.props)) {
        const given = inputs[key] ?? null;
        if (given !== null && !prop.output) {
            outputs[key] = fill(given, prop);
        } else if (prop.computed || prop.output) {
            outputs[key] = isObj(undecided) ? (undecided[key] ?? null) : undecided;
        } else {
            outputs[key] = prop.empty;
        }
    }
    // Inputs that are not implemented are always absent, and the state says so.
    for (const key of rules.unimplemented) {
        outputs[key] = null;
    }
    return outputs;
}

/** Outputs of a previewed create (no state) or update (what was computed stays). */
export function previewed(rules: ResourceRules, inputs: Obj, state: Obj | undefined): Obj {
    if (state) {
        return { ...state, ...planned(rules, inputs, state) };
    }
    return { ...planned(rules, inputs, UNKNOWN), id: UNKNOWN };
}

/**
 * The inputs as a refresh reports them: those of the program, with the values read back. A
 * default that no longer holds is no longer listed as one. An import has no inputs yet: they are
 * what the state says, so that the program can be compared with it.
 */
export function inputsFrom(rules: ResourceRules, outputs: Obj, oldInputs: Obj): Obj {
    const given = Object.keys(oldInputs).filter((k) => k !== DEFAULTS);
    if (given.length === 0) {
        return importedInputs(rules, outputs);
    }
    const result: Obj = {};
    for (const key of given) {
        const prop = rules.props[key];
        const old = oldInputs[key] ?? null;
        const read = outputs[key] ?? null;
        result[key] = prop ? reread(old, read, prop) : old;
    }
    const defaults = asDefaults(oldInputs).filter(
        (key) => canonical(result[key]) === canonical(oldInputs[key]),
    );
    return defaults.length > 0 ? { [DEFAULTS]: defaults, ...result } : result;
}

function asDefaults(inputs: Obj): string[] {
    const defaults = inputs[DEFAULTS];
    return Array.isArray(defaults) ? defaults.map(String) : [];
}

/** The value read back, in the shape (keys and order) of the input. */
function reread(old: Json, read: Json, prop: Prop): Json {
    if (prop.kind === "object" && isObj(old) && isObj(read)) {
        return fieldsFrom(old, read);
    }
    if (Array.isArray(old) && Array.isArray(read)) {
        const fields = prop.of;
        if (typeof fields !== "object") {
            return sameItems(old, read) ? old : read;
        }
        const keys = old.map((item) => comparable(item, fields));
        const found = read.map((item) => comparable(item, fields));
        if (canonical([...keys].sort()) === canonical([...found].sort())) {
            return old.map((item) => (isObj(item) ? fieldsFrom(item, item) : item));
        }
        return read;
    }
    return read;
}

function sameItems(a: Json[], b: Json[]): boolean {
    return canonical(a.map(canonical).sort()) === canonical(b.map(canonical).sort());
}

function comparable(item: Json, fields: Fields): string {
    if (!isObj(item)) {
        return canonical(item);
    }
    const full = complete(item, fields);
    const known = Object.entries(full).filter(([, v]) => !isNothing(v));
    return canonical(Object.fromEntries(known));
}

function isNothing(v: Json): boolean {
    if (Array.isArray(v)) {
        return v.length === 0;
    }
    if (isObj(v)) {
        return Object.keys(v).length === 0;
    }
    return v === null || v === "" || v === false || v === 0;
}

function fieldsFrom(old: Obj, read: Obj): Obj {
    const result: Obj = {};
    for (const key of Object.keys(old)) {
        if (key !== DEFAULTS) {
            result[key] = read[key] ?? null;
        }
    }
    const defaults = asDefaults(old);
    return defaults.length > 0 ? { [DEFAULTS]: defaults, ...result } : result;
}

function importedInputs(rules: ResourceRules, outputs: Obj): Obj {
    const result: Obj = {};
    for (const [key, prop] of Object.entries(rules.props)) {
        const value = outputs[key] ?? null;
        if (!prop.output && !isNothing(value)) {
            result[key] = value;
        }
    }
    return { [DEFAULTS]: [], ...result };
}
