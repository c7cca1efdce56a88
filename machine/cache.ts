/**
 * A cache of built things outside the checkout, keyed by what they are built from.
 *
 * An entry is a folder that appears whole, by rename and once it is on the disk: a run that is killed,
 * or a power cut, leaves only a folder that no one looks at, two runs at once both build and the first
 * to finish wins, and any entry may be deleted at any moment, to be made again by the next run.
 */
import { createHash } from "node:crypto";
import {
    closeSync,
    existsSync,
    fsyncSync,
    mkdirSync,
    mkdtempSync,
    openSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    statSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** Folder of all entries: `SANDBOX_GATEWAY_CACHE`, else below `XDG_CACHE_HOME`, else `~/.cache`. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
    return (
        env["SANDBOX_GATEWAY_CACHE"] ??
        path.join(env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"), "sandbox-gateway")
    );
}

/** What an entry is made from. */
export interface Recipe {
    /** Name of the entry; readable, and first in its folder's name. */
    readonly name: string;
    /** Files and folders whose content decides what is built. */
    readonly files: readonly string[];
    /** Whatever else decides it: versions, flags, other entries. */
    readonly parameters?: readonly string[];
}

/** Name of the entry of a recipe: what is made from another entry has it among its parameters. */
export function entryName(recipe: Recipe): string {
    return `${recipe.name}-${digest(recipe)}`;
}

/** Whether there is any entry of a name, made of whatever. */
export function hasEntries(name: string): boolean {
    const root = cacheRoot();
    return existsSync(root) && readdirSync(root).some((entry) => entry.startsWith(`${name}-`));
}

/** Whether the entry is there. */
export function isCached(recipe: Recipe): boolean {
    return existsSync(path.join(cacheRoot(), entryName(recipe)));
}

/**
 * The folder of the entry; `build` fills it when it is missing.
 *
 * @throws what `build` throws; nothing is left behind then
 */
export async function cached(
    recipe: Recipe,
    build: (folder: string) => Promise<void>,
): Promise<string> {
    const entry = path.join(cacheRoot(), entryName(recipe));
    if (existsSync(entry)) {
        return entry;
    }
    const root = cacheRoot();
    mkdirSync(root, { recursive: true });
    removeAbandoned(root);
    const folder = mkdtempSync(path.join(root, `.tmp-${recipe.name}-`));
    try {
        await build(folder);
        flush(folder);
        renameUnlessThere(folder, entry);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
    return entry;
}

/** Has the disk hold a folder: after a power cut its name might be there, and its files be empty. */
function flush(folder: string): void {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) {
            flush(file);
        } else if (entry.isFile()) {
            flushOne(file);
        }
    }
    flushOne(folder);
}

function flushOne(file: string): void {
    const descriptor = openSync(file, "r");
    try {
        fsyncSync(descriptor);
    } finally {
        closeSync(descriptor);
    }
}

function renameUnlessThere(from: string, to: string): void {
    try {
        renameSync(from, to);
    } catch (error) {
        if (!existsSync(to)) {
            throw error;
        }
    }
}

/** Folders of runs that were killed: nothing builds for a day. */
function removeAbandoned(root: string): void {
    const dayAgo = Date.now() - 24 * 60 * 60 * 1000;
    for (const name of readdirSync(root).filter((entry) => entry.startsWith(".tmp-"))) {
        const folder = path.join(root, name);
        if ((statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? dayAgo) < dayAgo) {
            rmSync(folder, { recursive: true, force: true });
        }
    }
}

function digest(recipe: Recipe): string {
    const hash = createHash("sha256");
    for (const file of recipe.files) {
        addFile(hash, file, path.basename(file));
    }
    for (const parameter of recipe.parameters ?? []) {
        hash.update(`parameter ${parameter}\0`);
    }
    return hash.digest("hex").slice(0, 16);
}

function addFile(hash: ReturnType<typeof createHash>, file: string, name: string): void {
    const stat = statSync(file);
    if (stat.isDirectory()) {
        for (const child of readdirSync(file).sort()) {
            addFile(hash, path.join(file, child), `${name}/${child}`);
        }
        return;
    }
    // Whether a file may be executed is part of an image that is built from it.
    hash.update(`file ${name} ${stat.mode & 0o111} ${stat.size}\0`);
    hash.update(readFileSync(file));
}
