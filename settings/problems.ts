/** What is wrong with a configuration, in words that let a person mend it. */

/** One wrong key. */
export interface Problem {
    /** Where: the key as `pulumi config set --path` takes it. */
    readonly key: string;
    /** What was found; undefined when the key is missing. */
    readonly got: unknown;
    /** What it must be, completing "must ...". */
    readonly rule: string;
    /** A value that would do. */
    readonly example: string;
}

/** Rule and example travel from the schema to the message in one string. */
const SEPARATOR = "\u0000";

/** A message for the schema: what a value must be, and one that would do. */
export function must(rule: string, example: string): string {
    return rule + SEPARATOR + example;
}

/** The parts of a message made by `must`. */
export function splitMessage(message: string): { rule: string; example: string } {
    const [rule = "", example = ""] = message.split(SEPARATOR);
    return { rule, example };
}

/** Keys below which a value is never repeated in a message. */
const SECRET_KEYS = /(^|\.)(secretEnv|registries|apiKey)(\.|$)/;

/** One line for each problem, under a heading that says nothing was changed. */
export function explain(problems: readonly Problem[]): string {
    const lines = problems.map(({ key, got, rule, example }) => {
        const value = SECRET_KEYS.test(key) ? "a secret value" : show(got);
        return `  ${key}: got ${value}; must ${rule}; for example ${example}`;
    });
    return ["the configuration is wrong, nothing was changed:", ...lines].join("\n");
}

function show(value: unknown): string {
    if (value === undefined) {
        return "nothing";
    }
    const text = JSON.stringify(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
