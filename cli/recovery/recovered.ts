/**
 * Between `make recover` and the first `up` that succeeds: the state has the gateway's identity, and
 * Docker and Kubernetes have everything else of it, which the state does not know of. A mark beside the
 * state says so, until nothing is left of the state before. Another one says that a run has not got to
 * its end, and may have made in Kubernetes what the state does not know of.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { dockerName, nodeName } from "../../model/names";
import type { PlaceSettings } from "../../settings/schema";
import { docker, dockerHas, dockerWithin } from "../../machine/docker/cli";
import { reasonOf } from "../../steps/command";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { ownName } from "../stack/stackFile";
import { makeStateFolder, type StateFolder } from "../../machine/stateFolder";
import { writeOnce } from "../../steps/writeOnce";
import {
    formerManagers,
    objectsOf,
    typed,
    type KubernetesObject,
    type StoredObject,
} from "./fieldManagers";
import { exportState, type Stored } from "../stack/stackExport";
import type { Target } from "../status/target";

/**
 * Has the Kubernetes provider take objects over that another state has made. Without it, the first
 * value that differs, such as a new token, is a conflict.
 */
export const TAKE_OVER = { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" } as const;

/** How the names begin of all containers of this program; a person's own on the volume are left alone. */
const OUR_CONTAINERS = "openshell-";

/** Seconds that Docker may take to stop a gateway, with the grace of its pods. */
const STOP_SECONDS = 120;

/** Times that an object is tried which changes meanwhile. */
const TRIES = 3;

/** What the mark says. */
export interface Recovered {
    /** Whether the node's password could not be recovered, so that Kubernetes has the hash of another. */
    readonly newNodePassword: boolean;
}

/** A stack that was recovered, or was not. */
export interface Work {
    readonly folder: StateFolder;
    readonly stack: string;
    /** Of pulumi. */
    readonly env: NodeJS.ProcessEnv;
    readonly place: PlaceSettings;
}

/** Whether a stack was recovered, and not yet brought up. */
export function isRecovered(folder: StateFolder, stack: string): boolean {
    return existsSync(markOf(folder, stack));
}

/** Marks a stack as recovered. @param root of the checkout */
export function markRecovered(
    folder: StateFolder,
    stack: string,
    root: string,
    mark: Recovered,
): void {
    makeStateFolder(folder, root);
    writeOnce(markOf(folder, stack), `${JSON.stringify(mark)}\n`, 0o600);
}

/** Notes that a run of a stack has not got to its end. @param root of the checkout */
export function markUnfinished(folder: StateFolder, stack: string, root: string): void {
    makeStateFolder(folder, root);
    writeOnce(unfinishedMarkOf(folder, stack), "{}\n", 0o600);
}

/** Whether there may be objects in Kubernetes that are this stack's, and that another name has applied. */
export function takesOver(folder: StateFolder, stack: string): boolean {
    return isRecovered(folder, stack) || existsSync(unfinishedMarkOf(folder, stack));
}

function markOf({ folder }: StateFolder, stack: string): string {
    return path.join(folder, `recovered-${ownName(stack)}.json`);
}

function unfinishedMarkOf({ folder }: StateFolder, stack: string): string {
    return path.join(folder, `unfinished-${ownName(stack)}.json`);
}

/**
 * Removes what runs a recovered gateway, and what the state does not know: Docker gives no second one
 * the name, and the new state makes them again. The data volume stays.
 *
 * @throws StepError when Docker does not do it
 */
export async function clearWay(
    { folder, stack, env, place: { gateway } }: Work,
    progress: Progress,
): Promise<void> {
    if (!isRecovered(folder, stack)) {
        return;
    }
    const name = dockerName(gateway.name);
    const known = await stored(env, progress);
    const knows = (type: string, wanted: string) =>
        known.some((part) => part.type === type && part.outputs?.["name"] === wanted);
    const mounting = ["ps", "--all", "--filter", `volume=${name}`, "--format", "{{.Names}}"];
    const containers = (await tell(docker(...mounting)))
        .split("\n")
        .filter((found) => found.startsWith(OUR_CONTAINERS))
        .filter((found) => !knows("docker:index/container:Container", found));
    for (const container of containers) {
        await progress.step(
            `container ${container}, which the state does not know`,
            async () => {
                await tell(dockerWithin(STOP_SECONDS, "stop", container));
                await tell(docker("rm", "--volumes", container));
            },
            () => "removed; it is made again",
        );
    }
    if ((await dockerHas("network", name)) && !knows("docker:index/network:Network", name)) {
        await progress.step(
            `network ${name}, which the state does not know`,
            () => tell(docker("network", "rm", name)),
            () => "removed; it is made again",
        );
    }
}

/**
 * After an `up` that succeeded: takes what the state of before, or a run that was killed, has left in
 * Kubernetes, and the marks.
 *
 * Objects are the old state's as well as the new one's, by the names under which the two have applied
 * them: what the new one takes away later would stay, and what it changes would be a conflict.
 */
export async function finishRecovery(
    { folder, stack, env, place: { gateway } }: Work,
    target: Target,
    progress: Progress,
): Promise<void> {
    if (!takesOver(folder, stack) || (await target.look()).state !== "running") {
        return;
    }
    const mark = markOf(folder, stack);
    const recovered = isRecovered(folder, stack);
    const { newNodePassword } = recovered
        ? (JSON.parse(readFileSync(mark, "utf8")) as Recovered)
        : { newNodePassword: false };
    const who = recovered ? "the lost state" : "an earlier run";
    await progress.step(`what ${who} has left in Kubernetes`, async () => {
        await retry(async () => releaseObjects(target, objectsOf(await stored(env, progress))));
        if (newNodePassword) {
            // The next start of k3s stores the hash of the new one.
            const secret = `${nodeName(gateway.name)}.node-password.k3s`;
            const remove = ["delete", "secret", secret, "--ignore-not-found"];
            await tell(target.kubectl("-n", "kube-system", ...remove));
        }
    });
    rmSync(mark, { force: true });
    rmSync(unfinishedMarkOf(folder, stack), { force: true });
}

async function releaseObjects(target: Target, objects: readonly StoredObject[]): Promise<void> {
    for (const namespace of new Set(objects.map((object) => object.namespace))) {
        const wanted = objects.filter((object) => object.namespace === namespace);
        const scope = namespace === undefined ? [] : ["-n", namespace];
        const get = ["get", ...wanted.map(typed), "--show-managed-fields", "-o", "json"];
        const answer = JSON.parse(await tell(target.kubectl(...scope, ...get))) as
            { readonly items: readonly KubernetesObject[] } | KubernetesObject;
        for (const found of "items" in answer ? answer.items : [answer]) {
            const object = wanted.find(
                ({ kind, name }) => kind === found.kind && name === found.metadata.name,
            );
            const patch = object ? formerManagers(found, object.manager) : [];
            if (object && patch.length > 0) {
                const args = ["patch", typed(object), "--type=json", "-p", JSON.stringify(patch)];
                await tell(target.kubectl(...scope, ...args));
            }
        }
    }
}

async function stored(env: NodeJS.ProcessEnv, progress: Progress): Promise<readonly Stored[]> {
    return (await exportState(env, progress)).deployment?.resources ?? [];
}

async function retry(work: () => Promise<void>): Promise<void> {
    for (let left = TRIES; ; left--) {
        try {
            return await work();
        } catch (error) {
            if (left === 1) {
                throw error;
            }
        }
    }
}

/** @throws StepError with a command's last words */
async function tell<T>(command: Promise<T>): Promise<T> {
    try {
        return await command;
    } catch (error) {
        throw new StepError(
            reasonOf(error),
            "see to that, then run this again: it goes on from here",
        );
    }
}
