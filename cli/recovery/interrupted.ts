/**
 * What a run that was killed has left behind, and what keeps every later one from going on: the lock of
 * the stack, creations that the state calls pending for ever, containers and networks in Docker.
 */
import { KINDS, list, takeAway } from "../../components/gateway/leftovers";
import { dockerName } from "../../model/names";
import { nameOfUrn } from "../../model/urn";
import { docker as listed, dockerHas, dockerWithin } from "../../machine/docker/cli";
import { currentLogin } from "../../machine/environment";
import { reasonOf } from "../../steps/command";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { folderOf } from "../stack/stateFile";
import { explainGateway } from "../status/gatewayLog";
import { clearLocks, lockFolders, mendAttributes } from "./locks";
import { isRecovered, markUnfinished, TAKE_OVER } from "./recovered";
import { exportState, gatewayOf, type Export } from "../stack/stackExport";
import type { Session } from "../session";

const STACK_TYPE = "pulumi:pulumi:Stack";
const STASH_TYPE = "pulumi:index:Stash";

/** Ending of the URN of the authority that names a gateway. */
const AUTHORITY_SUFFIX = "-server-ca";

/** What is made of it, in a state. */
const USES_AUTHORITY = [
    "docker:index/volume:Volume",
    "docker:index/network:Network",
    "docker:index/container:Container",
];

/** Seconds a command may take: a container is given its grace. */
const STOP_SECONDS = 120;

/** Lets pulumi be asked at all. @returns whether the backend is a folder, for nothing is done in others */
export async function clearBackend({ root, stack, env, progress }: Session): Promise<boolean> {
    const backend = folderOf(env["PULUMI_BACKEND_URL"] ?? currentLogin(), root);
    if (backend === undefined) {
        return false;
    }
    await clearLocks(lockFolders(backend, stack), stack, progress);
    mendAttributes(backend, stack, progress);
    return true;
}

/**
 * Clears all of it away, with a line for each.
 *
 * @returns the state, as it is then
 * @throws StepError when somebody else works on the stack, or something cannot be cleared
 */
export async function clearInterrupted(session: Session): Promise<Export> {
    const isFolder = await clearBackend(session);
    const state = await exportState(session);
    // In another backend somebody may be working on the stack who cannot be seen from here.
    if (isFolder && session.docker) {
        await clearDocker(state, session.progress);
    }
    const changed = [await forgetPending(session, state), await forgetAuthority(session, state)];
    return changed.includes(true) ? exportState(session) : state;
}

/**
 * After an `up` that failed: says what the gateway says of itself. What a plugin that was killed has made
 * in Kubernetes is in no state, and no pending creation either.
 */
export async function endFailed(session: Session): Promise<void> {
    noteUnfinished(session);
    await explainGateway(session);
}

/**
 * Has the next runs take over what this one may have made in Kubernetes: each creation applies an object
 * under a name of its own, and the next would be refused as a stranger's. In a gateway nothing is
 * anybody else's; in a cluster that was there already, nothing is taken over unasked.
 */
function noteUnfinished(session: Session): void {
    if (!session.place.existingCluster) {
        markUnfinished(session);
        Object.assign(session.env, TAKE_OVER);
    }
}

/** Resources whose creation was begun, and whose end the engine has not seen. */
export function pendingCreates({ deployment }: Export): string[] {
    const pending = deployment?.pending_operations ?? [];
    return pending.filter(({ type }) => type === "creating").map(({ resource }) => resource.urn);
}

/**
 * Whose the things in Docker are, and which of them the state knows.
 *
 * @returns no owner where nothing says whose they are: then none is looked for
 */
export function knownInDocker({ deployment }: Export): {
    readonly owner?: string;
    readonly known: ReadonlySet<string>;
} {
    const resources = deployment?.resources ?? [];
    const pending = (deployment?.pending_operations ?? []).map(({ resource }) => resource);
    const owner = gatewayOf([...resources, ...pending]);
    const known = resources.flatMap(({ type, outputs, inputs }) => {
        const kind = KINDS[type];
        const name = outputs?.["name"] ?? inputs?.["name"];
        return kind && typeof name === "string" ? [`${kind} ${name}`] : [];
    });
    return { ...(owner === undefined ? {} : { owner }), known: new Set(known) };
}

/** Takes away what Docker has of this gateway and the state does not know; never a volume. */
async function clearDocker(state: Export, progress: Progress): Promise<void> {
    const { owner, known } = knownInDocker(state);
    if (owner === undefined) {
        return;
    }
    const ask = (...args: readonly string[]) => dockerWithin(STOP_SECONDS, ...args);
    for (const kind of ["container", "network"] as const) {
        // A daemon that does not answer is for the command itself to report.
        const all = await list(listed, kind).catch(() => []);
        const left = all.filter(
            (each) => each.owner === owner && !known.has(`${kind} ${each.name}`),
        );
        for (const found of left) {
            progress.print(
                `  a run that was killed has left ${kind} ${found.name}, which the state does not know; it is taken away, and made again when it is needed`,
            );
            try {
                await takeAway(ask, kind, found);
            } catch (error) {
                throw new StepError(
                    `cannot take away ${kind} ${found.name}: ${reasonOf(error)}`,
                    "see docs/operations.md, `After a run was killed`; then run this again",
                );
            }
        }
    }
}

/**
 * Has the state forget creations that were begun: the engine would warn of them at every run to come,
 * and clears them only when it is told to. What they have made was taken away, or is adopted.
 *
 * @returns whether there were any
 */
async function forgetPending(session: Session, state: Export): Promise<boolean> {
    const pending = pendingCreates(state);
    if (pending.length === 0) {
        return false;
    }
    if (pending.some((urn) => urn.includes("kubernetes:"))) {
        // Before they are forgotten: this run may be killed as well.
        noteUnfinished(session);
    }
    // The stack alone: nothing else is asked, for the gateway may not run.
    const root = state.deployment?.resources?.find(({ type }) => type === STACK_TYPE);
    const target = root ? ["--target", root.urn] : [];
    const args = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates", ...target];
    const names = pending.map(nameOfUrn);
    session.progress.print(
        `  a run was killed while it made ${names.join(", ")}: the state forgets that, and the next up makes it`,
    );
    await session.progress.run("pulumi", args, { env: session.env });
    return true;
}

/** The authority of a state that has nothing else of a gateway yet: nothing was ever made with it. */
export function unusedAuthority({ deployment }: Export): string | undefined {
    const resources = deployment?.resources ?? [];
    const used = resources.some(
        ({ type }) => USES_AUTHORITY.includes(type) || type.startsWith("kubernetes:"),
    );
    const authority = resources.find(
        ({ type, urn }) => type === STASH_TYPE && urn.endsWith(AUTHORITY_SUFFIX),
    );
    return used ? undefined : authority?.urn;
}

/**
 * Has the state forget an authority whose gateway has no volume yet, so that one is issued anew. With it
 * alone, a volume that was not made yet would be taken for one that is lost.
 *
 * @returns whether there was one
 */
async function forgetAuthority(session: Session, state: Export): Promise<boolean> {
    const { env, place, docker, progress } = session;
    const urn = unusedAuthority(state);
    if (urn === undefined || !docker || place.existingCluster || isRecovered(session)) {
        return false;
    }
    if (await dockerHas("volume", dockerName(place.gateway.name))) {
        return false;
    }
    progress.print("  a run was killed before the gateway had its volume: it begins anew");
    await progress.run("pulumi", ["state", "delete", urn, "--force", "--yes"], { env });
    return true;
}
