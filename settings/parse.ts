/** Pure: from the configuration as it was read to checked settings, or to its problems. */
import type { z } from "zod";
import { formatKey, problemsOf, type Problem } from "./problems";
import { changedDates, wantQuotes } from "./quotes";
import { checkRules } from "./rules";
import { schema, type PlaceSettings, type Settings } from "./schema";
import { isAtOrBelow, NO_SECRETS, type Secrets } from "./secrets";
import { keepSecret } from "./rules/secretVariables";
import type { Written } from "../model/yaml";

/** How a configuration is written that comes from no file: nothing is known. */
const NOT_WRITTEN: Written = () => undefined;

/**
 * Checks a whole configuration. In the settings, every secret variable is in `secretEnv`, wherever it stood.
 *
 * @param secrets which of its values are secret
 * @param written how its values are written in the stack's file
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

/** What a schema finds wrong with a configuration. */
function wrongIn(expected: z.ZodType, raw: unknown): Problem[] {
    const parsed = expected.safeParse(raw);
    return parsed.success ? [] : problemsOf(parsed.error.issues, raw);
}

/** Misplaced secrets, without those at or below a key that is wrong anyway: fixing the key comes first. */
function misplaced(secrets: Secrets, problems: readonly Problem[]): Problem[] {
    const keys = problems.map(({ key }) => key);
    return secrets.misplaced().filter((found) => !keys.some((key) => isAtOrBelow(found.key, key)));
}

/** Keys named `__proto__`: zod skips them, since JavaScript objects have a prototype under that name. */
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
 * Checks `gateway` and `existingCluster` alone: tools that run before the engine cannot decrypt the secrets
 * of sandboxes.
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

/** Checked settings. Without `settings`, the schema has refused a value. */
export interface Parsed<T> {
    readonly settings?: T;
    readonly problems: readonly Problem[];
}
