/**
 * Pure: texts that were written without quotes. The engine reads the stack's file as YAML, in which many
 * such texts are numbers, truth values, dates or null. The value that arrives differs from the written one,
 * and may have lost a part of it (`3.10` is 3.1).
 */
import { formatKey, valueAt, type Problem } from "./problems";
import { parseYaml, type Written } from "../model/yaml";

type Path = readonly PropertyKey[];

/** What a message calls the value that YAML made of a text, by the value's type. */
const KINDS: Readonly<Record<string, string>> = {
    number: "a number",
    boolean: "a truth value",
    object: "nothing",
};

/**
 * Replaces the rule of each problem that quotes alone would solve: it says that quotes are missing.
 *
 * @param check the problems of another configuration
 */
export function wantQuotes(
    problems: readonly Problem[],
    raw: unknown,
    written: Written,
    check: (raw: unknown) => readonly Problem[],
): Problem[] {
    const texts = problems.flatMap(({ path, got }) => {
        const isScalar = ["number", "boolean"].includes(typeof got) || got === null;
        return path && isScalar ? [{ path, got, text: asWritten(got, written(path)) }] : [];
    });
    if (texts.length === 0) {
        return [...problems];
    }
    const quoted = texts.reduce((all, { path, text }) => replaced(all, path, text), raw);
    const left = new Set(check(quoted).map(({ key }) => key));
    const solved = new Map(
        texts
            .map(({ path, got, text }) => ({ key: formatKey(path), got, text }))
            .filter(({ key }) => !left.has(key))
            .map((each) => [each.key, each]),
    );
    return problems.map((problem) => {
        const found = solved.get(problem.key);
        return found
            ? { ...problem, ...inQuotes(KINDS[typeof found.got] ?? "", found.text) }
            : problem;
    });
}

/** A date as it is written without quotes, and as Go prints it. */
const DATE = /^\d{4}-\d\d?-\d\d?/;
const GO_DATE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* [+-]\d{4} /;

/** Problems for dates without quotes: the engine hands over the text that Go prints for a date. */
export function changedDates(raw: unknown, written: Written): Problem[] {
    return textsIn(raw, []).flatMap((path) => {
        const [got, text] = [valueAt(raw, path), written(path)];
        return text !== undefined && text !== got && DATE.test(text) && GO_DATE.test(String(got))
            ? [{ key: formatKey(path), path, got, ...inQuotes("a date", text) }]
            : [];
    });
}

function inQuotes(kind: string, text: string) {
    return {
        rule: `be a text in quotes: without them YAML makes ${kind} of it (\`pulumi config set\` takes \`--type string\`)`,
        example: JSON.stringify(text),
        own: true,
    };
}

/** A value as text: as the file has it, or as YAML would, where the engine was given another file. */
function asWritten(got: unknown, text: string | undefined): string {
    if (text !== undefined && (parseYaml(text) ?? null) === got) {
        return text;
    }
    return got === null ? "" : JSON.stringify(got);
}

/** Paths of all texts below the first keys. Values of first keys are texts to the engine in any case. */
function textsIn(value: unknown, path: Path): Path[] {
    if (typeof value === "string") {
        return path.length > 1 ? [path] : [];
    }
    return typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, inner]) =>
              textsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]),
          )
        : [];
}

function replaced(value: unknown, [first, ...rest]: Path, text: string): unknown {
    if (first === undefined) {
        return text;
    }
    if (Array.isArray(value)) {
        return value.map((inner: unknown, i) =>
            i === first ? replaced(inner, rest, text) : inner,
        );
    }
    const values = value as Readonly<Record<PropertyKey, unknown>>;
    return { ...values, [first]: replaced(values[first], rest, text) };
}
