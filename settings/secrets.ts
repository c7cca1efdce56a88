/**
 * Pure: which values of a configuration are secret. The engine tells a program no more than which of
 * the first keys have a secret somewhere below; where it is, the stack's file tells.
 */
import { formatKey, type Problem } from "./problems";
import { Encrypted, type StackConfig } from "./stackConfig";

type Path = readonly PropertyKey[];

/** Shorter texts are in too many others by chance. */
const SHORTEST = 4;

/** Where secrets may be: the program keeps them so. `*` is any name. */
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
     * @param paths of those that are known
     * @param unknown first keys below which anything may be one
     * @param texts what they are, as far as they are texts or numbers
     */
    constructor(
        readonly paths: readonly Path[] = [],
        readonly unknown: readonly string[] = [],
        private readonly texts: readonly string[] = [],
    ) {}

    /** Whether a value is one, or may be. */
    has(path: Path): boolean {
        return (
            this.unknown.includes(String(path[0])) ||
            this.paths.some((secret) => secret.every((part, i) => part === path[i]))
        );
    }

    /** The known ones that stand where they could not be kept. */
    misplaced(): Problem[] {
        return this.paths.filter((path) => !PLACES.some((place) => fits(place, path))).map(refusal);
    }

    /** A problem that repeats nothing of what is secret. */
    hide(problem: Problem): Problem {
        const { key, got, rule, example } = problem;
        return {
            ...problem,
            secret: (problem.secret ?? false) || this.isAround(key) || this.isIn(got),
            rule: this.without(rule),
            // It may be made of what was found.
            example: this.isPart(example) ? "another value" : this.without(example),
        };
    }

    /** Whether a key is that of a secret, lies in one or holds one. */
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
 * @param raw what the engine has decrypted
 * @param keys first keys that the engine names as having secrets
 * @param file the same configuration as its file has it; one that does not match tells nothing, since
 *   the engine may have been given another file or an environment
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

/** Where a value is encrypted in the file. @returns undefined where file and value are not the same */
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

/** The engine writes a date that is not quoted in another form. */
function isDate(value: unknown): boolean {
    return typeof value === "string" && /^\d{4}-\d\d?-\d\d?/.test(value);
}

const step = (value: unknown, key: PropertyKey): unknown =>
    (value as Readonly<Record<PropertyKey, unknown>>)[key];

/** Texts in a value, also as JSON has them. */
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
