/** Turns the schema library's findings into problems. */
import type { z } from "zod";
import { formatKey, must, splitMessage, type Problem } from "./problems";

type Issue = z.core.$ZodIssue;

/** The problems that the findings stand for: the first for each key, which is the plainest. */
export function problemsOf(issues: readonly Issue[], raw: unknown): Problem[] {
    const problems = issues.flatMap((issue) => collect(issue, [], raw));
    return [...new Map(problems.reverse().map((found) => [found.key, found])).values()].reverse();
}

function collect(issue: Issue, parents: readonly PropertyKey[], raw: unknown): Problem[] {
    const path = [...parents, ...issue.path];
    switch (issue.code) {
        case "unrecognized_keys":
            return issue.keys.map((key) => ({
                ...problem([...path, key], raw, unknownKey(path)),
                unknown: true,
            }));
        case "invalid_key":
            // The key itself is what is wrong; its value says nothing.
            return issue.issues.map((inner) => ({
                ...problem(path, raw, inner.message),
                got: String(path.at(-1)),
            }));
        case "invalid_union": {
            // No branch looked into the value: the union's own message says what it may be.
            const branch = closestBranch(issue.errors);
            return branch === undefined
                ? [problem(path, raw, issue.message)]
                : branch.flatMap((inner) => collect(inner, path, raw));
        }
        default:
            return [problem(path, raw, issue.message)];
    }
}

/** The branch that looked into the value is the one its author meant. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
    return branches.find((branch) =>
        branch.some((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    );
}

function unknownKey(path: readonly PropertyKey[]): string {
    if (path[0] === "gateway" && path[1] === "registries") {
        return registriesKey(path);
    }
    return must(
        `be a key that ${path.length === 0 ? "the program" : formatKey(path)} has (see docs/configuration.md)`,
        "the same without this key",
    );
}

/** k3s has a format of its own here, and takes no notice of what it does not know. */
function registriesKey(path: readonly PropertyKey[]): string {
    const section = path[2] as string | undefined;
    if (section === undefined) {
        return must(
            "be one of mirrors and configs, as in k3s's registries.yaml",
            '{"mirrors": {"docker.io": {"endpoint": ["https://mirror.example.org"]}}}',
        );
    }
    return must(
        section === "mirrors"
            ? "be endpoint or rewrite; how to log in belongs to configs, beside mirrors"
            : "be auth or tls, and in these what k3s's registries.yaml has (username, password, auth, identity_token; ca_file, cert_file, key_file, insecure_skip_verify)",
        section === "mirrors"
            ? '{"endpoint": ["https://mirror.example.org"]}'
            : '{"auth": {"username": "agent", "password": "..."}}',
    );
}

function problem(path: readonly PropertyKey[], raw: unknown, message: string): Problem {
    return { key: formatKey(path), path, got: valueAt(raw, path), ...splitMessage(message) };
}

/** What is at a path of a configuration. @default nothing */
export function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
    return path.reduce<unknown>(
        (value, part) =>
            typeof value === "object" && value !== null
                ? (value as Record<PropertyKey, unknown>)[part]
                : undefined,
        raw,
    );
}
