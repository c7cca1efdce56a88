/**
 * The configuration of a stack as the engine reads it, without the engine: where the file is, in which
 * ways it may be written, and which values the project's file adds. Secrets stay encrypted.
 */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parseYaml, writtenIn, type Written } from "../model/yaml";

/** Name of the project, in front of each key. */
export const PROJECT = "sandbox-gateway";

/** Stands in place of a value that the file has encrypted. */
export class Encrypted {}

/** Values by key, without the project's name. */
export type StackConfig = Readonly<Record<string, unknown>>;

type Values = Readonly<Record<string, unknown>>;

/** Extensions, in the order in which the engine looks for the project's file; stacks' files have the same one. */
const EXTENSIONS = [".json", ".yaml", ".yml"];

/** What the project's file says about stacks' files. */
export interface Project {
    /** Folder of the stacks' files. */
    readonly folder: string;
    /** Extension of the files, with its dot. */
    readonly extension: string;
    readonly name: string;
    /** Values for stacks that have none of their own, by key. */
    readonly config: Values;
}

/** Reads the project's file. @param root its folder @throws Error when it is no YAML */
export function readProject(root: string): Project {
    const extension = EXTENSIONS.find((each) => existsSync(path.join(root, `Pulumi${each}`)));
    const content = extension ? readRecord(path.join(root, `Pulumi${extension}`)) : {};
    const { config, stackConfigDir, name } = content;
    // `config` is the older name of `stackConfigDir`.
    const folder = typeof config === "string" ? config : stackConfigDir;
    return {
        folder: path.resolve(root, typeof folder === "string" ? folder : ""),
        extension: extension ?? ".yaml",
        name: typeof name === "string" ? name : PROJECT,
        config: isRecord(config) ? config : {},
    };
}

/** Name of a stack's file. @param stack the stack's name, without organization and project */
export function stackFileName({ extension }: Pick<Project, "extension">, stack: string): string {
    return `Pulumi.${stack}${extension}`;
}

/**
 * A stack's values for keys of this project, with those that the project's file adds.
 *
 * @param file the stack's file; a missing one has no values
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
 * How a stack's values are written in its file, by paths that begin with a key of this project.
 *
 * @param file the stack's file; of a missing one nothing is known
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

/** A value as the program takes it: the engine hands over objects as JSON in a text. */
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

/**
 * `KEY` of `PROJECT:KEY`, of the older `PROJECT:config:KEY`, or of `KEY` alone.
 *
 * @returns undefined for a key of another project
 */
function ownKey({ name }: Project, key: string): string | undefined {
    const parts = key.split(":");
    const space = parts.length === 1 ? name : parts[0];
    const old = parts.length === 3 && parts[1] === "config";
    return space === PROJECT && (parts.length < 3 || old) ? parts.at(-1) : undefined;
}

/** Adds the project's values, whose keys may be paths such as `gateway.name`. The stack's own values win. */
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

/** The same value, with `Encrypted` in place of each `{secure: ...}`. */
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

/** Content of a YAML or JSON file; empty when it is no object. @throws Error when it is no YAML */
export function readRecord(file: string): Values {
    const content = parseYaml(readFileSync(file, "utf8"));
    return isRecord(content) ? content : {};
}

/** Whether a value is an object: neither a list nor null. */
export function isRecord(value: unknown): value is Values {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
