/** What can be seen of a gateway from the machine and from its API. */
import { until } from "../../steps/wait";
import type { TestStack } from "../support/stack";
import type { World } from "./world";

/** The part of a pod that is looked at. */
interface Pod {
    readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
    readonly status: {
        readonly phase: string;
        readonly containerStatuses?: readonly {
            readonly containerID?: string;
            readonly restartCount: number;
        }[];
        readonly conditions?: readonly {
            readonly type: string;
            readonly status: string;
            readonly message?: string;
        }[];
    };
}

export async function pods(stack: TestStack): Promise<readonly Pod[]> {
    const json = await stack.kubectl("get", "pods", "--all-namespaces", "-o", "json");
    return (JSON.parse(json) as { items: Pod[] }).items;
}

/** One line a pod: which it is, its containers, and how often each was started again. */
export async function lives(stack: TestStack): Promise<string[]> {
    return (await pods(stack))
        .map(({ metadata: { namespace, name, uid }, status }) => {
            const containers = (status.containerStatuses ?? []).map(
                ({ containerID, restartCount }) => `${containerID} restarts ${restartCount}`,
            );
            return `${namespace}/${name} ${uid} ${containers.join(", ")}`;
        })
        .sort();
}

/** Waits until every pod is ready. @param count how many there are to be at least */
export async function untilReady(stack: TestStack, count: number, seconds: number): Promise<void> {
    await until(`${count} pods of ${stack.gateway} are ready`, seconds, async () => {
        const found = await pods(stack);
        return found.length >= count && found.every(isReady);
    });
}

function isReady({ status }: Pod): boolean {
    return (status.conditions ?? []).some(
        ({ type, status: value }) => type === "Ready" && value === "True",
    );
}

/** The container's cgroup, as a folder of the machine. */
export async function scope(world: World, stack: TestStack): Promise<string> {
    const format = "docker inspect --format '{{.Id}}' " + stack.container;
    const id = await world.shell(format);
    return `/sys/fs/cgroup/system.slice/docker-${id}.scope`;
}

/** Folders of the machine's cgroups that belong to pods. */
export async function podCgroups(world: World): Promise<string[]> {
    const find = "find /sys/fs/cgroup -type d -path '*kubepods*' -name 'pod*'";
    return (await world.shell(find)).split("\n").filter(Boolean);
}

/** What a pod of the default namespace that cannot be scheduled says of it. */
export async function unschedulable(stack: TestStack, name: string): Promise<string | undefined> {
    const pod = (await pods(stack)).find(({ metadata }) => metadata.name === name);
    const scheduled = pod?.status.conditions?.find(({ type }) => type === "PodScheduled");
    return scheduled?.status === "False" ? scheduled.message : undefined;
}

/**
 * Whether a connection from inside a sandbox is made. Whatever answers, in any protocol, counts:
 * only a connection that is refused or never made does not.
 */
export async function connects(
    stack: TestStack,
    sandbox: string,
    host: string,
    port: number,
): Promise<boolean> {
    const script = `timeout 20 wget -q -O /dev/null http://${host}:${port}/ 2>&1; echo "status $?"`;
    const said = await stack.shell(sandbox, script);
    return !said.includes("can't connect") && !/status (143|124|137)/.test(said);
}
