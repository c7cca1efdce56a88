/**
 * A look at a stack's state before anything is done with it. One that is damaged, lost, or without its
 * passphrase never reads as "there is nothing yet": a new state would take the place of a gateway that
 * is still there.
 */
import { existsSync } from "node:fs";
import * as path from "node:path";
import { dockerName } from "../../model/names";
import { readRecord } from "../../settings/stackConfig";
import { requireDaemon } from "../../machine/docker/daemon";
import { dockerHas } from "../../machine/docker/cli";
import { hasPassphrase } from "../../machine/environment";
import { StepError } from "../../steps/errors";
import { ownName, stackFileName } from "./stackFile";
import { lookAtState, stacksIn, type StackState } from "./stateFile";
import { findStateFolder, isUsed, otherStateFolders } from "../../machine/stateFolder";
import type { StateFolder } from "../../machine/stateFolder";
import { partsOf } from "../recovery/missing";
import { gatewayOf } from "./stackExport";
import { asCommand } from "../../steps/text";
import type { Checkout, Session } from "../session";

const CHAPTER = "docs/operations.md, `The state or the passphrase is lost`";

/** What pulumi is asked about, and in which environment. */
export type Subject = Pick<Session, "root" | "stack" | "env">;

/** The same with where its gateway is. */
export type Placed = Subject & Pick<Session, "place" | "docker">;

/**
 * Sees that a stack's state, where there is one, is whole and has its passphrase.
 *
 * @returns what there is
 * @throws StepError when it is damaged or gone, or the passphrase is missing that it is encrypted with
 */
export function checkState({ root, stack, env }: Subject): StackState {
    const state = lookAtState(env["PULUMI_BACKEND_URL"], stack, root);
    if (state.kind === "damaged" || state.kind === "gone") {
        throw isDamaged(stack, state);
    }
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    const missing =
        env["PULUMI_CONFIG_PASSPHRASE"] === undefined &&
        passphrase !== undefined &&
        !hasPassphrase(passphrase);
    if (state.kind === "whole" && state.encrypted && missing) {
        throw new StepError(
            [
                `the passphrase of stack ${stack} is missing: ${passphrase} ${existsSync(passphrase) ? "is empty" : "does not exist"}`,
                `  the state ${state.file} is encrypted with it, and another one would not open it; nothing was changed`,
            ].join("\n"),
            `put ${passphrase} back from a backup. Without one, move ${state.file} away and run \`make recover STACK=${stack}\`: ${CHAPTER}`,
        );
    }
    return state;
}

/** The gateway of a stack, as far as its state can be read without pulumi. @default not known */
export function gatewayIn({ root, stack, env }: Subject): string | undefined {
    const state = lookAtState(env["PULUMI_BACKEND_URL"], stack, root);
    return state.kind === "whole" ? gatewayOf(state.resources) : undefined;
}

function isDamaged(
    stack: string,
    { file, why, backups }: Extract<StackState, { readonly why: string }>,
): StepError {
    const [newest] = backups;
    const recover = `\`make recover STACK=${stack}\` takes the gateway's identity from its data volume`;
    const away = existsSync(file) ? `move ${file} away, then ` : "";
    return new StepError(
        [
            `the state of stack ${stack}, ${file}: ${why}`,
            `  nothing was changed; ${newest === undefined ? "there is no backup of it beside it" : `backups of it: ${backups.slice(0, 3).join(", ")}`}`,
        ].join("\n"),
        newest === undefined
            ? `put a backup of your own in its place; without one, ${away}${recover}: ${CHAPTER}`
            : `${putBack(newest, file)}, then \`make heal STACK=${stack}\`. If that backup will not do, move it and ${file} away; ${recover}: ${CHAPTER}`,
    );
}

/** The command that makes a state of a backup; either may be packed. */
function putBack(backup: string, file: string): string {
    const [from, to] = [backup.replace(/\.bak$/, ""), file].map((name) => name.endsWith(".gz"));
    return from === to
        ? asCommand(["cp", backup, file])
        : `${asCommand([from ? "gunzip" : "gzip", "-c", backup])} >${asCommand([file])}`;
}

/**
 * Sees, of a stack that the backend does not have, that it was not there before: by the salt in its
 * file, and by the data of its gateway in Docker.
 *
 * @param hasData whether a volume that is there is the gateway's
 * @throws StepError when it was
 */
export async function checkNeverThere(
    session: Placed,
    hasData: (volume: string) => Promise<boolean>,
): Promise<void> {
    const { stack, env, docker } = session;
    const { gateway, existingCluster } = session.place;
    const backend = env["PULUMI_BACKEND_URL"] ?? "the backend that you are logged in to";
    const volume = dockerName(gateway.name);
    if (docker && !existingCluster) {
        await requireDaemon(docker);
        if ((await dockerHas("volume", volume)) && (await hasData(volume))) {
            throw new StepError(
                [
                    `Docker at ${docker.host} (${docker.namedBy}) has the data of gateway ${gateway.name}, in the volume ${volume}, and ${backend} has no stack ${stack}: its state is lost, or elsewhere`,
                    "  nothing was changed; a new state would have another identity, with which that data cannot be run",
                ].join("\n"),
                adviceOf(session, volume),
            );
        }
    }
    const file = stackFileName(session);
    if (hasSalt(session)) {
        const asked = docker ? `; Docker at ${docker.host} has no volume ${volume} either` : "";
        throw new StepError(
            `${file} has an encryptionsalt, so that stack ${stack} was there before, and ${backend} does not have it${asked}; nothing was changed`,
            `name the right backend (PULUMI_BACKEND_URL) or Docker daemon (\`docker context use NAME\`), or put the state back: ${CHAPTER}. To begin anew, remove the line \`encryptionsalt\` from ${file}`,
        );
    }
}

