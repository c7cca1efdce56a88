/** Wrong configurations, and what is said about them. */
import { parseSettings } from "../../settings/parse";
import { explain } from "../../settings/problems";

/** The message of a configuration, a line for each problem, without its heading. */
export function messageOf(raw: unknown): string[] {
    return explain(parseSettings(raw).problems)
        .split("\n")
        .slice(1)
        .map((line) => line.trim());
}

/** A configuration of one sandbox `a`. */
export const sandbox = (value: object) => ({
    sandboxes: { a: { application: "openclaw", ...value } },
});

/** What is said of a key that does not exist. */
export const UNKNOWN = (where: string) =>
    `must be a key that ${where} has (see docs/configuration.md); for example the same without this key`;
