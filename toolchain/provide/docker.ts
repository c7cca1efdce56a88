/** Debian's Docker: installed, and started where no service manager does it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { docker } from "../../machine/docker/cli";
import { SYSTEM_SOCKET, type DockerHost } from "../../machine/docker/host";
import { output, startDaemon } from "../../steps/command";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { until } from "../../steps/wait";
import { aptInstall, halfInstalled } from "./apt";

/** Docker, what Debian only recommends with it, and what the runtime wrapper is written in. */
const PACKAGES = ["docker.io", "iptables", "runc", "ca-certificates", "python3"];

/** The command line, where Debian (13 and newer) has it in a package of its own. */
const COMMAND_PACKAGE = "docker-cli";

/** What a started daemon leaves on the machine, so that it can be found and undone. */
const STATE_FOLDER = "/var/lib/sandbox-gateway";

/** Where a daemon that was started here writes. */
export const DAEMON_LOG = path.join(STATE_FOLDER, "dockerd.log");

/** Bit of CAP_SYS_RESOURCE in a capability mask. */
const CAP_SYS_RESOURCE = 1n << 24n;

/** Whether a daemon is installed, whole. */
export async function hasDocker(): Promise<boolean> {
    return (
        (existsSync("/usr/sbin/dockerd") || existsSync("/usr/bin/dockerd")) &&
        (await halfInstalled(PACKAGES)).length === 0
    );
}

/**
 * Installs it.
 *
 * @throws StepError on another system than Debian, without root, and beside a daemon that a context names
 */
export async function installDocker(host: DockerHost, progress: Progress): Promise<void> {
    const others = await otherContexts();
    if (others.length > 0) {
        throw new StepError(
            `no Docker daemon answers at ${host.host}, and Docker is not installed there; Docker's contexts name others: ${others.join(", ")}`,
            `use one of them (\`docker context use ${others[0]}\`), or install Docker, then run this again`,
        );
    }
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
        throw new StepError(
            "no Docker daemon answers, and Docker is not installed",
            "install Docker as its documentation says, start it, then run this again",
        );
    }
    await aptInstall(PACKAGES, progress);
    if (!(await hasCommand())) {
        await aptInstall([COMMAND_PACKAGE], progress);
    }
}

/** Contexts besides the default one: daemons beside which none is installed unasked. */
async function otherContexts(): Promise<string[]> {
    const names = await docker("context", "ls", "--format", "{{.Name}}").catch(() => "");
    return names.split("\n").filter((name) => name !== "" && name !== "default");
}

async function hasCommand(): Promise<boolean> {
    return docker("--version").then(
        () => true,
        () => false,
    );
}

/**
 * Starts it.
 *
 * @param answers whether it can be asked by now
 * @throws StepError when it does not answer in time
 */
export async function startDocker(answers: () => Promise<boolean>): Promise<void> {
    if (existsSync("/run/systemd/system")) {
        await output(["systemctl", "start", "docker"]);
    } else {
        startWithoutSystemd();
    }
    try {
        await until("Docker answers", 60, answers);
    } catch (error) {
        throw new StepError(
            (error as Error).message,
            `see ${DAEMON_LOG}, or \`journalctl -u docker\``,
        );
    }
}

function startWithoutSystemd(): void {
    mkdirSync(STATE_FOLDER, { recursive: true, mode: 0o700 });
    const args = canRaiseLimits(readFileSync("/proc/self/status", "utf8"))
        ? []
        : [
              "--add-runtime",
              `no-sys-resource=${runtimeWrapper()}`,
              "--default-runtime",
              "no-sys-resource",
          ];
    const pid = startDaemon(["dockerd", "--host", SYSTEM_SOCKET, ...args], DAEMON_LOG);
    writeFileSync(path.join(STATE_FOLDER, "dockerd.pid"), `${pid}\n`);
}

/** Whether this process may have CAP_SYS_RESOURCE; where not, runc cannot give it to containers. */
function canRaiseLimits(status: string): boolean {
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return mask === undefined || (BigInt(`0x${mask}`) & CAP_SYS_RESOURCE) !== 0n;
}

/** A copy outside the checkout and the caches: Docker looks it up for every container it starts. */
function runtimeWrapper(): string {
    const copy = path.join(STATE_FOLDER, "runc-without-sys-resource");
    const source = readFileSync(path.join(__dirname, "docker", "runc-without-sys-resource"));
    writeFileSync(copy, source, { mode: 0o755 });
    return copy;
}
