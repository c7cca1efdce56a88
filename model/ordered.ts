/** Pure: keys in one order, so that what is the same looks the same. */

/** Entries in the order of their keys. */
export function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
    return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A value with its keys in order at every depth; lists, such as a command's arguments, have their own. */
export function ordered(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(ordered);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const entries = sortedEntries(value as Readonly<Record<string, unknown>>);
    return Object.fromEntries(entries.map(([key, inner]) => [key, ordered(inner)]));
}
