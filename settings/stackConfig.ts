/**
 * The configuration of a stack as the engine reads it, without the engine: where the file is, in
 * which ways it may be written, what the project adds. What is encrypted stays so.
 */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parseYaml, writtenIn, type Written } from "../model/yaml";

/** Name of the project, in front of each key. */
export const PROJECT = "sandbox-gateway";

/** Stands where a value is encrypted in the file. */
export class Encrypted {}

/** Values by key, without the project's name. */
export type StackConfig = Readonly<Record<string, unknown>>;

type Values = Readonly<Record<string, unknown>>;

/** Kinds of files, in the order in which the engine looks for the project's; the stack's is of the same. */
const EXTENSIONS = [".json", ".yaml", ".yml"];

/** What the project's file says of the stacks' files. */
export interface Project {
    /** Folder of the stacks' files. */
    readonly folder: string;
    /** With the dot in front. */
    readonly extension: string;
    readonly name: string;
    /** Values for stacks that have none. */
    readonly config: Values;
}

/** Reads it. @throws Error when it is no YAML */
export function readProject(root: string): Project {
    const extension = EXTENSIONS.find((each) => existsSync(path.join(root, `Pulumi${each}`)));
    const content = extension ? readRecord(path.join(root, `Pulumi${extension}`)) : {};
    const { config, stackConfigDir, name } = content;
    // The first name that the folder had.
    const folder = typeof config === "string" ? config : stackConfigDir;
    return {
        folder: path.resolve(root, typeof folder === "string" ? folder : ""),
        extension: extension ?? ".yaml",
        name: typeof name === "string" ? name : PROJECT,
        config: isRecord(config) ? config : {},
    };
}

/** Name of the file with a stack's configuration. @param stack its own name */
export function stackFileName({ extension }: Pick<Project, "extension">, stack: string): string {
    return `Pulumi.${stack}${extension}`;
}

/**
 * What a stack has of this project's keys, its project's values included.
 *
 * @param file of the stack; one that is missing says nothing
 * @throws Error when it is no YAML
 */
export function readStackConfig(project: Project, file: string): StackConfig {
    const { config } = existsSync(file) ? readRecord(file) : {};
    const own = Object.entries(isRecord(config) ? config : {}).flatMap(([key, value]) => {
        const name = ownKey(project, key);
        return name === undefined ? [] : [[name, opened(markEncrypted(value))] as const];
    });
    return withDefaults(project, Object.fromEntries(own));
}

/**
 * How a stack's values are written in its file: the first part of a path is a key of this project.
 *
 * @param file of the stack; of one that is missing nothing can be told
 */
export function readWritten(project: Project, file: string): Written {
    if (!existsSync(file)) {
        return () => undefined;
    }
    const written = writtenIn(readFileSync(file, "utf8"));
    const { config } = readRecord(file);
    const keys = new Map(
        Object.keys(isRecord(config) ? config : {}).map((key) => [ownKey(project, key), key]),
    );
    return ([first, ...rest]) => {
        const key = keys.get(String(first));
        return key === undefined ? undefined : written(["config", key, ...rest]);
    };
}

/** As the engine hands texts over to the program, which takes them for JSON where they are. */
export function opened(value: unknown): unknown {
    if (typeof value !== "string") {
        return value;
    }
    try {
        return JSON.parse(value) as unknown;
    } catch {
        return value;
    }
}

/** `KEY` of `PROJECT:KEY`, of the older `PROJECT:config:KEY`, and of a key without a project. */
function ownKey({ name }: Project, key: string): string | undefined {
    const parts = key.split(":");
    const space = parts.length === 1 ? name : parts[0];
    const old = parts.length === 3 && parts[1] === "config";
    return space === PROJECT && (parts.length < 3 || old) ? parts.at(-1) : undefined;
}

/** A key of the project may be a path, as in `gateway.name`; what the stack has counts. */
function withDefaults(project: Project, own: StackConfig): StackConfig {
    return Object.keys(project.config)
        .sort()
        .reduce<StackConfig>((config, key) => {
            const name = ownKey(project, key);
            const declared = project.config[key];
            const value = isRecord(declared)
                ? (declared["default"] ?? declared["value"])
                : declared;
            return name === undefined || value === undefined || value === null
                ? config
                : added(config, name.match(/[^.[\]"]+/g) ?? [], value);
        }, own);
}

function added(config: Values, [first = "", ...rest]: readonly string[], value: unknown): Values {
    const here = config[first];
    if (rest.length === 0) {
        return here === undefined ? { ...config, [first]: opened(value) } : config;
    }
    return here === undefined || isRecord(here)
        ? { ...config, [first]: added(here ?? {}, rest, value) }
        : config;
}

/** `{secure: ...}` is a text that is encrypted; nothing else is. */
function markEncrypted(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(markEncrypted);
    }
    if (!isRecord(value)) {
        return value;
    }
    const entries = Object.entries(value);
    const [[only, text] = []] = entries;
    return entries.length === 1 && only === "secure" && typeof text === "string"
        ? new Encrypted()
        : Object.fromEntries(entries.map(([key, inner]) => [key, markEncrypted(inner)]));
}

/** What a file has in it, in whichever way it is written; a list or a text is nothing. @throws Error when it is no YAML */
export function readRecord(file: string): Values {
    const content = parseYaml(readFileSync(file, "utf8"));
    return isRecord(content) ? content : {};
}

/** Whether a value has keys: no list, and not nothing. */
export function isRecord(value: unknown): value is Values {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
