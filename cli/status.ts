/**
 * `make status`: what there is, and how each application is. It only reads: a gateway or a cluster
 * that does not answer is unknown, never taken for absent.
 */
import { LABEL_MANAGED_BY, MANAGED_BY, NAMESPACE, WORKSPACE_VOLUME } from "../components/constants";
import { reasonOf } from "./ask";
import { keptVolumes, type KeptVolume, type PersistentVolume } from "./keptVolumes";
import type { Outputs } from "./outputs";
import { applicationState, type LogSource, type Pod } from "./podState";
import { table } from "./summary";
import type { Condition, Target } from "./target";
import { plainLines } from "./text";

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

/** A gateway (`container`, `node`) or a cluster (`context`, `host`). */
type Place = Readonly<Record<string, string>> & Condition;

/** Everything `make status` knows. */
export interface Status {
    /** One of the two. */
    readonly gateway?: Place;
    readonly cluster?: Place;
    readonly sandboxes: readonly Row[];
    /** Workspaces of sandboxes that were removed from a gateway. */
    readonly kept: readonly KeptVolume[];
}

/** Prints the status of a stack, as a table or as JSON. */
export async function printStatus(target: Target, { urls }: Outputs, json: boolean): Promise<void> {
    const status = await readStatus(target, urls ?? {});
    if (urls === undefined && isNothing(status)) {
        process.stdout.write(json ? "null\n" : "nothing is there yet: make up\n");
        return;
    }
    const text = json ? JSON.stringify(status, undefined, 2) : render(target.title, status);
    process.stdout.write(`${text}\n`);
}

/** Whether nothing was found where everything could be seen. */
function isNothing({ gateway, cluster, sandboxes }: Status): boolean {
    const state = (gateway ?? cluster)?.state;
    return sandboxes.length === 0 && state === (cluster ? "running" : "stopped");
}

/** Reads the status of the sandboxes of these URLs, and of those that an `up` that failed has made. */
export async function readStatus(
    target: Target,
    urls: Readonly<Record<string, string | null>>,
): Promise<Status> {
    const condition = await target.look();
    const made = condition.state === "running" ? await readNames(target) : [];
    const names = [...new Set([...Object.keys(urls), ...made])];
    const rows = names.map(async (sandbox): Promise<Row> => {
        const url = urls[sandbox] ?? null;
        const found =
            condition.state === "running"
                ? await sandboxState(target, sandbox, condition.since)
                : condition;
        return { sandbox, url, ...found };
    });
    return {
        [target.kind]: { ...target.facts, ...condition },
        sandboxes: await Promise.all(rows),
        kept:
            target.kind === "gateway" && condition.state === "running"
                ? await readKept(target)
                : [],
    };
}

/** Sandboxes that Kubernetes has. @returns none when it does not say: those of the URLs are asked for */
async function readNames(target: Target): Promise<string[]> {
    try {
        const selector = `${LABEL_MANAGED_BY}=${MANAGED_BY}`;
        const names = await target.kubectl(
            ...["-n", NAMESPACE, "get", "statefulsets", "-l", selector],
            ...["-o", "jsonpath={.items[*].metadata.name}"],
        );
        return names.split(" ").filter(Boolean);
    } catch {
        return [];
    }
}

async function readKept(target: Target): Promise<KeptVolume[]> {
    try {
        const { items } = JSON.parse(
            await target.kubectl("get", "persistentvolumes", "-o", "json"),
        ) as { items: PersistentVolume[] };
        return keptVolumes(items, NAMESPACE, WORKSPACE_VOLUME);
    } catch {
        // The gateway's state has been told already; what cannot be read is not claimed to be absent.
        return [];
    }
}

async function sandboxState(
    target: Target,
    sandbox: string,
    since?: string,
): Promise<Omit<Row, "sandbox" | "url">> {
    try {
        const set = await get<{ spec: { replicas: number } }>(target, "statefulset", sandbox);
        if (set?.spec.replicas === 0) {
            return { state: "suspended" };
        }
        if (set === undefined) {
            const detail = "Kubernetes has no StatefulSet of it";
            return { state: "not running", detail, next: "make heal" };
        }
        const pod = await get<Pod>(target, "pod", `${sandbox}-0`);
        const typed = (...args: string[]) => target.typed(...args);
        const { log: source, ...found } = applicationState(pod, sandbox, typed, since);
        const log = source === undefined ? [] : await readLog(target, sandbox, source);
        return log.length === 0 ? found : { ...found, log };
    } catch (error) {
        return { state: "unknown", detail: reasonOf(error) };
    }
}

/** An object of the sandboxes' namespace. @returns undefined when Kubernetes says there is none */
async function get<T>(target: Target, kind: string, name: string): Promise<T | undefined> {
    const stdout = await target.kubectl(
        ...["-n", NAMESPACE, "get", kind, name, "--ignore-not-found", "-o", "json"],
    );
    return stdout.trim() === "" ? undefined : (JSON.parse(stdout) as T);
}

/** The last lines of a log. @returns none when it cannot be read: the state stands without it */
async function readLog(
    target: Target,
    sandbox: string,
    { container, previous }: LogSource,
): Promise<string[]> {
    try {
        const text = await target.kubectl(
            ...["-n", NAMESPACE, "logs", `${sandbox}-0`, "-c", container],
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
    return [
        `${title}: ${(gateway ?? cluster)?.state}`,
        head,
        ...lines.flatMap((line, i) => [
            line,
            ...(sandboxes[i]?.log ?? []).map((said) => `    ${said}`),
        ]),
        ...kept.map(
            ({ sandbox, path }) =>
                `kept: the workspace of ${sandbox}, which was removed (${path}); a sandbox of that name takes it up again`,
        ),
    ].join("\n");
}
