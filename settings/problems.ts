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
    /** Whether what was found is secret, or holds what is. @default false, unless the key looks like it */
    readonly secret?: boolean;
    /** The same, part by part. @default only the program's own rules tell */
    readonly path?: readonly PropertyKey[];
    /** Whether the example is made of what was found. @default false */
    readonly own?: boolean;
    /** Whether nothing is known of the key: a text there may be anything. @default false */
    readonly unknown?: boolean;
}

/** A path as `pulumi config set --path` takes it. */
export function formatKey(path: readonly PropertyKey[]): string {
    return path
        .map((part) =>
            typeof part === "number" || /[.[\]"]/.test(String(part))
                ? `[${JSON.stringify(part)}]`
                : `.${String(part)}`,
        )
        .join("")
        .replace(/^\./, "");
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

/** Keys at or below which a value is never repeated in a message, also where they are misspelt. */
const SECRET_KEYS = /secret|registries|api[-_]?key|password|credential|^\.openclaw\.config/i;

/** Names that people choose, or that stand for themselves: they say nothing of what is below. */
const NAMES = /^(sandboxes(\.[^.[]+|\["[^\]]*"\])|gateway\.k3s\..*)/;

/** One line for each problem, under a heading that says nothing was changed. */
export function explain(problems: readonly Problem[]): string {
    const lines = problems.map(({ key, got, rule, example, secret, unknown, own }) => {
        const hidden = secret === true || SECRET_KEYS.test(key.replace(NAMES, ""));
        const text = unknown === true && typeof got === "string";
        const value = hidden ? "a secret value" : text ? "a text" : show(got);
        const shown = hidden && own === true ? '"..."' : example;
        return `  ${key}: got ${value}; must ${rule}; for example ${shown}`;
    });
    return ["the configuration is wrong, nothing was changed:", ...lines].join("\n");
}

/** Longer texts are not shown in part: the engine masks a secret only where it stands whole. */
const LONGEST = 80;

function show(value: unknown): string {
    if (value === undefined) {
        return "nothing";
    }
    if (typeof value === "string" && value.length > LONGEST) {
        return `a text of ${value.length} characters`;
    }
    const shown = JSON.stringify(typeof value === "object" ? outline(value) : value);
    return shown.length > LONGEST ? (Array.isArray(value) ? "a list" : "an object") : shown;
}

/** A value without the texts in it: below a key that does not exist they may be secrets. */
function outline(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(outline);
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(
            Object.entries(value).map(([key, inner]) => [key, outline(inner)]),
        );
    }
    return typeof value === "string" ? "..." : value;
}
