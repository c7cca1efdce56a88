/** Diff: new inputs against the recorded outputs, path by path as the real plugin reports it. Pure. */

import type { DiffEntry, DiffKind, DiffRequest, DiffResult } from "../../host/plugin";
import { UNKNOWN, canonical, hasUnknown, isObj } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { DEFAULTS } from "./check";
import type { Fields, Prop, ResourceRules } from "./schema";
import { complete } from "./state";

type Paths = Map<string, DiffKind>;

export function diff(rules: ResourceRules, request: DiffRequest): DiffResult {
    const detailed = new Map<string, DiffEntry>();
    for (const [key, prop] of Object.entries(rules.props)) {
        if (prop.output) {
            continue;
        }
        const paths: Paths = new Map();
        compare(paths, key, prop, request.state[key] ?? null, wanted(request.news, key, prop));
        const replace = prop.replace ?? false;
        for (const [path, kind] of paths) {
            if (!isIgnored(path, request.ignoreChanges ?? [])) {
                detailed.set(path, { kind, replace });
            }
        }
    }
    const replaces = [...detailed.values()].some((entry) => entry.replace);
    return { detailed, deleteBeforeReplace: replaces && deletesFirst(rules, request) };
}

/**
 * The engine has put the old inputs in their place; what the daemon added to them is for the plugin to
 * overlook, as the real one does.
 */
function isIgnored(path: string, ignored: readonly string[]): boolean {
    return ignored.some(
        (each) => path === each || path.startsWith(`${each}.`) || path.startsWith(`${each}[`),
    );
}

/** Two resources of one name cannot exist; an automatic name changes with the replacement. */
function deletesFirst(rules: ResourceRules, { news }: DiffRequest): boolean {
    if (rules.deleteBeforeReplace) {
        return true;
    }
    const defaults = news[DEFAULTS];
    const automatic = Array.isArray(defaults) && defaults.includes("name");
    return rules.autoname && !automatic;
}

function compare(out: Paths, path: string, prop: Prop, old: Json, now: Json): void {
    if (now === null) {
        if (!prop.computed && !isZero(old)) {
            out.set(path, "DELETE");
        }
        return;
    }
    if (now === UNKNOWN) {
        out.set(path, old === null ? "ADD" : "UPDATE");
        return;
    }
    if (old === null) {
        if (!isZero(now)) {
            out.set(path, "ADD");
        }
        return;
    }
    switch (prop.kind) {
        case "list":
            return compareList(out, path, prop, asList(old), asList(now));
        case "set":
            return compareSet(out, path, prop, asList(old), asList(now));
        case "map":
            return compareMap(out, path, old, now);
        case "object":
            return compareFields(out, path, prop.of as Fields, old, now);
        default:
            if (canonical(old) !== canonical(now)) {
                out.set(path, "UPDATE");
            }
    }
}

/** Lists are compared place by place. */
function compareList(out: Paths, path: string, prop: Prop, old: Json[], now: Json[]): void {
    if (emptied(out, path, old, now)) {
        return;
    }
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
        compareItem(out, `${path}[${i}]`, prop, old[i], now[i]);
    }
}

function compareItem(
    out: Paths,
    path: string,
    prop: Prop,
    old: Json | undefined,
    now: Json | undefined,
): void {
    if (old === undefined) {
        out.set(path, "ADD");
    } else if (now === undefined) {
        out.set(path, "DELETE");
    } else if (now === UNKNOWN) {
        out.set(path, "UPDATE");
    } else if (typeof prop.of === "object") {
        compareFields(out, path, prop.of, old, now);
    } else if (canonical(old) !== canonical(now)) {
        out.set(path, "UPDATE");
    }
}

/** Sets have no order; what is in both is left out, the rest is reported at its place. */
function compareSet(out: Paths, path: string, prop: Prop, old: Json[], now: Json[]): void {
    if (emptied(out, path, old, now)) {
        return;
    }
    const oldKeys = old.map((item) => itemKey(item, prop));
    const nowKeys = now.map((item) => itemKey(item, prop));
    const same = canonical([...oldKeys].sort()) === canonical([...nowKeys].sort());
    if (same) {
        return;
    }
    // Where a block leaves fields to their defaults the real plugin cannot match it with the plan
    // and reports the set as a whole.
    if (now.some((item) => hasUnknown(item) || !isWhole(item, prop))) {
        out.set(path, "UPDATE");
        return;
    }
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
        const gone = i < old.length && !nowKeys.includes(oldKeys[i] ?? "");
        const added = i < now.length && !oldKeys.includes(nowKeys[i] ?? "");
        const at = `${path}[${i}]`;
        if (gone || added) {
            compareItem(out, at, prop, gone ? old[i] : undefined, added ? now[i] : undefined);
        }
    }
}

function compareMap(out: Paths, path: string, old: Json, now: Json): void {
    const before = isObj(old) ? old : {};
    const after = isObj(now) ? now : {};
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
        if (key.startsWith("__")) {
            continue;
        }
        const at = /^[A-Za-z_$][\w$]*$/.test(key)
            ? `${path}.${key}`
            : `${path}[${JSON.stringify(key)}]`;
        if (before[key] === undefined) {
            out.set(at, "ADD");
        } else if (after[key] === undefined) {
            out.set(at, "DELETE");
        } else if (canonical(before[key]) !== canonical(after[key])) {
            out.set(at, "UPDATE");
        }
    }
}

function compareFields(out: Paths, path: string, fields: Fields, old: Json, now: Json): void {
    const before = isObj(old) ? old : {};
    const after = isObj(now) ? now : {};
    for (const [key, prop] of Object.entries(fields)) {
        compare(out, `${path}.${key}`, prop, before[key] ?? null, wanted(after, key, prop));
    }
}

/** A default holds even where Check did not write it into the inputs. */
function wanted(news: Obj, key: string, prop: Prop): Json {
    return news[key] ?? prop.default ?? null;
}

/** From or to nothing is one change of the whole property. True when that has been settled. */
function emptied(out: Paths, path: string, old: Json[], now: Json[]): boolean {
    if (old.length > 0 && now.length > 0) {
        return false;
    }
    if (old.length !== now.length) {
        out.set(path, old.length === 0 ? "ADD" : "DELETE");
    }
    return true;
}

function asList(value: Json): Json[] {
    return Array.isArray(value) ? value : [];
}

/** An item with every field spelled out and nothings made equal, so that equal items look equal. */
function itemKey(item: Json, prop: Prop): string {
    if (typeof prop.of !== "object" || !isObj(item)) {
        return canonical(item);
    }
    const full = complete(item, prop.of);
    return canonical(
        Object.fromEntries(Object.entries(full).map(([k, v]) => [k, isZero(v) ? null : v])),
    );
}

function isWhole(item: Json, prop: Prop): boolean {
    if (typeof prop.of !== "object" || !isObj(item)) {
        return true;
    }
    return Object.keys(prop.of).every((key) => item[key] !== undefined);
}

/** Absent, false, 0, "" and empty collections are the same to the real plugin. */
function isZero(value: Json): boolean {
    if (Array.isArray(value)) {
        return value.length === 0;
    }
    if (isObj(value)) {
        return Object.keys(value).length === 0;
    }
    return value === null || value === false || value === 0 || value === "";
}
