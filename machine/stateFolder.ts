/**
 * Where a checkout keeps its stacks' state and their passphrase: outside of it, where neither
 * `git clean` nor a removal of the checkout reaches. Each checkout has a folder of its own, told by its
 * path: a second clone never works on the first one's stacks, and a new clone at the old path finds its
 * state again.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { StepError } from "../steps/errors";
import { writeOnce } from "../steps/writeOnce";

/** Folder in the checkout, ignored by git, for logs and image archives; formerly for the state, too. */
export const LOCAL_FOLDER = ".local";

/** Folder of this program among the states of all programs. */
const PROGRAM = "sandbox-gateway";

const PASSPHRASE = "passphrase";

/** Says which checkout a folder belongs to. */
const CHECKOUT = "checkout";

/** A folder with state. */
export interface StateFolder {
    /** Absolute. */
    readonly folder: string;
    /** As PULUMI_BACKEND_URL. */
    readonly url: string;
    /** File with the passphrase. */
    readonly passphrase: string;
    /** Where it ought to be, when it lies in the checkout, as it did formerly. */
    readonly betterAt?: string;
}

/**
 * The folder of a checkout. State that lies in the checkout, as formerly, stays in use there.
 *
 * @param env its XDG_STATE_HOME counts, when it is absolute. @default ~/.local/state
 * @throws StepError when there is state in both places: which one is right cannot be told
 */
export function findStateFolder(root: string, env: NodeJS.ProcessEnv = process.env): StateFolder {
    const former = stateFolder(path.join(root, LOCAL_FOLDER));
    const own = stateFolder(path.join(statesOf(env), nameOf(root)));
    if (!isUsed(former)) {
        return own;
    }
    if (isUsed(own)) {
        throw new StepError(
            `there is state in two places: ${describe(former)}; and ${describe(own)}`,
            `keep one. A move that was interrupted is finished by moving what is left of \`.pulumi\` and \`${PASSPHRASE}\`; otherwise move the one that is not wanted out of the way (\`PULUMI_BACKEND_URL=${own.url} pulumi stack ls\` lists what is in one)`,
        );
    }
    return { ...former, betterAt: own.folder };
}

/** Makes a folder for its owner only, and notes in one outside of the checkout whose it is. */
export function makeStateFolder({ folder, betterAt }: StateFolder, root: string): void {
    makePrivate(folder);
    if (betterAt === undefined) {
        writeOnce(path.join(folder, CHECKOUT), `${realpathSync(root)}\n`, 0o600);
    }
}

/** The folder in the checkout, with logs, and with state of earlier versions. @returns its path */
export function makeLocalFolder(root: string): string {
    return makePrivate(path.join(root, LOCAL_FOLDER));
}

/** For its owner only: the engine has what it makes in it read by everyone. */
function makePrivate(folder: string): string {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Somebody may have made it before us, as earlier versions have.
    chmodSync(folder, 0o700);
    return folder;
}

/** State of another checkout. */
export interface OtherState extends StateFolder {
    /** Path of the checkout, which may be there no more. */
    readonly checkout: string;
}

/** The folders of this user's other checkouts. */
export function otherStateFolders(root: string, env = process.env): OtherState[] {
    const states = statesOf(env);
    const names = existsSync(states) ? readdirSync(states) : [];
    return names
        .map((name) => path.join(states, name))
        .filter((folder) => folder !== path.join(states, nameOf(root)))
        .filter((folder) => existsSync(path.join(folder, CHECKOUT)))
        .map((folder) => ({
            ...stateFolder(folder),
            checkout: readFileSync(path.join(folder, CHECKOUT), "utf8").trim(),
        }));
}

function stateFolder(folder: string): StateFolder {
    // These alone mean something else to whoever reads it as a URL.
    const url = `file://${folder.replace(/[%?#]/g, encodeURIComponent)}`;
    return { folder, url, passphrase: path.join(folder, PASSPHRASE) };
}

function statesOf(env: NodeJS.ProcessEnv): string {
    const own = env["XDG_STATE_HOME"];
    // The specification has a relative path ignored.
    const base =
        own !== undefined && path.isAbsolute(own)
            ? own
            : path.join(os.homedir(), ".local", "state");
    return path.join(base, PROGRAM);
}

/** Readable, and another for every path. */
function nameOf(root: string): string {
    const real = realpathSync(root);
    const hash = createHash("sha256").update(real).digest("hex").slice(0, 8);
    return `${path.basename(real).replace(/[^\w.-]+/g, "-")}-${hash}`;
}

/** Whether there is a stack's state, or the passphrase of one. */
export function isUsed({ folder, passphrase }: StateFolder): boolean {
    const stacks = path.join(folder, ".pulumi", "stacks");
    const files = existsSync(stacks)
        ? readdirSync(stacks, { recursive: true, encoding: "utf8" })
        : [];
    return existsSync(passphrase) || files.some((name) => name.includes(".json"));
}

function describe({ folder, passphrase }: StateFolder): string {
    const parts = [path.join(folder, ".pulumi"), passphrase].filter((part) => existsSync(part));
    return parts.join(", ");
}
