/**
 * `make status`: what there is, and how each application is. It only reads: a gateway or a cluster
 * that does not answer is unknown, never taken for absent.
 */
import type { types } from "@pulumi/kubernetes";
import { ANNOTATION_ENDED, LABEL_MANAGED_BY, MANAGED_BY, NAMESPACE } from "../../model/constants";
import type { Seen } from "../../model/seen";
import { reasonOf } from "../../steps/command";
import { keptVolumes, type KeptVolume, type PersistentVolume } from "./keptVolumes";
import type { Outputs } from "../stack/outputs";
import { applicationState, type LogSource, type Pod } from "./podState";
import { table } from "./summary";
import type { Condition } from "./gatewayLook";
import type { Target } from "./target";
import { makeTarget } from "../makeTarget";
import { oneLine, plainLines } from "../../steps/text";
import { podName } from "../../model/names";

/** Lines of a log that are shown, and characters of each. */
const LOG_LINES = 5;
const LOG_LINE_MAX = 400;

/** One sandbox in the table. */
interface Row {
    readonly sandbox: string;
    readonly url: string | null;
    readonly state: string;
    readonly detail?: string;
    readonly next?: string;
    /** What it said last, when it does not run. */
    readonly log?: readonly string[];
}

/** What is found out about one. */
type Found = Omit<Row, "sandbox" | "url">;

/** A gateway (`container`, `node`) or a cluster (`context`, `host`, `namespace`). */
type Place = Readonly<Record<string, string>> & Condition;

/** Everything `make status` knows. */
export interface Status {
    /** One of the two. */
    readonly gateway?: Place;
    readonly cluster?: Place;
    readonly sandboxes: readonly Row[];
    /** Volumes of sandboxes that were removed from a gateway. */
    readonly kept: readonly KeptVolume[];
}

/** Prints the status of a stack, as a table or as JSON. */
export async function printStatus(target: Target, outputs: Outputs, json: boolean): Promise<void> {
    const status = await readStatus(target, outputs);
    if (outputs.sandboxes === undefined && isNothing(status)) {
        printNothing(json);
        return;
    }
    const text = json ? JSON.stringify(status, undefined, 2) : render(target.title, status);
    process.stdout.write(`${text}\n`);
}

/** Says that a stack is not there, or has nothing yet. */
export function printNothing(json: boolean): void {
    process.stdout.write(json ? "null\n" : `nothing is there yet: ${makeTarget("up")}\n`);
}

/** Whether nothing was found where everything could be seen. */
function isNothing({ gateway, cluster, sandboxes }: Status): boolean {
    const state = (gateway ?? cluster)?.state;
    return sandboxes.length === 0 && state === (cluster ? "running" : "stopped");
}

/** Everything about these sandboxes, and about those that an `up` that failed has made. */
export async function readStatus(target: Target, outputs: Outputs): Promise<Status> {
    const status = await readSandboxes(target, outputs);
    const kept = status.gateway?.state === "running" ? await readKept(target) : [];
    return { ...status, kept };
}

/** The same without what is kept of others. */
export async function readSandboxes(
    target: Target,
    { sandboxes = [], urls = {} }: Outputs,
): Promise<Omit<Status, "kept">> {
    const condition = await target.look();
    // Or why no sandbox can be asked about.
    const sets = condition.state === "running" ? await readSets(target).catch(unknown) : condition;
    const made = sets instanceof Map ? sets.keys() : [];
    const names = [...new Set([...sandboxes, ...made])];
    const rows = names.map(async (sandbox): Promise<Row> => {
        const found =
            sets instanceof Map
                ? await sandboxState(target, sandbox, sets.get(sandbox), condition.since)
                : sets;
        return { sandbox, url: urls[sandbox] ?? null, ...found };
    });
    return {
        [target.kind]: { ...target.facts, ...condition },
        sandboxes: await Promise.all(rows),
    };
}

/** A StatefulSet, as Kubernetes gives it. */
type StatefulSet = Seen<types.output.apps.v1.StatefulSet>;

/** Each sandbox that Kubernetes has. */
async function readSets(target: Target): Promise<Map<string, StatefulSet>> {
    if (target.namespace === undefined) {
        return new Map();
    }
    const { items } = JSON.parse(
        await target.inNamespace(
            ...["get", "statefulsets"],
            ...["-l", `${LABEL_MANAGED_BY}=${MANAGED_BY}`, "-o", "json"],
        ),
    ) as { items: StatefulSet[] };
    return new Map(items.map((set) => [set.metadata?.name ?? "", set]));
}