/** Whether a stack's file says that the stack was there. */
export function hasSalt(checkout: Checkout): boolean {
    const file = path.join(checkout.root, stackFileName(checkout));
    return existsSync(file) && readRecord(file)["encryptionsalt"] !== undefined;
}

/** A state that has a volume. */
export interface Owner {
    /** File of the state. */
    readonly file: string;
    readonly checkout: string;
    /** Where the state is. */
    readonly folder: StateFolder;
    /** Whether the checkout is still there. */
    readonly isThere: boolean;
}

/** Another state of this user, in another checkout or of another stack, that has a volume. @default none is known of */
export function ownerOf({ root, stack }: Checkout, volume: string): Owner | undefined {
    const here = { ...findStateFolder(root), checkout: root };
    for (const { checkout, ...folder } of [here, ...otherStateFolders(root)]) {
        const { url } = folder;
        for (const name of stacksIn(url, root)) {
            const state = lookAtState(url, name, root);
            const resources = state.kind === "whole" ? state.resources : [];
            const has = partsOf({ deployment: { resources } }).some(
                (part) => part.kind === "volume" && part.name === volume,
            );
            const isThis = checkout === root && name === ownName(stack);
            if (state.kind === "whole" && has && !isThis) {
                return { file: state.file, checkout, folder, isThere: existsSync(checkout) };
            }
        }
    }
    return undefined;
}

/** What to do with a gateway whose state is not here. */
export function adviceOf(checkout: Checkout, volume: string): string {
    const { root, stack } = checkout;
    const owner = ownerOf(checkout, volume);
    if (owner?.isThere) {
        return `it is the gateway of the checkout ${owner.checkout} (${owner.file}): work with that, or choose another gateway.name`;
    }
    if (owner) {
        return `its state is ${owner.file}, of the checkout ${owner.checkout}, which is gone or was moved: ${takeOver(owner.folder, findStateFolder(root))}`;
    }
    return `put the state and its passphrase back, or run \`make recover STACK=${stack}\`: ${CHAPTER}. If the gateway is another checkout's or another user's, choose another gateway.name`;
}

/** How a state is worked with whose checkout is no more. Nothing is ever put in place of what is there. */
function takeOver(theirs: StateFolder, ours: StateFolder): string {
    if (!isUsed(ours)) {
        const copy = asCommand(["cp", "-an", `${theirs.folder}/.`, `${ours.folder}/`]);
        return `\`${asCommand(["mkdir", "-p", "-m", "700", ours.folder])} && ${copy}\`, then run this again`;
    }
    const passphrase = existsSync(theirs.passphrase)
        ? [`PULUMI_CONFIG_PASSPHRASE_FILE=${theirs.passphrase}`]
        : [];
    const variables = asCommand([`PULUMI_BACKEND_URL=${theirs.url}`, ...passphrase]);
    return `this checkout has stacks or a passphrase of its own, so leave that where it is, and work with it there: \`export ${variables}\`, then run this again`;
}

/**
 * Sees whether a stack that is only worked with is there, as far as that can be seen before pulumi runs.
 *
 * @returns false for one that never was
 * @throws StepError as `checkState` and `checkNeverThere`
 */
export async function findState(session: Placed): Promise<boolean> {
    const isFile = session.env["PULUMI_BACKEND_URL"]?.startsWith("file://");
    if (checkState(session).kind !== "none" || !isFile) {
        return true;
    }
    await checkNeverThere(session, () => Promise.resolve(true));
    return false;
}

/** Why nothing can be done with a stack that never was. */
export function isNotThere({ stack, env }: Subject): StepError {
    return new StepError(
        `there is no stack ${stack} in ${env["PULUMI_BACKEND_URL"]}: there is nothing to work with yet`,
        `\`make up STACK=${stack}\` makes it, with its gateway`,
    );
}

/**
 * Selects a stack, and makes it when the backend does not have it.
 *
 * @param prepare what has to be done before it is made, and after it was seen that it may be
 */
export async function selectStack(
    { root, stack, env, progress }: Subject & Pick<Session, "progress">,
    prepare: () => Promise<void> | void,
): Promise<void> {
    const select = (...options: string[]) =>
        progress.run("pulumi", ["stack", "select", ...options, stack], { cwd: root, env });
    try {
        await select();
    } catch (error) {
        if (!(error instanceof StepError) || !error.message.includes("no stack named")) {
            throw error;
        }
        await prepare();
        await select("--create");
    }
}
