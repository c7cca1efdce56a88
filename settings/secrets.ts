/**
 * Pure: which values of a configuration are secret. The engine reports only which first keys hold a secret
 * somewhere; the stack's file shows where.
 */
import { formatKey, type Problem } from "./problems";
import { Encrypted, type StackConfig } from "./stackConfig";

type Path = readonly PropertyKey[];

/** Characters of the shortest secret that is looked for in other texts: a shorter one is in many by chance. */
const SHORTEST = 4;

/** Keys whose values the program keeps secret. `*` is any name, `**` everything below. */
const PLACES = [
    "gateway.env.*",
    "gateway.secretEnv.*",
    "gateway.registries.**",
    "sandboxes.*.env.*",
    "sandboxes.*.secretEnv.*",
    "sandboxes.*.application.env.*",
    "sandboxes.*.inference.baseUrl",
    "sandboxes.*.inference.apiKey",
    "sandboxes.*.openclaw.config.**",
].map((place) => place.split("."));

/** The secrets of one configuration. */
export class Secrets {
    /**
     * @param paths where secrets are
     * @param unknown first keys below which any value may be a secret
     * @param texts the secrets that are texts or numbers, as text
     */
    constructor(
        readonly paths: readonly Path[] = [],
        readonly unknown: readonly string[] = [],
        private readonly texts: readonly string[] = [],
    ) {}

    /** Whether the value at a path is a secret, or may be one. */
    has(path: Path): boolean {
        return (
            this.unknown.includes(String(path[0])) ||
            this.paths.some((secret) => secret.every((part, i) => part === path[i]))
        );
    }

    /** Problems for secrets under keys whose values the program cannot keep secret. */
    misplaced(): Problem[] {
        return this.paths.filter((path) => !PLACES.some((place) => fits(place, path))).map(refusal);
    }

    /** The same problem, with no secret in it. */
    hide(problem: Problem): Problem {
        const { key, got, rule, example } = problem;
        return {
            ...problem,
            secret: (problem.secret ?? false) || this.isAround(key) || this.isIn(got),
            rule: this.without(rule),
            // An example may be made of the value found.
            example: this.isPart(example) ? "another value" : this.without(example),
        };
    }

    /** Whether a key is the key of a secret, lies below one or has one below. */
    private isAround(key: string): boolean {
        const others = [...this.paths.map(formatKey), ...this.unknown];
        return others.some((other) => isAtOrBelow(key, other) || isAtOrBelow(other, key));
    }

    private isIn(value: unknown): boolean {
        const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
        return this.texts.some((secret) => text.includes(secret));
    }

    private isPart(text: string): boolean {
        const part = text.toLowerCase();
        return (
            part.length >= SHORTEST &&
            this.texts.some((secret) => secret.toLowerCase().includes(part))
        );
    }

    private without(text: string): string {
        return this.texts.reduce((rest, secret) => rest.replaceAll(secret, () => "..."), text);
    }
}

/** No secret anywhere. */
export const NO_SECRETS = new Secrets();

/**
 * Finds the secrets of a configuration.
 *
 * @param raw the configuration as the engine has decrypted it
 * @param keys first keys that hold secrets, as the engine reports them
 * @param file the same configuration as the stack's file has it. A file whose values differ is ignored: the
 *   engine may have been given another file, or an environment
 */
export function findSecrets(
    raw: Readonly<Record<string, unknown>>,
    keys: readonly string[],
    file: StackConfig,
): Secrets {
    const found = keys.map((key) => ({ key, paths: encryptedIn(file[key], raw[key], [key]) }));
    const known = found.flatMap(({ paths }) => paths ?? []);
    const unknown = found.filter(({ paths }) => !paths?.length).map(({ key }) => key);
    const texts = [
        ...known.map((path) => path.reduce(step, raw as unknown)),
        ...unknown.map((key) => raw[key]),
    ].flatMap(leaves);
    return new Secrets(
        known,
        unknown,
        [...new Set(texts)].sort((a, b) => b.length - a.length),
    );
}

/** Paths of what the file has encrypted in a value. @returns undefined when file and value differ */
function encryptedIn(file: unknown, value: unknown, path: Path): Path[] | undefined {
    if (file instanceof Encrypted) {
        return [path];
    }
    if (typeof file !== "object" || file === null || typeof value !== "object" || value === null) {
        return file === value || isDate(file) ? [] : undefined;
    }
    const entries: [PropertyKey, unknown][] = Array.isArray(file)
        ? file.map((inner, i) => [i, inner])
        : Object.entries(file);
    if (
        Array.isArray(file) !== Array.isArray(value) ||
        Object.keys(value).length !== entries.length
    ) {
        return undefined;
    }
    const below = entries.map(([key, inner]) =>
        Object.hasOwn(value, key)
            ? encryptedIn(inner, step(value, key), [...path, key])
            : undefined,
    );
    return below.some((each) => each === undefined)
        ? undefined
        : below.flatMap((each) => each ?? []);
}

/** Whether a value is a date: one without quotes arrives as another text than it is written. */
function isDate(value: unknown): boolean {
    return typeof value === "string" && /^\d{4}-\d\d?-\d\d?/.test(value);
}

const step = (value: unknown, key: PropertyKey): unknown =>
    (value as Readonly<Record<PropertyKey, unknown>>)[key];

/** The texts in a value, each also with JSON's escapes. */
function leaves(value: unknown): string[] {
    if (typeof value === "object" && value !== null) {
        return Object.values(value).flatMap(leaves);
    }
    const text = String(value);
    return text.length < SHORTEST || typeof value === "boolean"
        ? []
        : [text, JSON.stringify(text).slice(1, -1)];
}

/** Whether `key` is `other` or lies below it. */
export function isAtOrBelow(key: string, other: string): boolean {
    return key === other || (key.startsWith(other) && /^[.[]/.test(key.slice(other.length)));
}

function fits(place: readonly string[], path: Path): boolean {
    const open = place.at(-1) === "**";
    const parts = open ? place.slice(0, -1) : place;
    return (
        (open ? path.length > parts.length : path.length === parts.length) &&
        parts.every((part, i) => part === "*" || part === path[i])
    );
}

function refusal(path: Path): Problem {
    const key = formatKey(path);
    const [first, name] = path;
    const owner = first === "sandboxes" ? `sandboxes.${String(name ?? "NAME")}` : first;
    return {
        ...{ key, got: undefined, secret: true },
        rule: "stand in clear: of what is given with --secret the program keeps secret the values of env and secretEnv, gateway.registries, and an endpoint's baseUrl and apiKey, each by itself",
        example:
            owner === "gateway" || first === "sandboxes"
                ? `pulumi config set --secret --path '${String(owner)}.secretEnv.NAME'`
                : "the same without --secret",
    };
}
