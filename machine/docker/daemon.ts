/** The Docker daemon that everything asks, or Debian's, installed and started. */
import { existsSync, readFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isMissing, reasonOf, type CommandError } from "../../steps/command";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { loadToolchain } from "../standIns";
import { docker } from "./cli";
import { chooseDockerHost, mayProvide, startAdvice, type DockerHost } from "./host";
import { describeDaemon, recogniseDaemon, refusalOf, type Daemon } from "./kind";
import type { ServerInfo, ServerVersion } from "./kind";

const THIS_MACHINE = { platform: process.platform, release: os.release() };

/** What a gateway's settings say of its daemon. */
export interface DaemonSettings {
    /** @default what `docker` means */
    readonly dockerHost?: string | undefined;
    /** `gateway.k3s`; its `kubelet-arg` is read. */
    readonly k3s: Readonly<Record<string, unknown>>;
}

/**
 * Finds out once which daemon is meant, and has all of this process and all it starts ask that one:
 * Pulumi's docker plugin knows DOCKER_HOST and no context of config.json.
 *
 * @throws StepError when that cannot be told, or cannot be handed on
 */
export async function useDockerHost(setting?: string): Promise<DockerHost> {
    const host = chooseDockerHost({
        setting,
        env: process.env,
        inspected: setting === undefined ? await inspectContext() : undefined,
        currentContext: readCurrentContext(),
    });
    Object.assign(process.env, host.variables);
    // It would win over DOCKER_HOST in the plugin, and lose to it in the command.
    delete process.env["DOCKER_CONTEXT"];
    return host;
}

/** The context in use. @returns undefined where there is no `docker` */
async function inspectContext(): Promise<string | undefined> {
    try {
        return await docker("context", "inspect");
    } catch (error) {
        if (isMissing(error)) {
            return undefined;
        }
        if (/podman/i.test((error as CommandError).stderr ?? "") || (await isPodman())) {
            throw new StepError(
                "the `docker` on PATH is Podman's own command, which asks no daemon that Pulumi's docker plugin could ask",
                "install Docker's command line and set DOCKER_HOST to Podman's socket, or use Docker; see docs/compatibility.md",
            );
        }
        throw new StepError(
            `cannot tell which Docker daemon is meant: ${reasonOf(error)}`,
            "choose one that is there: `docker context ls`, `docker context use NAME`; DOCKER_CONTEXT and DOCKER_HOST win over it",
        );
    }
}

async function isPodman(): Promise<boolean> {
    return /podman/i.test(await docker("--version").catch(() => ""));
}

/** The context that Docker's config.json names, as `docker` would read it. */
function readCurrentContext(): string | undefined {
    const folder = process.env["DOCKER_CONFIG"] || path.join(os.homedir(), ".docker");
    try {
        const text = readFileSync(path.join(folder, "config.json"), "utf8");
        return (JSON.parse(text) as { currentContext?: string }).currentContext || undefined;
    } catch {
        // Without the file, or with one that `docker` complains of itself, none is named.
        return undefined;
    }
}

/**
 * Makes sure that the daemon answers and can have a gateway.
 *
 * @returns what was found or done, for people
 * @throws StepError with how it is started, or why it will not do
 */
export async function provideDocker(
    host: DockerHost,
    settings: DaemonSettings,
    progress: Progress,
): Promise<string> {
    const found = await askDaemon(host);
    if (typeof found !== "string") {
        checkDaemon(found, settings);
        return `${describeDaemon(found)}${host.usual ? "" : `, at ${host.host} (${host.namedBy})`}`;
    }
    const toolchain = loadToolchain();
    const here = await toolchain.hasDocker();
    if (!mayProvide(host, THIS_MACHINE, here)) {
        throw noAnswer(host, found);
    }
    if (!here) {
        await toolchain.installDocker(host, progress);
    }
    if (process.getuid?.() !== 0) {
        throw noAnswer(host, found);
    }
    await toolchain.startDocker(async () => typeof (await askDaemon(host)) !== "string");
    const daemon = await requireDaemon(host);
    checkDaemon(daemon, settings);
    return `Docker ${daemon.version} started by this run (log: ${toolchain.DAEMON_LOG})`;
}

/** The daemon that answers. @throws StepError with how it is started, when none does */
export async function requireDaemon(host: DockerHost): Promise<Daemon> {
    const found = await askDaemon(host);
    if (typeof found === "string") {
        throw noAnswer(host, found);
    }
    return found;
}

function noAnswer(host: DockerHost, said: string): StepError {
    return new StepError(
        `no Docker daemon answers at ${host.host} (${host.namedBy}): ${said}`,
        startAdvice(host, THIS_MACHINE),
    );
}

function checkDaemon(daemon: Daemon, { k3s }: DaemonSettings): void {
    const args = [k3s["kubelet-arg"] ?? []].flat().map(String);
    const refusal = refusalOf(daemon, args);
    if (refusal) {
        throw new StepError(refusal.problem, refusal.remedy);
    }
}

/** What answers there. @returns why nothing does, which may be that there is no `docker` to ask with */
async function askDaemon({ host }: DockerHost): Promise<Daemon | string> {
    try {
        const version = await docker("version", "--format", "{{json .Server}}");
        const info = await docker("info", "--format", "{{json .}}");
        return recogniseDaemon(
            JSON.parse(version) as ServerVersion,
            JSON.parse(info) as ServerInfo,
        );
    } catch (error) {
        const said = reasonOf(error);
        if (/permission denied/i.test(said) && host.startsWith("unix://")) {
            throw new StepError(
                `this user may not use the Docker daemon at ${host}: ${said}`,
                "join the group docker (`sudo usermod -aG docker $USER`, then log in again)",
            );
        }
        if (isMissing(error) && socketExists(host)) {
            throw new StepError(
                `there is a Docker daemon at ${host}, and no \`docker\` on PATH to ask it with`,
                "install Docker's command line (https://docs.docker.com/engine/install/; Debian: docker-cli)",
            );
        }
        if (/(client|API) version/i.test(said)) {
            throw new StepError(
                `\`docker\` and the daemon at ${host} do not understand each other: ${said}`,
                "update the older of the two",
            );
        }
        return said;
    }
}

function socketExists(host: string): boolean {
    return host.startsWith("unix://") && existsSync(host.slice("unix://".length));
}
