/**
 * Pure: what is wrong with a configuration. The schema states what a value must be, zod's findings become
 * problems, and problems become the message that a user reads.
 */
import type { z } from "zod";

/** What a value must be. */
export interface Requirement {
    /** Completes "must ...". */
    readonly rule: string;
    /** A value that fulfils the rule. */
    readonly example: string;
}

/** One wrong key. */
export interface Problem extends Requirement {
    /** The key as `pulumi config set --path` takes it. */
    readonly key: string;
    /** The value found; undefined when the key is missing. */
    readonly got: unknown;
    /** Whether the value found is a secret, or holds one. @default false, unless `key` looks like it */
    readonly secret?: boolean;
    /** The parts of `key`. @default none: only what the schema finds has them */
    readonly path?: readonly PropertyKey[];
    /** Whether the example is made of the value found. @default false */
    readonly own?: boolean;
    /** Whether the schema has no such key: a text there may be anything, a secret included. @default false */
    readonly unknown?: boolean;
}

type Issue = z.core.$ZodIssue;

/**
 * What a value must be, as the error parameter of a schema or a check.
 *
 * An issue of zod has a message for its text, and `params` for the program's own data. zod itself fills
 * `params` for checks of the program's own alone, so the function that gives the message fills it for all.
 */
export function must(rule: string, example: string): { readonly error: z.core.$ZodErrorMap } {
    const requirement = { rule, example };
    return {
        error: (issue) => {
            Object.assign(issue, { params: requirement });
            return messageOf(requirement);
        },
    };
}

/**
 * The issue that a check of the program's own raises.
 *
 * @param path from the checked value to the wrong one. @default the checked value is wrong
 */
export function unmet(requirement: Requirement, path: readonly PropertyKey[] = []) {
    const [message, params] = [messageOf(requirement), { ...requirement }];
    return { code: "custom" as const, message, params, path: [...path] };
}

function messageOf({ rule, example }: Requirement): string {
    return `must ${rule}; for example ${example}`;
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

/** What is at a path of a configuration. @returns undefined when nothing is there */
export function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
    return path.reduce<unknown>(
        (value, part) =>
            typeof value === "object" && value !== null
                ? (value as Record<PropertyKey, unknown>)[part]
                : undefined,
        raw,
    );
}

/** The problems that zod's issues stand for: the first of each key, which is the plainest. */
export function problemsOf(issues: readonly Issue[], raw: unknown): Problem[] {
    const problems = issues.flatMap((issue) => collect(issue, [], raw));
    return [...new Map(problems.reverse().map((found) => [found.key, found])).values()].reverse();
}

function collect(issue: Issue, parents: readonly PropertyKey[], raw: unknown): Problem[] {
    const path = [...parents, ...issue.path];
    switch (issue.code) {
        case "unrecognized_keys":
            return issue.keys.map((key) => ({
                ...problemAt([...path, key], raw, unknownKey(path)),
                unknown: true,
            }));
        case "invalid_key":
            // The key itself is wrong; the value below it says nothing.
            return issue.issues.map((inner) => ({
                ...problemAt(path, raw, requirementOf(inner)),
                got: String(path.at(-1)),
            }));
        case "invalid_union": {
            // Where no branch looked into the value, the union's own rule says what it may be.
            const branch = closestBranch(issue.errors);
            return branch === undefined
                ? [problemAt(path, raw, requirementOf(issue))]
                : branch.flatMap((inner) => collect(inner, path, raw));
        }
        default:
            return [problemAt(path, raw, requirementOf(issue))];
    }
}

/** The branch of a union that looked into the value: the one its author meant. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
    return branches.find((branch) =>
        branch.some((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    );
}

/** What `must` or `unmet` has put into an issue. */
function requirementOf(issue: Issue): Requirement {
    return (issue as { readonly params?: unknown }).params as Requirement;
}

function problemAt(
    path: readonly PropertyKey[],
    raw: unknown,
    { rule, example }: Requirement,
): Problem {
    return { key: formatKey(path), path, got: valueAt(raw, path), rule, example };
}

function unknownKey(path: readonly PropertyKey[]): Requirement {
    if (path[0] === "gateway" && path[1] === "registries") {
        return unknownRegistriesKey(path[2]);
    }
    return {
        rule: `be a key that ${path.length === 0 ? "the program" : formatKey(path)} has (see docs/configuration.md)`,
        example: "the same without this key",
    };
}

/** k3s has a format of its own for `gateway.registries`, and ignores a key that it does not know. */
function unknownRegistriesKey(section: PropertyKey | undefined): Requirement {
    if (section === undefined) {
        return {
            rule: "be one of mirrors and configs, as in k3s's registries.yaml",
            example: '{"mirrors": {"docker.io": {"endpoint": ["https://mirror.example.org"]}}}',
        };
    }
    return section === "mirrors"
        ? {
              rule: "be endpoint or rewrite; how to log in belongs to configs, beside mirrors",
              example: '{"endpoint": ["https://mirror.example.org"]}',
          }
        : {
              rule: "be auth or tls, and in these what k3s's registries.yaml has (username, password, auth, identity_token; ca_file, cert_file, key_file, insecure_skip_verify)",
              example: '{"auth": {"username": "agent", "password": "..."}}',
          };
}

/** Keys at or below which a value is never repeated in a message, misspelt ones included. */
const SECRET_KEYS = /secret|registries|api[-_]?key|password|credential|^\.openclaw\.config/i;

/** Names that users choose, and those of k3s's flags: they say nothing about what is below them. */
const NAMES = /^(sandboxes(\.[^.[]+|\["[^\]]*"\])|gateway\.k3s\..*)/;

/** One line for each problem, under a heading that says nothing was changed. */
export function explain(problems: readonly Problem[]): string {
    const lines = problems.map(({ key, got, rule, example, secret, unknown, own }) => {
        const hidden = secret === true || SECRET_KEYS.test(key.replace(NAMES, ""));
        const text = unknown === true && typeof got === "string";
        const value = hidden ? "a secret value" : text ? "a text" : show(got);
        const shown = hidden && own === true ? '"..."' : example;
        return `  ${key}: got ${value}; ${messageOf({ rule, example: shown })}`;
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

/** A value without its texts: below a key that does not exist they may be secrets. */
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
