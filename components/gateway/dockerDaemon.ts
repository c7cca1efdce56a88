/** The daemon that Pulumi's docker plugin asks, by the one client that reaches it by every way there is. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Seconds an answer may take: over SSH it is slow, and a container is given its grace to end in. */
const ANSWER_SECONDS = 120;

/** Where the docker plugin looks when nothing names a daemon: it reads no context of config.json. */
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Runs a docker command. @returns what it prints; @throws when it cannot be run, or fails */
export type Ask = (...args: readonly string[]) => Promise<string>;

/** The daemon that the docker plugin asks. @param dockerHost of the provider @default the environment's */
export function daemonOf(dockerHost?: string, env: NodeJS.ProcessEnv = process.env): string[] {
    const context = env["DOCKER_CONTEXT"];
    return context
        ? ["--context", context]
        : ["--host", dockerHost ?? (env["DOCKER_HOST"] || DEFAULT_HOST)];
}

/** Asks it. @param dockerHost of the provider @default the environment's */
export function askDocker(dockerHost?: string): Ask {
    return async (...args) => {
        const options = { timeout: ANSWER_SECONDS * 1000, maxBuffer: 64 * 2 ** 20 };
        const all = [...daemonOf(dockerHost), ...args];
        return (await promisify(execFile)("docker", all, options)).stdout;
    };
}
