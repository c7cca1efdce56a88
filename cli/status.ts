/**
 * `make status`: what there is, and how each application is. It only reads: a gateway that does not
 * answer is unknown, never taken for absent.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Progress } from "../toolchain/progress";
import { NAMESPACE, WORKSPACE_VOLUME } from "../components/constants";
import { gatewayState, type GatewayState } from "./gatewayState";
import { keptVolumes, type KeptVolume, type PersistentVolume } from "./keptVolumes";
import { applicationState, type Pod } from "./podState";
import { table } from "./summary";

/** One sandbox in the table. */
interface Row {
    readonly sandbox: string;
    readonly url: string | null;
    readonly state: string;
    readonly detail?: string;
    readonly next?: string;
}

/** Everything `make status` knows. */
export interface Status {
    readonly gateway: {
        readonly container: string;
        readonly node: string;
        readonly state: GatewayState;
    };
    readonly sandboxes: readonly Row[];
    /** Workspaces of sandboxes that were removed. */
    readonly kept: readonly KeptVolume[];
}

/** Prints the status of a stack, as a table or as JSON. */
export async function printStatus(
    env: NodeJS.ProcessEnv,
    progress: Progress,
    json: boolean,
): Promise<void> {
    const outputs = JSON.parse(
        await progress.run("pulumi", ["stack", "output", "--json"], { env, quiet: true }),
    ) as { container?: string; node?: string; urls?: Record<string, string | null> };
    if (outputs.container === undefined) {
        process.stdout.write(json ? "null\n" : "nothing is there yet: make up\n");
        return;
    }
    const status = await readStatus(outputs.container, outputs.node ?? "", outputs.urls ?? {});
    process.stdout.write(`${json ? JSON.stringify(status, undefined, 2) : render(status)}\n`);
}

async function readStatus(
    container: string,
    node: string,
    urls: Readonly<Record<string, string | null>>,
): Promise<Status> {
    const state = await gatewayState(container);
    const rows = Object.entries(urls).map(async ([sandbox, url]): Promise<Row> => {
        if (state !== "running") {
            return { sandbox, url, state: state === "stopped" ? "stopped" : "unknown" };
        }
        return { sandbox, url, ...(await sandboxState(container, sandbox)) };
    });
    return {
        gateway: { container, node, state },
        sandboxes: await Promise.all(rows),
        kept: state === "running" ? await readKept(container) : [],
    };
}

async function readKept(container: string): Promise<KeptVolume[]> {
    try {
        const { items } = JSON.parse(
            await kubectl(container, "get", "persistentvolumes", "-o", "json"),
        ) as { items: PersistentVolume[] };
        return keptVolumes(items, NAMESPACE, WORKSPACE_VOLUME);
    } catch {
        // The gateway's state has been told already; what cannot be read is not claimed to be absent.
        return [];
    }
}

async function kubectl(container: string, ...args: string[]): Promise<string> {
    const command = ["exec", container, "k3s", "kubectl", "--request-timeout=5s", ...args];
    return (await promisify(execFile)("docker", command)).stdout;
}

async function sandboxState(
    container: string,
    sandbox: string,
): Promise<Omit<Row, "sandbox" | "url">> {
    try {
        const set = await get<{ spec: { replicas: number } }>(container, "statefulset", sandbox);
        if (set?.spec.replicas === 0) {
            return { state: "suspended" };
        }
        return applicationState(await get<Pod>(container, "pod", `${sandbox}-0`), sandbox);
    } catch (error) {
        return { state: "unknown", detail: (error as Error).message.split("\n")[0] };
    }
}

/** An object of the sandboxes' namespace. @returns undefined when Kubernetes says there is none */
async function get<T>(container: string, kind: string, name: string): Promise<T | undefined> {
    const stdout = await kubectl(
        container,
        ...["-n", NAMESPACE, "get", kind, name, "--ignore-not-found", "-o", "json"],
    );
    return stdout.trim() === "" ? undefined : (JSON.parse(stdout) as T);
}

function render({ gateway, sandboxes, kept }: Status): string {
    const rows = sandboxes.map(({ sandbox, url, state, detail, next }) => [
        sandbox,
        state,
        url ?? "no port",
        [detail, next && `next: ${next}`].filter(Boolean).join("; "),
    ]);
    return [
        `gateway ${gateway.container}: ${gateway.state}`,
        ...table(["SANDBOX", "STATE", "URL", "DETAIL"], rows),
        ...kept.map(
            ({ sandbox, path }) =>
                `kept: the workspace of ${sandbox}, which was removed (${path}); a sandbox of that name takes it up again`,
        ),
    ].join("\n");
}
