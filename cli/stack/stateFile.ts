/**
 * A stack's state as a file backend has it: whole, damaged, gone, or never there. The engine says of a
 * damaged one only that its JSON ends too early, and takes one that is gone for a stack that never was.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { PROJECT } from "../../settings/stackConfig";
import { ownName } from "./stackFile";

/** The engine's layout under the backend's folder. */
const BOOKKEEPING = ".pulumi";
const ENDINGS = [".json", ".json.gz"];
/** By project, and all in one as backends of before 2023 have it. */
const LAYOUTS = [PROJECT, ""];

/** The part of a state that is read. */
interface Checkpoint {
    readonly version: number;
    readonly checkpoint: {
        readonly latest?: {
            readonly secrets_providers?: { readonly type?: string };
            readonly resources?: readonly StoredResource[];
        } | null;
    };
}

/** A resource in a state. */
interface StoredResource {
    readonly urn: string;
    readonly type: string;
    readonly outputs?: Readonly<Record<string, unknown>>;
}

/** What there is of a stack. */
export type StackState =
    | { readonly kind: "none" }
    | {
          readonly kind: "whole";
          readonly file: string;
          /** Whether a passphrase opens its secrets. */
          readonly encrypted: boolean;
          readonly resources: readonly StoredResource[];
      }
    | {
          readonly kind: "damaged" | "gone";
          readonly file: string;
          /** What is wrong with it. */
          readonly why: string;
          /** Whole ones of before with something in them, newest first. */
          readonly backups: readonly string[];
      };

/**
 * Looks at a stack's state.
 *
 * @param url as PULUMI_BACKEND_URL; into another backend than a file's nobody can look from here
 * @param root folder that a relative path begins at
 */
export function lookAtState(url: string | undefined, stack: string, root: string): StackState {
    const folder = folderOf(url, root);
    if (folder === undefined) {
        return { kind: "none" };
    }
    const name = ownName(stack);
    const inAll = (kind: string) =>
        LAYOUTS.map((layout) => path.join(folder, BOOKKEEPING, kind, layout, name));
    const bases = inAll("stacks");
    const names = bases.flatMap((base) => ENDINGS.map((ending) => base + ending));
    const file = names.find(isFile);
    const earlier = [
        ...names.map((each) => `${each}.bak`).filter(isFile),
        ...inAll("backups").flatMap(backupsIn),
    ];
    if (file === undefined) {
        const backups = wholeOf(earlier);
        // What `pulumi stack rm` leaves behind of a stack that was destroyed is empty.
        return backups[0] === undefined || backups[0].resources.length === 0
            ? { kind: "none" }
            : gone("gone", `${bases[0]}.json`, "it is gone", backups);
    }
    const found = read(file);
    return typeof found === "string"
        ? gone("damaged", file, found, wholeOf(earlier))
        : { kind: "whole", file, ...found };
}

/** Names of the stacks that a file backend has, by project. @param url and root as for `lookAtState` */
export function stacksIn(url: string, root: string): string[] {
    const stacks = path.join(folderOf(url, root) ?? "", BOOKKEEPING, "stacks", PROJECT);
    const names = existsSync(stacks) ? readdirSync(stacks) : [];
    return names.flatMap((name) => /^(.+)\.json(\.gz)?$/.exec(name)?.[1] ?? []);
}

function gone(
    kind: "damaged" | "gone",
    file: string,
    why: string,
    backups: readonly Whole[],
): StackState {
    const filled = backups.filter(({ resources }) => resources.length > 0);
    return { kind, file, why, backups: filled.map((backup) => backup.file) };
}

/** The folder of a file backend, as the engine finds it. @returns undefined for any other backend */
export function folderOf(url: string | undefined, root: string): string | undefined {
    const [, named] = /^file:\/\/([^?]*)/.exec(url ?? "") ?? [];
    return named === undefined
        ? undefined
        : path.resolve(root, decode(named.replace(/^~(?=\/|$)/, os.homedir())));
}

function decode(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

interface Contents {
    readonly encrypted: boolean;
    readonly resources: readonly StoredResource[];
}

type Whole = Contents & { readonly file: string };

/** What a file holds. @returns what is wrong with it, in words */
function read(file: string): Contents | string {
    const bytes = readFileSync(file);
    if (bytes.length === 0) {
        return "it is empty";
    }
    try {
        const text = file.replace(/\.bak$/, "").endsWith(".gz") ? gunzipSync(bytes) : bytes;
        const state = JSON.parse(text.toString("utf8")) as Partial<Checkpoint> | null;
        if (typeof state?.version !== "number" || typeof state.checkpoint !== "object") {
            return "it holds no state";
        }
        const { latest } = state.checkpoint;
        return {
            encrypted: latest?.secrets_providers?.type === "passphrase",
            resources: latest?.resources ?? [],
        };
    } catch (error) {
        return `it cannot be read: ${(error as Error).message}`;
    }
}

/** Those that can be read, newest first. */
function wholeOf(files: readonly string[]): Whole[] {
    return files
        .map((file) => ({ file, time: statSync(file).mtimeMs }))
        .sort((a, b) => b.time - a.time)
        .flatMap(({ file }) => {
            const found = read(file);
            return typeof found === "string" ? [] : [{ file, ...found }];
        });
}

/** Backups by name, the latest first: among equals in time the name counts, which is a time, too. */
function backupsIn(folder: string): string[] {
    try {
        const names = readdirSync(folder).filter((name) => ENDINGS.some((e) => name.endsWith(e)));
        return names
            .sort()
            .reverse()
            .map((name) => path.join(folder, name));
    } catch {
        // None were made yet.
        return [];
    }
}

function isFile(file: string): boolean {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
