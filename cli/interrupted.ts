/**
 * What a run that was killed has left behind, and what keeps every later one from going on: the lock of
 * the stack, creations that the state calls pending for ever, containers and networks in Docker.
 */
import { ownerOf, list, takeAway, type Kind } from "../components/leftovers";
import { docker, dockerWithin, lastWords } from "../toolchain/dockerCli";
import type { DockerHost } from "../toolchain/dockerHost";
import { currentLogin } from "../toolchain/environment";
import { StepError, type Progress } from "../toolchain/progress";
import { backendFolder, clearLocks, lockFolders, mendAttributes } from "./locks";

/** The part of `pulumi stack export` that the tools read. */
export interface Export {
    readonly deployment?: {
        readonly resources?: readonly Stored[];
        /** What was begun and has not ended, as far as the state knows. */
        readonly pending_operations?: readonly {
            readonly type: string;
            readonly resource: Stored;
        }[];
    };
}

/** A resource in a state. */
export interface Stored {
    readonly urn: string;
    readonly type: string;
    /** Replaced, and to be deleted still. */
    readonly delete?: boolean;
    readonly inputs?: Readonly<Record<string, unknown>>;
    readonly outputs?: Readonly<Record<string, unknown>>;
}

/** What is worked on. */
export interface Work {
    readonly stack: string;
    /** Environment of pulumi. */
    readonly env: NodeJS.ProcessEnv;
    /** Backend that the user is logged in to. @default none */
    readonly login?: string | undefined;
    /** Whether Docker is asked. */
    readonly hasDocker: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
};

const STACK_TYPE = "pulumi:pulumi:Stack";

/** Seconds a command may take: a container is given its grace. */
const STOP_SECONDS = 120;

/** The work of a stack. @param host daemon of its gateway @default there is none */
export function workOf(stack: string, env: NodeJS.ProcessEnv, host: DockerHost | undefined): Work {
    return { stack, env, login: currentLogin(), hasDocker: host !== undefined };
}

/**
 * Has the provider of Kubernetes take its own object over: each creation applies it under a name of its
 * own, and where a killed one has got through, the next would be refused as a stranger.
 */
const TAKE_OVER = { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" };

/** Lets pulumi be asked at all; nothing for a backend that is no folder. */
export async function clearBackend(work: Work, progress: Progress): Promise<boolean> {
    const backend = backendFolder(work.env["PULUMI_BACKEND_URL"] ?? work.login);
    if (backend === undefined) {
        return false;
    }
    await clearLocks(lockFolders(backend, work.stack), work.stack, progress);
    mendAttributes(backend, work.stack, progress);
    return true;
}

/**
 * Clears all of it away, with a line for each. Where a creation in Kubernetes is to be done again, the
 * environment has the provider take over what the killed one has made.
 *
 * @returns the state, as it is then
 * @throws StepError when somebody else works on the stack, or something cannot be cleared
 */
export async function clearInterrupted(work: Work, progress: Progress): Promise<Export> {
    const { env, hasDocker } = work;
    const isFolder = await clearBackend(work, progress);
    const state = await exportState(env, progress);
    // In another backend somebody may be working on the stack who cannot be seen from here.
    if (isFolder && hasDocker) {
        await clearDocker(state, progress);
    }
    if (pendingCreates(state).length === 0) {
        return state;
    }
    await forgetPending(state, env, progress);
    if (pendingCreates(state).some((urn) => urn.includes("kubernetes:"))) {
        Object.assign(env, TAKE_OVER);
    }
    return exportState(env, progress);
}

/** The state of the stack that the environment names; secrets stay closed. */
export async function exportState(env: NodeJS.ProcessEnv, progress: Progress): Promise<Export> {
    const args = ["stack", "export"];
    return JSON.parse(await progress.run("pulumi", args, { env, quiet: true })) as Export;
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
    const owner = [...resources, ...pending]
        .filter(({ type }) => type.startsWith("docker:"))
        .map(({ inputs }) => ownerOf(inputs ?? {}))
        .find((each) => each !== undefined);
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
        const all = await list(docker, kind).catch(() => []);
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
                    `cannot take away ${kind} ${found.name}: ${lastWords(error)}`,
                    "see docs/operations.md, `After a run was killed`; then run this again",
                );
            }
        }
    }
}

/**
 * Has the state forget creations that were begun: the engine would warn of them at every run to come,
 * and clears them only when it is told to. What they have made was taken away, or is adopted.
 */
async function forgetPending(
    state: Export,
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<void> {
    // The stack alone: nothing else is asked, for the gateway may not run.
    const root = state.deployment?.resources?.find(({ type }) => type === STACK_TYPE);
    const target = root ? ["--target", root.urn] : [];
    const args = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates", ...target];
    const names = pendingCreates(state).map((urn) => urn.split("::").at(-1));
    progress.print(
        `  a run was killed while it made ${names.join(", ")}: the state forgets that, and the next up makes it`,
    );
    await progress.run("pulumi", args, { env });
}
