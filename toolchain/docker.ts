/** A Docker daemon: the one that answers, or Debian's, installed and started. */
import Docker from "dockerode";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { StepError, type Progress } from "./progress";
import { until } from "./wait";

const SOCKET = "/var/run/docker.sock";

/** Docker, what Debian only recommends with it, and what the runtime wrapper is written in. */
const PACKAGES = ["docker.io", "iptables", "runc", "ca-certificates", "python3"];

/** What a started daemon leaves on the machine, so that it can be found and undone. */
const STATE_FOLDER = "/var/lib/sandbox-gateway";

/** Bit of CAP_SYS_RESOURCE in a capability mask. */
const CAP_SYS_RESOURCE = 1n << 24n;

/** Makes sure a daemon answers. @returns what was found or done, for people */
export async function provideDocker(progress: Progress): Promise<string> {
    const version = await daemonVersion();
    if (version !== undefined) {
        return `Docker ${version} answers`;
    }
    const host = process.env["DOCKER_HOST"];
    if (host !== undefined) {
        throw new StepError(
            `no Docker daemon answers at DOCKER_HOST=${host}`,
            "start it, or unset DOCKER_HOST to use the one of this machine",
        );
    }
    if (!existsSync("/usr/sbin/dockerd") && !existsSync("/usr/bin/dockerd")) {
        await installDocker(progress);
    }
    await startDaemon();
    return `Docker ${await daemonVersion()} started by this run (log: ${STATE_FOLDER}/dockerd.log)`;
}

/** Version of the daemon. @returns undefined when none answers */
export async function daemonVersion(): Promise<string | undefined> {
    try {
        return (await new Docker().version()).Version;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EACCES") {
            throw new StepError(
                `this user may not use the Docker daemon: ${(error as Error).message}`,
                "join the group docker (`sudo usermod -aG docker $USER`, then log in again)",
            );
        }
        return undefined;
    }
}

async function installDocker(progress: Progress): Promise<void> {
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
        throw new StepError(
            "no Docker daemon answers, and Docker is not installed",
            "install Docker as its documentation says, start it, then run this again",
        );
    }
    await aptInstall(PACKAGES, progress);
}

/** Installs Debian packages, without questions, waiting for another installation to end. */
export async function aptInstall(packages: readonly string[], progress: Progress): Promise<void> {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await progress.run("apt-get", ["update"], { env });
    await progress.run(
        "apt-get",
        ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600", ...packages],
        {
            env,
        },
    );
}

async function startDaemon(): Promise<void> {
    if (process.getuid?.() !== 0) {
        throw new StepError(
            "no Docker daemon answers",
            "start it (`sudo systemctl start docker`), then run this again",
        );
    }
    if (existsSync("/run/systemd/system")) {
        execFileSync("systemctl", ["start", "docker"], { stdio: "ignore" });
    } else {
        startWithoutSystemd();
    }
    try {
        await until("Docker answers", 60, async () => (await daemonVersion()) !== undefined);
    } catch (error) {
        throw new StepError(
            (error as Error).message,
            `see ${STATE_FOLDER}/dockerd.log, or \`journalctl -u docker\``,
        );
    }
}

function startWithoutSystemd(): void {
    mkdirSync(STATE_FOLDER, { recursive: true });
    const args = canRaiseLimits(readFileSync("/proc/self/status", "utf8"))
        ? []
        : [
              "--add-runtime",
              `no-sys-resource=${runtimeWrapper()}`,
              "--default-runtime",
              "no-sys-resource",
          ];
    const log = openSync(path.join(STATE_FOLDER, "dockerd.log"), "a");
    const daemon = spawn("dockerd", ["--host", `unix://${SOCKET}`, ...args], {
        // It has to outlive this run and the terminal.
        detached: true,
        stdio: ["ignore", log, log],
    });
    daemon.on("error", () => {
        // The wait for its answer ends with a message that points to the log.
    });
    daemon.unref();
    writeFileSync(path.join(STATE_FOLDER, "dockerd.pid"), `${daemon.pid}\n`);
}

/** Whether this process may have CAP_SYS_RESOURCE; where not, runc cannot give it to containers. */
export function canRaiseLimits(status: string): boolean {
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
