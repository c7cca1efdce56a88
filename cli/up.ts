/** `make up`: from whatever the machine has to sandboxes, in a gateway or in a cluster that is there. */
import { dockerName } from "../model/names";
import type { PlaceSettings } from "../settings/schema";
import { dockerHas } from "../machine/docker/cli";
import type { DockerHost } from "../machine/docker/host";
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
import { checkNeverThere, checkState, selectStack, type Subject } from "./stack/stackState";
import { printSummary, SHOW_TOKENS } from "./status/summary";
import { targetOf } from "./status/target";
import { readVolume } from "./recovery/volumeIdentity";
import { makeTarget } from "./makeTarget";

/** Runs all steps. @returns the exit status of `pulumi up`, or 0 */
export async function up(root: string, stack: string, progress: Progress): Promise<number> {
    // A mistake in the settings is told before anything is installed.
    const before = readPlace(root, stack);
    const docker = await dockerOf(before);
    const isNew = needsFile(root, stack);
    if (docker && !before.existingCluster) {
        await prepareMachine(root, docker, before.gateway, progress);
    }
    if (isNew) {
        // Only a daemon that runs shows the networks of gateways that are stopped.
        await progress.step("settings", () => writeStackFile(root, stack), String);
    }
    const place = readPlace(root, stack);
    const tools = place.existingCluster
        ? await prepareForCluster(root, progress)
        : await prepareForGateway(root, place.gateway, sandboxImages(root, stack), progress);
    const { env, description, folder } = chooseEnvironment(root, tools, { stack, docker });
    const subject: Subject = { root, stack, env };
    const prepare = async () => {
        await checkNeverThere(
            subject,
            place,
            docker,
            async (volume) => (await readVolume(volume, place.gateway.image)).kind === "gateway",
        );
        const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
        if (passphrase === folder.passphrase) {
            ensurePassphrase(passphrase);
        }
    };
    const work = { root, folder, stack, env, place, docker };
    await clearBackend(work, progress);
    await progress.step(
        "stack",
        async () => {
            checkState(subject);
            await selectStack(subject, prepare, progress);
            await hideSalt(root, stack);
        },
        () => `${stack}, ${description}`,
    );
    const state = await clearInterrupted(work, progress);
    await refuseOtherCluster(state, place, root);
    await clearWay(work, progress);
    await mendPruned(env, state, place, docker, progress);
    if (isOff(root, stack, "running")) {
        // A preview with `--config running=false` has written it down as well as a stop.
        progress.print(
            `  ${stackFileName(root, stack)} has running=false: ${await whatStops(place, docker)}`,
        );
    }
    progress.print("  $ pulumi up --yes");
    const status = await progress.attach("pulumi", ["up", "--yes"], env);
    // Where the file had lost its salt, the engine has just put it back.
    await hideSalt(root, stack);
    if (status !== 0) {
        await endFailed(work, progress);
        return status;
    }
    const outputs = await readOutputs(env, progress, { secrets: SHOW_TOKENS });
    const target = targetOf(outputs, place, root);
    await settle(target, outputs, progress);
    await finishRecovery(work, target, progress);
    await printSummary(target, outputs, progress);
    return 0;
}

/** What an `up` with `running=false` comes to, and how it is undone. */
async function whatStops(
    { gateway, existingCluster }: PlaceSettings,
    docker: DockerHost | undefined,
): Promise<string> {
    if (existingCluster || !docker) {
        return `every sandbox is or stays stopped; \`${makeTarget("start")}\` starts them`;
    }
    return (await dockerHas("container", dockerName(gateway.name)))
        ? `this stops the gateway; \`${makeTarget("start")}\` starts it again`
        : `the gateway stays stopped; \`${makeTarget("start")}\` starts it`;
}
