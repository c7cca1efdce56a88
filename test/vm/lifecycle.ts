/** Checks that a gateway comes up, stays as it is, and survives a stop, a prune and a start. */
import { until } from "../../steps/wait";
import { collect, type Evidence } from "../support/evidence";
import { run } from "../support/run";
import { AGENT } from "../support/sandboxes";
import type { TestStack } from "../support/stack";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import type { Check } from "./check";
import { patientUp, START_SECONDS, ARCHIVES, type World } from "./world";

/** Memory of the first gateway: less than the machine's. */
export const GATEWAY_MEMORY = "3Gi";

/** The first address of a gateway's network, which is the machine's own. */
export function machineAddress(stack: TestStack): string {
    return hostAddress(parseSubnet(stack.subnet) as Subnet, 1);
}

/** A gateway with two sandboxes, of which `agent` may reach the machine's ssh and `closed` nothing. */
function configuration(stack: TestStack, overrides: object = {}) {
    const patient = { ...AGENT, startTimeoutSeconds: START_SECONDS };
    const egress = [{ cidr: `${machineAddress(stack)}/32`, ports: [22] }];
    return {
        gateway: { imageArchives: ARCHIVES, memory: GATEWAY_MEMORY },
        sandboxes: { agent: { ...patient, egress }, closed: { ...patient, dns: true } },
        ...overrides,
    };
}

/** Files of several kinds, and some that are easily lost. */
const PLANT = String.raw`
set -e
mkdir -p /sandbox/tree/deep && cd /sandbox/tree
i=0; while [ $i -lt 100 ]; do echo "$i" >"deep/file $i"; i=$((i+1)); done
ln -s "deep/file 1" link; ln "deep/file 2" hard
mkdir -m 0700 closed; echo secret >closed/key; chmod 0600 closed/key
head -c 3000000 /dev/zero >zeros; touch -t 202001010000 zeros
`;

export const UP = "up";
const STOP = "stop";
const START = "start";
const PLANTED = "files in a workspace";
const STOP_AGAIN = "stop again";
const PRUNE = "prune while stopped";
const START_AGAIN = "start after a prune";

export const first: readonly Check<World>[] = [
    {
        title: UP,
        claim: "`pulumi up` makes a gateway with two sandboxes, whose pages answer",
        run: async (world) => {
            world.first = await world.stack("vm");
            world.first.configure(configuration(world.first));
            const tries = await patientUp(world.first);
            for (const sandbox of ["agent", "closed"]) {
                await until(`the page of ${sandbox} answers`, 300, async () =>
                    (await world.first.page(sandbox)).includes("Test agent"),
                );
            }
            return `two pages answer${tries}`;
        },
    },
];

export const unchanged: readonly Check<World>[] = [
    {
        title: "second up",
        claim: "a second `pulumi up` changes nothing",
        needs: [UP],
        run: async ({ first }) => {
            await patientUp(first, "--expect-no-changes");
            return "no change";
        },
    },
    {
        title: "refresh",
        claim: "`pulumi refresh` changes nothing, and the preview after it is empty",
        needs: [UP],
        run: ({ first }) => unchangedByRefresh(first),
    },
    {
        title: PLANTED,
        claim: "files of every kind are written in a sandbox",
        needs: [UP],
        run: async (world) => {
            await world.first.shell("agent", PLANT);
            world.before = await collect(world.first, "agent");
            return `${world.before.workspace.split("\n").length} lines of names and checksums`;
        },
    },
];

export const stopAndStart: readonly Check<World>[] = [
    {
        title: STOP,
        claim: "a stop leaves the network, the volume and a keeper; `up` and `refresh` change nothing then",
        needs: [UP],
        run: async ({ first }) => {
            first.configure(configuration(first, { running: false }));
            await patientUp(first);
            const left = (await first.inDocker()).join(", ");
            equal("left in Docker", left, "keeper, network, volume");
            await patientUp(first, "--expect-no-changes");
            await unchangedByRefresh(first);
            return `left in Docker: ${left}; no change by up, refresh and preview`;
        },
    },
    {
        title: START,
        claim: "a start brings every file, secret, address and identity back",
        needs: [PLANTED, STOP],
        run: async (world) => {
            world.first.configure(configuration(world.first));
            const tries = await patientUp(world.first);
            await sameAsBefore(world);
            return `identical${tries}`;
        },
    },
    {
        title: STOP_AGAIN,
        claim: "it stops once more",
        needs: [UP],
        run: async ({ first }) => {
            first.configure(configuration(first, { running: false }));
            await patientUp(first);
            return "stopped";
        },
    },
    {
        title: PRUNE,
        claim: "no prune takes anything of a stopped gateway",
        needs: [STOP_AGAIN],
        run: async ({ first }) => {
            const prune = (...args: string[]) =>
                run("docker", [...args, "--force"], { timeout: 600 });
            const said = await prune("system", "prune", "--volumes");
            await prune("volume", "prune", "--all");
            const left = (await first.inDocker()).join(", ");
            equal("left in Docker", left, "keeper, network, volume");
            return `left in Docker: ${left}; ${said.trim().split("\n").join(" ")}`;
        },
    },
];

/** After the machine's Docker was started again with other settings. */
export const startAgain: readonly Check<World>[] = [
    {
        title: START_AGAIN,
        claim: "`make start` heals what a prune took, with every file as it was",
        needs: [PLANTED, PRUNE],
        run: async (world) => {
            const { status, stdout, stderr } = await world.first.make("start");
            if (status !== 0) {
                throw new Error(`make start: status ${status}\n${stdout}\n${stderr}`);
            }
            await sameAsBefore(world);
            return "identical";
        },
    },
];

/** Refreshes and previews: nothing may differ. */
export async function unchangedByRefresh(stack: TestStack, ...args: string[]): Promise<string> {
    const refresh = ["refresh", "--yes", "--skip-preview", "--expect-no-changes", ...args];
    await stack.pulumi(refresh);
    equal("preview after a refresh", (await stack.preview(...args)).join("; "), "");
    return "no change by refresh, empty preview";
}

/** Waits until the sandbox answers, then compares all there is. */
async function sameAsBefore({ first, before }: World): Promise<void> {
    await until("the sandbox answers", START_SECONDS, async () => {
        await first.shell("agent", "true");
        return true;
    });
    const now = await collect(first, "agent");
    for (const key of Object.keys(now) as (keyof Evidence)[]) {
        equal(key, JSON.stringify(now[key]), JSON.stringify(before?.[key]));
    }
}

/** @throws Error with both */
export function equal<T>(what: string, got: T, expected: T): void {
    if (got !== expected) {
        throw new Error(
            `${what}: got ${JSON.stringify(got)}; expected ${JSON.stringify(expected)}`,
        );
    }
}
