/** `runtime.options` of Pulumi.yaml, as the nodejs runtime defines them. */
import type { ProgramInfo } from "@pulumi/pulumi/proto/language_pb";

export const PACKAGE_MANAGERS = ["npm", "pnpm", "yarn", "bun"] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** What a project may set. */
export interface NodeOptions {
    /** Compile the program when it is loaded. @default true */
    readonly typescript: boolean;
    /** Path of the tsconfig.json to compile it with. */
    readonly tsconfig?: string;
    /** Arguments for node itself. */
    readonly nodeargs: readonly string[];
    /** @default by the lock file in the folder, else npm */
    readonly packagemanager: PackageManager | "auto";
}

/** Reads and checks the options; unknown ones are left to newer versions. */
export function nodeOptions(info: ProgramInfo | undefined): NodeOptions {
    const options = rawOptions(info);
    const manager = text(options, "packagemanager") ?? "auto";
    if (manager !== "auto" && !PACKAGE_MANAGERS.some((known) => known === manager)) {
        throw new Error(
            `packagemanager option must be one of auto, ${PACKAGE_MANAGERS.join(", ")}, ` +
                `got ${JSON.stringify(manager)}`,
        );
    }
    return {
        typescript: flag(options, "typescript") ?? true,
        tsconfig: text(options, "tsconfig"),
        nodeargs: splitArguments(text(options, "nodeargs") ?? ""),
        packagemanager: manager as PackageManager | "auto",
    };
}

/** The options as the project file gives them. */
export function rawOptions(info: ProgramInfo | undefined): Readonly<Record<string, unknown>> {
    return info?.getOptions()?.toJavaScript() ?? {};
}

function flag(options: Readonly<Record<string, unknown>>, key: string): boolean | undefined {
    const value = options[key];
    if (value !== undefined && typeof value !== "boolean") {
        throw new Error(`${key} option must be a boolean`);
    }
    return value;
}

function text(options: Readonly<Record<string, unknown>>, key: string): string | undefined {
    const value = options[key];
    if (value !== undefined && typeof value !== "string") {
        throw new Error(`${key} option must be a string`);
    }
    return value;
}

/** Splits as a shell does: blanks separate, quotes and backslashes protect. */
export function splitArguments(line: string): string[] {
    const args: string[] = [];
    const word = /\s*((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)/gsy;
    let end = 0;
    for (let match = word.exec(line); match; match = word.exec(line)) {
        end = word.lastIndex;
        args.push(unquote(match[1] ?? ""));
    }
    if (line.slice(end).trim()) {
        throw new Error(`nodeargs option has an unclosed quote: ${line}`);
    }
    return args;
}

function unquote(word: string): string {
    return word.replace(
        /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs,
        (_, escaped?: string, double?: string, single?: string) =>
            escaped ?? double?.replace(/\\(["\\])/g, "$1") ?? single ?? "",
    );
}
