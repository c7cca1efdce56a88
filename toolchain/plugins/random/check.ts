/** Check and Diff of the random resources. Pure. */

import type { CheckFailure, CheckResult, DiffEntry, DiffResult } from "../host/plugin";
import { UNKNOWN, canonical, isObj } from "../host/values";
import type { Json, Obj } from "../host/values";
import type { Input, RandomRules } from "./rules";

export function check(rules: RandomRules, news: Obj): CheckResult {
    const failures: CheckFailure[] = [];
    const inputs: Obj = {};
    for (const [property, value] of Object.entries(news)) {
        if (property.startsWith("__") || value === null) {
            continue;
        }
        const input = rules.inputs[property];
        inputs[property] = value;
        const reason = input
            ? wrong(property, value, input)
            : `"${property}" is not an input of this resource; known: ${Object.keys(rules.inputs).join(", ")}`;
        if (reason !== undefined) {
            failures.push({ property, reason });
        }
    }
    for (const [property, input] of Object.entries(rules.inputs)) {
        if (inputs[property] !== undefined) {
            continue;
        }
        if (input.required) {
            failures.push({ property, reason: `"${property}" is required, but was not given` });
        } else if (input.default !== undefined) {
            inputs[property] = input.default;
        }
    }
    alias(inputs, news);
    const unknown = Object.values(inputs).some((value) => value === UNKNOWN);
    if (failures.length === 0 && !unknown) {
        for (const reason of rules.together?.(inputs) ?? []) {
            failures.push({ property: "", reason });
        }
    }
    return { inputs, failures };
}

/** `number` is the old name of `numeric`: what the program gives under one name holds for both. */
function alias(inputs: Obj, news: Obj): void {
    if (inputs.numeric === undefined) {
        return;
    }
    const given = news.numeric ?? news.number;
    if (given === undefined || given === null) {
        return;
    }
    inputs.numeric = given;
    inputs.number = given;
}

function wrong(property: string, value: Json, input: Input): string | undefined {
    if (value === UNKNOWN) {
        return undefined;
    }
    const fits = input.type === "map" ? isObj(value) : typeof value === input.type;
    const got = JSON.stringify(value);
    if (!fits) {
        return `"${property}" must be a ${input.type}, got ${got}`;
    }
    if (input.type !== "number") {
        return undefined;
    }
    if (!Number.isInteger(value)) {
        return `"${property}" must be a whole number, got ${got}`;
    }
    if (input.min !== undefined && Number(value) < input.min) {
        return `"${property}" must be at least ${input.min}, got ${got}`;
    }
    return undefined;
}

/** A change of any input makes a new value; of a keeper, named by its key. */
export function diff(rules: RandomRules, state: Obj, news: Obj): DiffResult {
    const detailed = new Map<string, DiffEntry>();
    for (const property of Object.keys(rules.inputs)) {
        const old = state[property] ?? null;
        const now = news[property] ?? rules.inputs[property]?.default ?? null;
        for (const [path, kind] of changes(property, old, now)) {
            detailed.set(path, { kind, replace: true });
        }
    }
    return { detailed, deleteBeforeReplace: false };
}

function changes(path: string, old: Json, now: Json): [string, DiffEntry["kind"]][] {
    if (canonical(old) === canonical(now)) {
        return [];
    }
    if (old === null) {
        return [[path, "ADD"]];
    }
    if (now === null) {
        return [[path, "DELETE"]];
    }
    if (!isObj(old) || !isObj(now)) {
        return [[path, "UPDATE"]];
    }
    const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
    return [...keys].flatMap((key) => {
        const at = /^[A-Za-z_$][\w$]*$/.test(key)
            ? `${path}.${key}`
            : `${path}[${JSON.stringify(key)}]`;
        return changes(at, old[key] ?? null, now[key] ?? null);
    });
}
