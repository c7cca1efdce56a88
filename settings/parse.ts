/** Pure: from what was read to checked settings, or to what is wrong with it. */
import { problemsOf } from "./issues";
import type { Problem } from "./problems";
import { checkRelations } from "./relations";
import { gatewaySchema } from "./gatewaySchema";
import { schema, type GatewaySettings, type Settings } from "./schema";

/** Checks a whole configuration. */
export function parseSettings(raw: unknown): Parsed<Settings> {
    const parsed = schema.safeParse(raw);
    return parsed.success
        ? { settings: parsed.data, problems: checkRelations(parsed.data) }
        : { problems: problemsOf(parsed.error.issues, raw) };
}

/** Checks the gateway alone: tools that run before the engine cannot read what is encrypted. */
export function parseGateway(raw: unknown): Parsed<GatewaySettings> {
    const parsed = gatewaySchema.safeParse(raw);
    return parsed.success
        ? { settings: parsed.data, problems: [] }
        : {
              problems: problemsOf(parsed.error.issues, raw).map((problem) => ({
                  ...problem,
                  key: `gateway.${problem.key}`,
              })),
          };
}

/** `settings` is missing exactly when a value has the wrong form. */
export interface Parsed<T> {
    readonly settings?: T;
    readonly problems: readonly Problem[];
}
