/** `make up`: from whatever the machine has to sandboxes, in a gateway or in a cluster that is there. */
import { dockerName } from "../model/names";
import { dockerHas } from "../machine/docker/cli";
import { ensurePassphrase } from "../machine/environment";
import type { Progress } from "../steps/progress";
import { hideSalt } from "./stack/saltFilter";
import { isOff, readPlace, sandboxImages, stackFileName } from "./stack/stackFile";
import { chooseEnvironment } from "./stack/pulumiEnvironment";
import { clearBackend, clearInterrupted, endFailed } from "./recovery/interrupted";
import { dockerOf, mendPruned } from "./recovery/missing";
import { refuseOtherCluster } from "./recovery/otherCluster";
import { needsFile, writeStackFile } from "./stack/newStack";
import { readOutputs } from "./stack/outputs";
import { prepareForCluster, prepareForGateway, prepareMachine } from "./prepare";
import { clearWay, finishRecovery } from "./recovery/recovered";
import { settle } from "./status/settle";
import { checkNeverThere, checkState, selectStack } from "./stack/stackState";
import { printSummary, SHOW_TOKENS } from "./status/summary";
import { targetOf } from "./status/target";
import { readVolume } from "./recovery/volumeIdentity";
import { makeTarget } from "./makeTarget";
import type { Checkout, Session } from "./session";

/** Runs all steps. @returns the exit status of `pulumi up`, or 0 */
export async function up(checkout: Checkout, progress: Progress): Promise<number> {
    const { root, stack } = checkout;
    // A mistake in the settings is told before anything is installed.
    const before = readPlace(checkout);
    const docker = await dockerOf(before);
    const isNew = needsFile(checkout);
    if (docker && !before.existingCluster) {
        await prepareMachine(root, docker, before.gateway, progress);
    }
    if (isNew) {
        // Only a daemon that runs shows the networks of gateways that are stopped.
        await progress.step("settings", () => writeStackFile(checkout), String);
    }
    const place = readPlace(checkout);
    const tools = place.existingCluster
        ? await prepareForCluster(root, progress)
        : await prepareForGateway(root, place.gateway, sandboxImages(checkout), progress);
    const { env, description, folder } = chooseEnvironment(root, tools, { stack, docker });
    const session: Session = { ...checkout, progress, env, folder, place, docker };
    await clearBackend(session);
    await progress.step(
        "stack",
        async () => {
            checkState(session);
            await selectStack(session, () => prepareStack(session));
            await hideSalt(session);
        },
        () => `${stack}, ${description}`,
    );
    const state = await clearInterrupted(session);
    await refuseOtherCluster(session, state);
    await clearWay(session);
    await mendPruned(session, state);
    if (isOff(session, "running")) {
        // A preview with `--config running=false` has written it down as well as a stop.
        progress.print(
            `  ${stackFileName(session)} has running=false: ${await whatStops(session)}`,
        );
    }
    progress.print("  $ pulumi up --yes");
    const status = await progress.attach("pulumi", ["up", "--yes"], env);
    // Where the file had lost its salt, the engine has just put it back.
    await hideSalt(session);
    if (status !== 0) {
        await endFailed(session);
        return status;
    }
    const outputs = await readOutputs(session, { secrets: SHOW_TOKENS });
    const target = targetOf(session, outputs);
    await settle(session, target, outputs);
    await finishRecovery(session, target);
    await printSummary(session, target, outputs);
    return 0;
}

/** Before a stack is made: sees that it was never there, and makes the passphrase of the checkout's own state. */
async function prepareStack(session: Session): Promise<void> {
    const { env, folder, place } = session;
    await checkNeverThere(
        session,
        async (volume) => (await readVolume(volume, place.gateway.image)).kind === "gateway",
    );
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    if (passphrase === folder.passphrase) {
        ensurePassphrase(passphrase);
    }
}

/** What an `up` with `running=false` comes to, and how it is undone. */
async function whatStops({
    place: { gateway, existingCluster },
    docker,
}: Session): Promise<string> {
    if (existingCluster || !docker) {
        return `every sandbox is or stays stopped; \`${makeTarget("start")}\` starts them`;
    }
    return (await dockerHas("container", dockerName(gateway.name)))
        ? `this stops the gateway; \`${makeTarget("start")}\` starts it again`
        : `the gateway stays stopped; \`${makeTarget("start")}\` starts it`;
}
