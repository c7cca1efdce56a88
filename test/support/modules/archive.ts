/**
 * An archive of modules: those that Pulumi programs and tools of ours load from node_modules, and what their own
 * TypeScript compiles to. What files hold, what they find where, and what V8 has made of them is in one file:
 * loading 1,100 files one by one and compiling them each time is a third of the work of a run that changes
 * nothing. What is loaded from here are the same modules, under the same names and in the same order.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import Module from "node:module";
import * as path from "node:path";
import { Script } from "node:vm";
import type { CompilerOptions } from "typescript";

/** Name of the archive, beside what these modules are compiled to. */
export const ARCHIVE = "modules.archive";

/** Length of the number that an archive begins with. */
const HEAD = 8;

/** What only node's own way of compiling serves; a comment that looks like it does no harm. */
const IMPORT = /\bimport\s*\(/;

/** Where something is in the archive's second part: first byte, number of bytes. */
type Place = readonly [start: number, length: number];

/** One file. */
interface Entry {
    readonly source: Place;
    /** Compiled functions, of which V8 takes none that another version or other flags have made. */
    readonly code?: Place;
}

/** A file of node_modules: one that has changed since is loaded as always. */
interface PackageEntry extends Entry {
    readonly size: number;
    readonly time: number;
}

/** The archive's first part. */
interface Index {
    /** Folder of all packages, with a separator at its end. */
    readonly packages: string;
    /** How TypeScript is compiled that is not in the archive. */
    readonly options: CompilerOptions;
    /** Files by the folder of who asks, and what for. */
    readonly resolved: Readonly<Record<string, string>>;
    readonly files: Readonly<Record<string, PackageEntry>>;
    /** What TypeScript compiles to, by its hash: wherever a copy lies, and whatever is edited there. */
    readonly compiled: Readonly<Record<string, Entry>>;
}

/** What an archive is made of. */
export interface Contents extends Pick<Index, "packages" | "options" | "resolved"> {
    readonly files: readonly string[];
    readonly compiled: Readonly<Record<string, string>>;
}

/** Parts of node's loader that have no types, for they are there for loaders alone. */
interface Loader {
    _resolveFilename: (
        this: unknown,
        request: string,
        parent?: NodeModule,
        ...rest: unknown[]
    ) => string;
    _load: (this: unknown, request: string, parent?: NodeModule, ...rest: unknown[]) => unknown;
    _resolveLookupPaths: (request: string, parent: NodeModule) => string[] | null;
    readonly _cache: NodeJS.Dict<NodeModule>;
    readonly _extensions: Record<string, (module: NodeModule, file: string) => void>;
    wrap(source: string): string;
}

export const loader = Module as unknown as Loader;

/** Key of what a module in `folder` asks for. */
export function requestKey(folder: string, request: string): string {
    return `${folder}\0${request}`;
}

/** Key of what a text compiles to. */
export function sourceKey(text: string): string {
    return createHash("sha1").update(text).digest("base64");
}

/** The compiler: large, and needed for what is not in the archive only. */
export function loadTypeScript(): typeof import("typescript") {
    return Module.createRequire(__filename)("typescript") as typeof import("typescript");
}

/** Without a look at types, which have a check of their own. */
export function compile(text: string, file: string, compilerOptions: CompilerOptions): string {
    return loadTypeScript().transpileModule(text, { compilerOptions, fileName: file }).outputText;
}

/** Writes an archive. @param code what V8 has compiled, by file or by key */
export function writeArchive(
    archive: string,
    { files, compiled, ...rest }: Contents,
    code: ReadonlyMap<string, Buffer> = new Map(),
): void {
    const parts: Buffer[] = [];
    let end = 0;
    const add = (part: Buffer): Place => {
        parts.push(part);
        end += part.length;
        return [end - part.length, part.length];
    };
    const entry = (key: string, source: Buffer): Entry => {
        const made = code.get(key);
        return { source: add(source), ...(made && { code: add(made) }) };
    };
    const index: Index = {
        ...rest,
        files: Object.fromEntries(
            files.map((file): [string, PackageEntry] => {
                const { size, mtimeMs } = statSync(file);
                return [file, { size, time: mtimeMs, ...entry(file, readFileSync(file)) }];
            }),
        ),
        compiled: Object.fromEntries(
            Object.entries(compiled).map(([key, text]) => [key, entry(key, Buffer.from(text))]),
        ),
    };
    const first = Buffer.from(JSON.stringify(index));
    const head = Buffer.alloc(HEAD);
    head.writeBigUInt64LE(BigInt(first.length));
    writeFileSync(archive, Buffer.concat([head, first, ...parts]));
}

/** An archive in use. */
export interface Used {
    /** What has been loaded from it, by file or by key. */
    readonly scripts: ReadonlyMap<string, Script>;
    readonly contents: () => Contents;
}

/** Has node load from an archive. */
export function useArchive(archive: string): Used {
    const content = readFileSync(archive);
    const start = HEAD + Number(content.readBigUInt64LE());
    const index = JSON.parse(content.toString("utf8", HEAD, start)) as Index;
    const at = ([first, length]: Place) => content.subarray(start + first, start + first + length);
    const scripts = new Map<string, Script>();

    const resolve = loader._resolveFilename;
    loader._resolveFilename = function (request, parent, ...rest) {
        const folder = parent?.filename && path.dirname(parent.filename);
        // With options it is searched for elsewhere.
        const known =
            folder?.startsWith(index.packages) && rest[1] === undefined
                ? index.resolved[requestKey(folder, request)]
                : undefined;
        return known ?? resolve.call(this, request, parent, ...rest);
    };
    const run = (module: NodeModule, file: string, key: string, entry: Entry) => {
        const source = at(entry.source).toString();
        if (IMPORT.test(source)) {
            compileModule(module, file, source);
            return;
        }
        const script = makeScript(source, file, entry.code && at(entry.code));
        scripts.set(key, script);
        runModule(script, module, file);
    };
    const load = loader._extensions[".js"]!;
    loader._extensions[".js"] = (module, file) => {
        const entry = index.files[file];
        if (entry !== undefined && isSame(file, entry)) {
            run(module, file, file, entry);
        } else {
            load(module, file);
        }
    };
    loader._extensions[".ts"] = (module, file) => {
        const text = readFileSync(file, "utf8");
        const key = sourceKey(text);
        const entry = index.compiled[key];
        if (entry !== undefined) {
            run(module, file, key, entry);
        } else {
            compileModule(module, file, compile(text, file, index.options));
        }
    };
    const contents = (): Contents => {
        const compiled = Object.entries(index.compiled).map(
            ([key, { source }]): [string, string] => [key, at(source).toString()],
        );
        const files = Object.keys(index.files);
        return { ...index, files, compiled: Object.fromEntries(compiled) };
    };
    return { scripts, contents };
}

function isSame(file: string, { size, time }: PackageEntry): boolean {
    const now = statSync(file);
    return now.size === size && now.mtimeMs === time;
}

function makeScript(source: string, file: string, code?: Buffer): Script {
    // A line for shells is no JavaScript but at the very beginning.
    const wrapped = loader.wrap(source.replace(/^#!/, "//"));
    return new Script(wrapped, { filename: file, cachedData: code });
}

/** Compiles and runs a module as always. */
export function compileModule(module: NodeModule, file: string, source: string): void {
    (module as unknown as { _compile(source: string, file: string): void })._compile(source, file);
}

/** As node does with what it has read. */
function runModule(script: Script, module: NodeModule, file: string): void {
    const resolve = (request: string, options?: object) =>
        loader._resolveFilename(request, module, false, ...(options ? [options] : []));
    const require = Object.assign((request: string) => module.require(request) as unknown, {
        resolve: Object.assign(resolve, {
            paths: (request: string) => loader._resolveLookupPaths(request, module),
        }),
        main: process.mainModule,
        extensions: loader._extensions,
        cache: loader._cache,
    });
    const run = script.runInThisContext() as (...args: unknown[]) => void;
    run.call(module.exports, module.exports, require, module, file, path.dirname(file));
}
