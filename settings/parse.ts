/** Pure: from what was read to checked settings, or to what is wrong with it. */
import type { z } from "zod";
import { formatKey, problemsOf, type Problem } from "./problems";
import { changedDates, wantQuotes } from "./quotes";
import { checkRules } from "./rules";
import { schema, type PlaceSettings, type Settings } from "./schema";
import { isAtOrBelow, NO_SECRETS, type Secrets } from "./secrets";
import { keepSecret } from "./rules/secretVariables";
import type { Written } from "../model/yaml";

/** Of a configuration that is in no file. */
const NOT_WRITTEN: Written = () => undefined;

/**
 * Checks a whole configuration. Variables that are secret are in `secretEnv` then, wherever they stood.
 *
 * @param written how it is written in the stack's file
 */
export function parseSettings(
    raw: unknown,
    secrets = NO_SECRETS,
    written = NOT_WRITTEN,
): Parsed<Settings> {
    const parsed = schema.safeParse(raw);
    const problems = [
        ...lostKeys(raw, []),
        ...wantQuotes(wrongIn(schema, raw), raw, written, (quoted) => wrongIn(schema, quoted)),
        ...changedDates(raw, written),
    ];
    const wrong = [...problems, ...misplaced(secrets, problems)];
    if (!parsed.success || wrong.length > 0) {
        return { problems: wrong.map((problem) => secrets.hide(problem)) };
    }
    const related = checkRules(parsed.data).map((problem) => secrets.hide(problem));
    return { settings: keepSecret(parsed.data, secrets), problems: related };
}

function wrongIn(form: z.ZodType, raw: unknown): Problem[] {
    const parsed = form.safeParse(raw);
    return parsed.success ? [] : problemsOf(parsed.error.issues, raw);
}

/** Those of which nothing else is wrong: below a key that does not exist, the key is what to mend. */
function misplaced(secrets: Secrets, problems: readonly Problem[]): Problem[] {
    const keys = problems.map(({ key }) => key);
    return secrets.misplaced().filter((found) => !keys.some((key) => isAtOrBelow(found.key, key)));
}

/** JavaScript has this name for something else, and the schema's library leaves it out. */
function lostKeys(raw: unknown, path: readonly PropertyKey[]): Problem[] {
    if (typeof raw !== "object" || raw === null) {
        return [];
    }
    return Object.entries(raw).flatMap(([key, value]) =>
        key === "__proto__"
            ? [
                  {
                      key: formatKey([...path, key]),
                      got: key,
                      rule: "have another name",
                      example: "proto",
                  },
              ]
            : lostKeys(value, [...path, Array.isArray(raw) ? Number(key) : key]),
    );
}

const placeSchema = schema.pick({ gateway: true, existingCluster: true });

/**
 * Checks the place alone: tools that run before the engine cannot read what is encrypted.
 *
 * @param written as for `parseSettings`
 */
export function parsePlace(raw: unknown, written = NOT_WRITTEN): Parsed<PlaceSettings> {
    const parsed = placeSchema.safeParse(raw);
    return parsed.success
        ? { settings: parsed.data, problems: [] }
        : {
              problems: wantQuotes(wrongIn(placeSchema, raw), raw, written, (quoted) =>
                  wrongIn(placeSchema, quoted),
              ),
          };
}

/** `settings` is missing exactly when a value has the wrong form. */
export interface Parsed<T> {
    readonly settings?: T;
    readonly problems: readonly Problem[];
}
