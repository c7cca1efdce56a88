/** The targets of make. usage.txt says what each does; the Makefile hands them on. */
import { asShell } from "../machine/environment";
import type { Progress } from "../steps/progress";
import { askPerson, destroy } from "./destroy";
import { findStack, openStack } from "./openStack";
import { preparePulumi } from "./prepare";
import { clearInterrupted, endFailed } from "./recovery/interrupted";
import { dockerOf, findMissing, mendPruned } from "./recovery/missing";
import { refuseOtherCluster } from "./recovery/otherCluster";
import { recover } from "./recovery/recover";
import { clearWay, finishRecovery } from "./recovery/recovered";
import type { Checkout, Session } from "./session";
import { readOutputs } from "./stack/outputs";
import { chooseEnvironment } from "./stack/pulumiEnvironment";
import { readPlace } from "./stack/stackFile";
import { gatewayIn } from "./stack/stackState";
import { settle } from "./status/settle";
import { printNothing, printStatus } from "./status/status";
import { targetOf } from "./status/target";
import { printTraffic } from "./status/traffic";
import { up } from "./up";

/** What a target does. @returns the exit status */
export type Work = (checkout: Checkout, progress: Progress) => Promise<number>;

/** Arguments of pulumi for the targets that are one ordinary command of it. */
export const PULUMI_COMMANDS = {
    stop: ["up", "--yes", "--config", "running=false"],
    start: ["up", "--yes", "--config", "running=true"],
    heal: ["up", "--yes", "--refresh", "--run-program", "--skip-preview"],
} as const;

/** Every target, by name. */
export const TARGETS: ReadonlyMap<string, Work> = new Map<string, Work>([
    ["up", up],
    ["stop", stop],
    ["start", start],
    ["heal", heal],
    ["recover", recover],
    ["status", status],
    ["traffic", traffic],
    ["destroy", destroyStack],
    ["env", printEnvironment],
]);

/** Whether standard output is for programs: what people read goes to standard error then. */
export function isForPrograms(target: string, env = process.env): boolean {
    return target === "env" || asJson(env);
}

function asJson(env = process.env): boolean {
    return Boolean(env["JSON"]);
}

async function stop(checkout: Checkout, progress: Progress): Promise<number> {
    const session = await openStack(checkout, progress);
    // Without the volume this is not the gateway's daemon, or it was removed; nothing else need be there.
    const state = await clearInterrupted(session);
    await findMissing(session, state);
    await refuseOtherCluster(session, state);
    return runPulumi(session, PULUMI_COMMANDS.stop);
}

async function start(checkout: Checkout, progress: Progress): Promise<number> {
    const session = await openStack(checkout, progress);
    const state = await clearInterrupted(session);
    await refuseOtherCluster(session, state);
    await clearWay(session);
    await mendPruned(session, state);
    return finish(session, await runPulumi(session, PULUMI_COMMANDS.start));
}

async function heal(checkout: Checkout, progress: Progress): Promise<number> {
    const session = await openStack(checkout, progress);
    const state = await clearInterrupted(session);
    // A refresh believes whatever it is told.
    await refuseOtherCluster(session, state, true);
    await clearWay(session);
    // What is missing besides the volume is made by the refresh.
    await findMissing(session, state);
    return finish(session, await runPulumi(session, PULUMI_COMMANDS.heal));
}

function runPulumi({ env, progress }: Session, args: readonly string[]): Promise<number> {
    progress.print(`  $ pulumi ${args.join(" ")}`);
    return progress.attach("pulumi", args, env);
}

/** After a gateway was started, or should have been. @param status of pulumi @returns the same */
async function finish(session: Session, status: number): Promise<number> {
    if (status !== 0) {
        await endFailed(session);
        return status;
    }
    const outputs = await readOutputs(session);
    const target = targetOf(session, outputs);
    await settle(session, target, outputs);
    await finishRecovery(session, target);
    return status;
}

async function status(checkout: Checkout, progress: Progress): Promise<number> {
    const { session, isThere } = await findStack(checkout, progress);
    if (isThere) {
        const outputs = await readOutputs(session);
        await printStatus(targetOf(session, outputs, gatewayIn(session)), outputs, asJson());
    } else {
        printNothing(asJson());
    }
    return 0;
}

async function traffic(checkout: Checkout, progress: Progress): Promise<number> {
    const session = await openStack(checkout, progress);
    const outputs = await readOutputs(session);
    const options = { json: asJson(), sandbox: process.env["SANDBOX"] };
    await printTraffic(targetOf(session, outputs), outputs, options);
    return 0;
}

async function destroyStack(checkout: Checkout, progress: Progress): Promise<number> {
    const session = await openStack(checkout, progress);
    const state = await clearInterrupted(session);
    // Without the volume this is not the gateway's daemon.
    await findMissing(session, state);
    await refuseOtherCluster(session, state);
    const ask = process.stdin.isTTY ? askPerson : undefined;
    return destroy(session, { state, confirm: process.env["CONFIRM"], ask });
}

async function printEnvironment(checkout: Checkout, progress: Progress): Promise<number> {
    const { root, stack } = checkout;
    const docker = await dockerOf(readPlace(checkout));
    const tools = await preparePulumi(progress);
    const { variables } = chooseEnvironment(root, tools, { stack, docker });
    // In the docker plugin it would win over DOCKER_HOST.
    const unset = variables["DOCKER_HOST"] ? ["DOCKER_CONTEXT"] : [];
    process.stdout.write(`${asShell(tools.path, variables, unset)}\n`);
    return 0;
}
