/** Small conversions that the bodies of the API share. Pure. */

import { text } from "../../host/values";
import type { Json, Obj } from "../../host/values";

/** Blocks such as `{label, value}` as the map the API takes. */
export function pairs(
    items: Obj[],
    key: string,
    value: string,
): Record<string, string> | undefined {
    if (items.length === 0) {
        return undefined;
    }
    return Object.fromEntries(items.map((item) => [text(item[key]), text(item[value] ?? "")]));
}

export function flag(value: Json | undefined): boolean | undefined {
    return typeof value === "boolean" ? value : undefined;
}

export function nonEmpty<T>(items: T[]): T[] | undefined {
    return items.length > 0 ? items : undefined;
}

/** Without the keys that have no value: the daemon gives meaning to empty ones. */
export function pruned<T extends object>(value: T): T {
    return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
