/** `make up`: from whatever the machine has to a gateway with its sandboxes. */
import * as path from "node:path";
import { ensurePassphrase, LOCAL_FOLDER } from "../toolchain/environment";
import type { Progress } from "../toolchain/progress";
import { hideSalt } from "../toolchain/saltFilter";
import { readGatewaySettings } from "../toolchain/stackFile";
import { chooseEnvironment } from "./environment";
import { needsFile, writeStackFile } from "./newStack";
import { prepareForGateway, prepareMachine } from "./prepare";
import { printSummary } from "./summary";

/** Runs all steps. @returns the exit status of `pulumi up`, or 0 */
export async function up(root: string, stack: string, progress: Progress): Promise<number> {
    const isNew = needsFile(root, stack);
    // A mistake in the settings is told before anything is installed.
    readGatewaySettings(root, stack);
    await prepareMachine(root, progress);
    if (isNew) {
        // Only a daemon that runs shows the networks of gateways that are stopped.
        await progress.step("settings", () => writeStackFile(root, stack), String);
    }
    const tools = await prepareForGateway(root, readGatewaySettings(root, stack), progress);
    const { env, description } = chooseEnvironment(root, tools, stack);
    await progress.step(
        "stack",
        () => selectStack(root, stack, env, progress),
        () => `${stack}, ${description}`,
    );
    progress.print("  $ pulumi up --yes");
    const status = await progress.attach("pulumi", ["up", "--yes"], env);
    // Where the file had lost its salt, the engine has just put it back.
    hideSalt(root, stack);
    if (status === 0) {
        await printSummary(env, progress);
    }
    return status;
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
