/** `make up`: from whatever the machine has to a gateway with its sandboxes. */
import Docker from "dockerode";
import { mkdirSync, statSync } from "node:fs";
import * as path from "node:path";
import { dockerName } from "../components/names";
import { portsOf } from "../components/ports";
import type { GatewaySettings } from "../settings/schema";
import { cacheRoot } from "../toolchain/cache";
import { provideDocker } from "../toolchain/docker";
import * as environment from "../toolchain/environment";
import { checkGo, hasGoProgram } from "../toolchain/goBuild";
import * as images from "../toolchain/images";
import { checkMachine, findBusyPort } from "../toolchain/machine";
import { StepError, type Progress } from "../toolchain/progress";
import { missingPrograms, providePulumi } from "../toolchain/pulumi";
import { installSaltFilter } from "../toolchain/saltFilter";
import { readGatewaySettings } from "../toolchain/stackFile";
import { chooseEnvironment } from "./environment";
import { printSummary } from "./summary";

/** Runs all steps. @returns the exit status of `pulumi up`, or 0 */
export async function up(root: string, stack: string, progress: Progress): Promise<number> {
    const env = await prepare(root, stack, progress);
    progress.print(`  $ pulumi up --yes`);
    const status = await progress.attach("pulumi", ["up", "--yes"], env);
    if (status === 0) {
        await printSummary(env, progress);
    }
    return status;
}

/** Everything that has to be there before pulumi runs. @returns the environment to run it in */
async function prepare(
    root: string,
    stack: string,
    progress: Progress,
): Promise<NodeJS.ProcessEnv> {
    const gateway = readGatewaySettings(root, stack);
    await progress.step("machine", () => checkFirst(root), String);
    await progress.step("Docker", () => provideDocker(progress), String);
    await progress.step("ports", () => checkPorts(gateway), String);
    const tools = await progress.step(
        "Pulumi",
        () => providePulumi(progress),
        ({ description }) => description,
    );
    const source = await progress.step(
        "k3s image",
        () => images.provideNodeImage(gateway.image, progress),
        (found) => `${gateway.image} ${found}`,
    );
    if (gateway.imageArchives !== undefined) {
        const folder = path.resolve(root, gateway.imageArchives);
        mkdirSync(folder, { recursive: true });
        if (source === "made here") {
            await progress.step("OpenClaw image", () =>
                images.provideArchive(images.OPENCLAW_ARCHIVE, folder, progress),
            );
        }
    }
    const { env, description } = chooseEnvironment(root, tools);
    await progress.step(
        "stack",
        () => selectStack(root, stack, env, progress),
        () => `${stack}, ${description}`,
    );
    return env;
}

async function checkFirst(root: string): Promise<string> {
    const missing = (await missingPrograms()).filter((name) => !hasGoProgram(name));
    if (missing.length > 0) {
        checkGo(missing);
    }
    mkdirSync(cacheRoot(), { recursive: true });
    const folders = [root, cacheRoot(), "/var/lib"].filter(
        (folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined,
    );
    return checkMachine(folders, missing.length > 0);
}

/** Ports that a container of ours does not hold already must be free. */
async function checkPorts(gateway: GatewaySettings): Promise<string> {
    const container = await new Docker()
        .getContainer(dockerName(gateway.name))
        .inspect()
        .catch(() => undefined);
    if (container?.State.Running) {
        return "held by the gateway, which runs";
    }
    const busy =
        (await findBusyPort("127.0.0.1", [gateway.apiPort])) ??
        (await findBusyPort(gateway.bindAddress, portsOf(gateway.ports)));
    if (busy !== undefined) {
        throw new StepError(
            `port ${busy} is in use on this machine; the gateway publishes it (${
                busy === gateway.apiPort ? "gateway.apiPort" : "gateway.ports"
            })`,
            `end what listens there (\`ss -ltnp 'sport = :${busy}'\`), or choose others with \`pulumi config set --path\``,
        );
    }
    return "free";
}

async function selectStack(
    root: string,
    stack: string,
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<void> {
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    if (passphrase?.startsWith(path.join(root, environment.LOCAL_FOLDER))) {
        environment.ensurePassphrase(passphrase);
    }
    installSaltFilter(root);
    await progress.run("pulumi", ["stack", "select", "--create", stack], { cwd: root, env });
}
