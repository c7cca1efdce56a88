/** Pure: from what was read to checked settings, or to what is wrong with it. */
import { problemsOf } from "./issues";
import type { Problem } from "./problems";
import { checkRelations } from "./relations";
import { schema, type PlaceSettings, type Settings } from "./schema";

/** Checks a whole configuration. */
export function parseSettings(raw: unknown): Parsed<Settings> {
    const parsed = schema.safeParse(raw);
    return parsed.success
        ? { settings: parsed.data, problems: checkRelations(parsed.data) }
        : { problems: problemsOf(parsed.error.issues, raw) };
}

const placeSchema = schema.pick({ gateway: true, existingCluster: true });

/** Checks the place alone: tools that run before the engine cannot read what is encrypted. */
export function parsePlace(raw: unknown): Parsed<PlaceSettings> {
    const parsed = placeSchema.safeParse(raw);
    return parsed.success
        ? { settings: parsed.data, problems: [] }
        : { problems: problemsOf(parsed.error.issues, raw) };
}

/** `settings` is missing exactly when a value has the wrong form. */
export interface Parsed<T> {
    readonly settings?: T;
    readonly problems: readonly Problem[];
}
