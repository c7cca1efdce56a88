/** The environment in which `pulumi` works on this checkout: what `make env` prints. */
import { randomBytes } from "node:crypto";
import {
    existsSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    rmSync,
    statSync,
    symlinkSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { LOCAL_FOLDER, type StateFolder } from "./stateFolder";
import { quoted } from "../steps/text";
import { writeOnce } from "../steps/writeOnce";

export { LOCAL_FOLDER };

const CREDENTIALS = "credentials.json";

/** What the engine adds to the name of a plugin's folder for the mark that it is not complete. */
export const PARTIAL = ".partial";

/** Where the stack's state is kept. */
export interface Backend {
    /** Variables to set; empty when the user's own choice stands. */
    readonly variables: Readonly<Record<string, string>>;
    /** For people. */
    readonly description: string;
}

/**
 * The user's backend if there is one (PULUMI_BACKEND_URL, PULUMI_ACCESS_TOKEN or a login), else a
 * file backend in the checkout's own folder.
 */
export function chooseBackend(
    { folder, url, passphrase, betterAt }: StateFolder,
    env: NodeJS.ProcessEnv,
    loggedInTo?: string,
): Backend {
    const own = env["PULUMI_BACKEND_URL"] ?? loggedInTo;
    const variables: Record<string, string> = {};
    if (own === undefined && env["PULUMI_ACCESS_TOKEN"] === undefined) {
        variables["PULUMI_BACKEND_URL"] = url;
    }
    if (
        env["PULUMI_CONFIG_PASSPHRASE"] === undefined &&
        env["PULUMI_CONFIG_PASSPHRASE_FILE"] === undefined &&
        variables["PULUMI_BACKEND_URL"] !== undefined
    ) {
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = passphrase;
    }
    // In a shell of `make env` it is named already.
    const ours = variables["PULUMI_BACKEND_URL"] !== undefined || own === url;
    return {
        variables,
        description: !ours
            ? `state in your own backend${own === undefined ? "" : ` ${own}`}`
            : betterAt === undefined
              ? `state in ${folder}`
              : `state in ${LOCAL_FOLDER}/.pulumi of the checkout, which \`git clean -x\` removes; to move it: mkdir -p -m 700 '${betterAt}' && mv ${LOCAL_FOLDER}/passphrase ${LOCAL_FOLDER}/.pulumi '${betterAt}'`,
    };
}

/** Backend the user is logged in to, from Pulumi's credentials file. */
export function currentLogin(env: NodeJS.ProcessEnv = process.env): string | undefined {
    try {
        const text = readFileSync(path.join(pulumiHome(env), CREDENTIALS), "utf8");
        return (JSON.parse(text) as { current?: string }).current || undefined;
    } catch {
        return undefined;
    }
}

/** Whether there is a passphrase: an empty file holds none. */
export function hasPassphrase(file: string): boolean {
    return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Makes the passphrase that encrypts secrets in the state: once, readable by its owner only. Whether a
 * state is there that another one has encrypted is for the caller to know.
 */
export function ensurePassphrase(file: string): void {
    const present = statSync(file, { throwIfNoEntry: false });
    if (present && present.size > 0) {
        return;
    }
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    if (present) {
        // Only what was empty a moment ago: another run may be making one.
        rmSync(file);
    }
    // A passphrase that is lost or cut short has encrypted a state that no one can read.
    writeOnce(file, `${randomBytes(32).toString("base64url")}\n`, 0o600);
}

/** Folder where Pulumi keeps plugins and logins. */
export function pulumiHome(env: NodeJS.ProcessEnv = process.env): string {
    const own = env["PULUMI_HOME"];
    // In a shell of `make env` it is the checkout's, which is not the user's own.
    const ours = own?.endsWith(path.join(LOCAL_FOLDER, "home"));
    return own === undefined || ours ? path.join(os.homedir(), ".pulumi") : own;
}

/**
 * A home of the checkout's own, for an engine with plugins made here: in the user's own home they
 * would pass for the published ones in every other project. The user's logins stay valid.
 */
export function ensureHome(root: string, plugins: string, env = process.env): string {
    const home = path.join(root, LOCAL_FOLDER, "home");
    mkdirSync(home, { recursive: true });
    const folder = path.join(home, "plugins");
    if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) {
        rmSync(folder);
    }
    mkdirSync(folder, { recursive: true });
    // The user's own plugins are found here as well; what was made here wins.
    const own = path.join(pulumiHome(env), "plugins");
    const sources = new Map<string, string>();
    for (const source of [own, plugins].filter((candidate) => existsSync(candidate))) {
        for (const name of completePlugins(source)) {
            sources.set(name, path.join(source, name));
        }
    }
    sources.forEach((source, name) => linkFiles(source, path.join(folder, name)));
    const credentials = path.join(pulumiHome(env), CREDENTIALS);
    if (existsSync(credentials) && path.dirname(credentials) !== home) {
        link(credentials, path.join(home, CREDENTIALS));
    }
    return home;
}

/** Folders of plugins; beside them are locks, and marks of those that are not complete. */
function completePlugins(folder: string): string[] {
    const entries = readdirSync(folder, { withFileTypes: true });
    const partial = new Set(entries.map(({ name }) => name).filter((n) => n.endsWith(PARTIAL)));
    return entries
        .filter((entry) => entry.isDirectory() && entry.name.startsWith("resource-"))
        .map(({ name }) => name)
        .filter((name) => !partial.has(name + PARTIAL));
}

/** The engine overlooks a plugin's folder that is a link itself: a folder of links it takes. */
function linkFiles(source: string, folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(source)) {
        link(path.join(source, name), path.join(folder, name));
    }
}

function link(target: string, file: string): void {
    const present = lstatSync(file, { throwIfNoEntry: false });
    if (present?.isSymbolicLink() && readlinkSync(file) === target) {
        return;
    }
    rmSync(file, { recursive: true, force: true });
    symlinkSync(target, file);
}

/** Environment for a command that runs pulumi. */
export function withTools(
    env: NodeJS.ProcessEnv,
    folders: readonly string[],
    variables: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
    return { ...env, ...variables, PATH: [...folders, env["PATH"]].join(path.delimiter) };
}

/** The same as shell commands: `eval "$(make env)"`. @param unset variables to be without. @default none */
export function asShell(
    folders: readonly string[],
    variables: Readonly<Record<string, string>>,
    unset: readonly string[] = [],
): string {
    const lines = Object.entries(variables).map(([key, value]) => `export ${key}=${quoted(value)}`);
    const front = folders.map((folder) => `${quoted(folder)}:`).join("");
    lines.push(...unset.map((key) => `unset ${key}`));
    return [...lines, ...(front ? [`export PATH=${front}"$PATH"`] : [])].join("\n");
}
