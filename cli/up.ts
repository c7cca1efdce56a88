/** `make up`: from whatever the machine has to sandboxes, in a gateway or in a cluster that is there. */
import * as path from "node:path";
import { ensurePassphrase, LOCAL_FOLDER } from "../toolchain/environment";
import type { Progress } from "../toolchain/progress";
import { hideSalt } from "../toolchain/saltFilter";
import { readPlace, sandboxImages } from "../toolchain/stackFile";
import { chooseEnvironment } from "./environment";
import { explainGateway } from "./gatewayLog";
import { clearBackend, clearInterrupted, workOf } from "./interrupted";
import { dockerOf, mendPruned } from "./missing";
import { needsFile, writeStackFile } from "./newStack";
import { readOutputs } from "./outputs";
import { prepareForCluster, prepareForGateway, prepareMachine } from "./prepare";
import { settle } from "./settle";
import { printSummary, SHOW_TOKENS } from "./summary";
import { targetOf } from "./target";

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
    const { env, description } = chooseEnvironment(root, tools, { stack, docker });
    const work = workOf(stack, env, docker);
    await clearBackend(work, progress);
    await progress.step(
        "stack",
        () => selectStack(root, stack, env, progress),
        () => `${stack}, ${description}`,
    );
    const state = await clearInterrupted(work, progress);
    await mendPruned(env, state, place, docker, progress);
    progress.print("  $ pulumi up --yes");
    const status = await progress.attach("pulumi", ["up", "--yes"], env);
    // Where the file had lost its salt, the engine has just put it back.
    hideSalt(root, stack);
    if (status !== 0) {
        await explainGateway(place, progress);
        return status;
    }
    const outputs = await readOutputs(env, progress, { secrets: SHOW_TOKENS });
    const target = targetOf(outputs, place, root);
    await settle(target, outputs, progress);
    await printSummary(target, outputs, progress);
    return 0;
}

async function selectStack(
    root: string,
    stack: string,
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<void> {
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    if (passphrase?.startsWith(path.join(root, LOCAL_FOLDER))) {
        ensurePassphrase(passphrase);
    }
    await progress.run("pulumi", ["stack", "select", "--create", stack], { cwd: root, env });
    hideSalt(root, stack);
}
