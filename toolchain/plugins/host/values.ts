/** Plain values as they travel between the engine and a plugin. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Obj = { [key: string]: Json };

/** How the engine's protocol writes a value that is not known yet (during a preview). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isObj(value: Json | undefined): value is Obj {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is unknown or holds an unknown anywhere inside. */
export function hasUnknown(value: Json | undefined): boolean {
    if (value === UNKNOWN) {
        return true;
    }
    if (Array.isArray(value)) {
        return value.some(hasUnknown);
    }
    return isObj(value) && Object.values(value).some(hasUnknown);
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: Json | undefined): string {
    if (Array.isArray(value)) {
        return `[${value.map(canonical).join(",")}]`;
    }
    if (isObj(value)) {
        const keys = Object.keys(value).sort();
        return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(",")}}`;
    }
    return JSON.stringify(value ?? null);
}

/** The value as it reads in a message or where the protocol wants text. */
export function text(value: Json | undefined): string {
    if (value === undefined || value === null) {
        return "";
    }
    return typeof value === "string" ? value : JSON.stringify(value);
}

export function asString(value: Json | undefined): string | undefined {
    return typeof value === "string" ? value : undefined;
}

export function asNumber(value: Json | undefined): number | undefined {
    return typeof value === "number" ? value : undefined;
}

export function asStrings(value: Json | undefined): string[] | undefined {
    return Array.isArray(value) ? value.map(String) : undefined;
}

export function asObjects(value: Json | undefined): Obj[] {
    return Array.isArray(value) ? value.filter(isObj) : [];
}

/** A map of strings, or undefined where the input is absent. */
export function asStringMap(value: Json | undefined): Record<string, string> | undefined {
    if (!isObj(value)) {
        return undefined;
    }
    return Object.fromEntries(
        Object.entries(value)
            .filter(([k]) => !k.startsWith("__"))
            .map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]),
    );
}