async function readKept(target: Target): Promise<KeptVolume[]> {
    try {
        const { items } = JSON.parse(
            await target.kubectl("get", "persistentvolumes", "-o", "json"),
        ) as { items: PersistentVolume[] };
        return keptVolumes(items, NAMESPACE);
    } catch {
        // The gateway's state has been told already; what cannot be read is not claimed to be absent.
        return [];
    }
}

/** @param set undefined when Kubernetes has none */
async function sandboxState(
    target: Target,
    sandbox: string,
    set: StatefulSet | undefined,
    since?: string,
): Promise<Found> {
    if (set?.spec?.replicas === 0) {
        return endedState(set) ?? { state: "suspended" };
    }
    if (set === undefined) {
        const detail = "Kubernetes has no StatefulSet of it";
        return { state: "not running", detail, next: makeTarget("heal") };
    }
    try {
        const pod = await readPod(target, podName(sandbox));
        const typed = (...args: string[]) => target.typed(...args);
        const { log: source, ...found } = applicationState(pod, sandbox, typed, since);
        const log = source === undefined ? [] : await readLog(target, sandbox, source);
        return log.length === 0 ? found : { ...found, log };
    } catch (error) {
        return unknown(error);
    }
}

/**
 * Why the gateway itself has ended a sandbox, see components/gateway/scripts/room.sh.
 *
 * @returns undefined when it has not, or somebody has changed the sandbox since
 */
function endedState({ metadata }: StatefulSet): Found | undefined {
    const said = metadata?.annotations?.[ANNOTATION_ENDED] ?? "";
    const [, generation, why] = /^(\d+) (.+)$/.exec(oneLine(said)) ?? [];
    return Number(generation) === metadata?.generation
        ? {
              state: "not running",
              detail: `ended by the gateway: ${why}`,
              next: `make room (docs/operations.md, "A full disk"), then ${makeTarget("heal")}`,
          }
        : undefined;
}

const unknown = (error: unknown): Found => ({ state: "unknown", detail: reasonOf(error) });

/** A sandbox's pod. @returns undefined when Kubernetes says there is none */
async function readPod(target: Target, name: string): Promise<Pod | undefined> {
    const stdout = await target.inNamespace(
        ...["get", "pod", name, "--ignore-not-found", "-o", "json"],
    );
    return stdout.trim() === "" ? undefined : (JSON.parse(stdout) as Pod);
}

/** The last lines of a log. @returns none when it cannot be read: the state stands without it */
async function readLog(
    target: Target,
    sandbox: string,
    { container, previous }: LogSource,
): Promise<string[]> {
    try {
        const text = await target.inNamespace(
            ...["logs", podName(sandbox), "-c", container],
            ...[`--tail=${LOG_LINES}`, ...(previous ? ["--previous"] : [])],
        );
        return plainLines(text, LOG_LINE_MAX);
    } catch {
        return [];
    }
}

/** The table; what a sandbox said last stands below its row. */
export function render(title: string, { gateway, cluster, sandboxes, kept }: Status): string {
    const rows = sandboxes.map(({ sandbox, url, state, detail, next }) => [
        sandbox,
        state,
        url ?? "no port",
        [detail, next && `next: ${next}`].filter(Boolean).join("; "),
    ]);
    const [head = "", ...lines] = table(["SANDBOX", "STATE", "URL", "DETAIL"], rows);
    const place: Condition = gateway ?? cluster ?? { state: "unknown" };
    const { state, policies, certificates, warnings = [] } = place;
    return [
        `${title}: ${state}`,
        ...(policies === undefined ? [] : [`policies: ${policies}`]),
        ...(certificates === undefined
            ? []
            : [`certificates: until ${certificates}, renewed before`]),
        ...warnings.map((warning) => `warning: ${warning}`),
        head,
        ...lines.flatMap((line, i) => [
            line,
            ...(sandboxes[i]?.log ?? []).map((said) => `    ${said}`),
        ]),
        ...kept.map(
            ({ claim, path }) =>
                `kept: ${path}, of claim ${claim}, whose sandbox was removed; it takes it up again when it is added again`,
        ),
    ].join("\n");
}
