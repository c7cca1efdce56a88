/**
 * Between `make recover` and the first `up` that succeeds: the state has the gateway's identity, and
 * Docker and Kubernetes have everything else of it, which the state does not know of. A mark beside the
 * state says so, until nothing is left of the state before. Another one says that a run has not got to
 * its end, and may have made in Kubernetes what the state does not know of.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { dockerName, nodeName } from "../../model/names";
import { docker, dockerHas, dockerWithin } from "../../machine/docker/cli";
import { reasonOf } from "../../steps/command";
import { StepError } from "../../steps/errors";
import { ownName } from "../stack/stackFile";
import { makeStateFolder } from "../../machine/stateFolder";
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
import type { Session } from "../session";

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

/** A stack with the folder that its marks lie in. */
export type Marked = Pick<Session, "folder" | "stack">;

/** A stack that was recovered, or was not. */
export type Recovering = Marked & Pick<Session, "env" | "place" | "progress">;

/** Whether a stack was recovered, and not yet brought up. */
export function isRecovered(marked: Marked): boolean {
    return existsSync(markOf(marked));
}

/** Marks a stack as recovered. */
export function markRecovered(session: Marked & Pick<Session, "root">, mark: Recovered): void {
    makeStateFolder(session.folder, session.root);
    writeOnce(markOf(session), `${JSON.stringify(mark)}\n`, 0o600);
}

/** Notes that a run of a stack has not got to its end. */
export function markUnfinished(session: Marked & Pick<Session, "root">): void {
    makeStateFolder(session.folder, session.root);
    writeOnce(unfinishedMarkOf(session), "{}\n", 0o600);
}

/** Whether there may be objects in Kubernetes that are this stack's, and that another name has applied. */
export function takesOver(marked: Marked): boolean {
    return isRecovered(marked) || existsSync(unfinishedMarkOf(marked));
}

function markOf({ folder: { folder }, stack }: Marked): string {
    return path.join(folder, `recovered-${ownName(stack)}.json`);
}

function unfinishedMarkOf({ folder: { folder }, stack }: Marked): string {
    return path.join(folder, `unfinished-${ownName(stack)}.json`);
}

/**
 * Removes what runs a recovered gateway, and what the state does not know: Docker gives no second one
 * the name, and the new state makes them again. The data volume stays.
 *
 * @throws StepError when Docker does not do it
 */
export async function clearWay(session: Recovering): Promise<void> {
    if (!isRecovered(session)) {
        return;
    }
    const { progress } = session;
    const name = dockerName(session.place.gateway.name);
    const known = await stored(session);
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
export async function finishRecovery(session: Recovering, target: Target): Promise<void> {
    if (!takesOver(session) || (await target.look()).state !== "running") {
        return;
    }
    const mark = markOf(session);
    const recovered = isRecovered(session);
    const { newNodePassword } = recovered
        ? (JSON.parse(readFileSync(mark, "utf8")) as Recovered)
        : { newNodePassword: false };
    const who = recovered ? "the lost state" : "an earlier run";
    await session.progress.step(`what ${who} has left in Kubernetes`, async () => {
        await retry(async () => releaseObjects(target, objectsOf(await stored(session))));
        if (newNodePassword) {
            // The next start of k3s stores the hash of the new one.
            const secret = `${nodeName(session.place.gateway.name)}.node-password.k3s`;
            const remove = ["delete", "secret", secret, "--ignore-not-found"];
            await tell(target.kubectl("-n", "kube-system", ...remove));
        }
    });
    rmSync(mark, { force: true });
    rmSync(unfinishedMarkOf(session), { force: true });
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

async function stored(session: Recovering): Promise<readonly Stored[]> {
    return (await exportState(session)).deployment?.resources ?? [];
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
