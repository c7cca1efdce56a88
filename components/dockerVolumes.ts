/** Asks Docker for a volume, by the one client that reaches a daemon by every way there is. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { LABEL_OWNER } from "./constants";

/** Seconds an answer may take; over SSH it is slow, and a daemon that hangs must not hang us. */
const ANSWER_SECONDS = 30;

/** Where the docker plugin looks when nothing names a daemon: it reads no context of config.json. */
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/**
 * What Docker has under a name: a volume, with the owner on its label (empty without one); none; or it
 * cannot be told, which is never taken for none.
 */
export type FoundVolume = { readonly owner: string } | "absent" | "unknown";

/** The daemon that the docker plugin asks. @param dockerHost of the provider @default the environment's */
export function daemonOf(dockerHost?: string, env: NodeJS.ProcessEnv = process.env): string[] {
    const context = env["DOCKER_CONTEXT"];
    return context
        ? ["--context", context]
        : ["--host", dockerHost ?? (env["DOCKER_HOST"] || DEFAULT_HOST)];
}

/** Looks for a volume. @param dockerHost of the provider @default the environment's */
export async function findVolume(name: string, dockerHost?: string): Promise<FoundVolume> {
    const format = `{{.Name}} {{.Label "${LABEL_OWNER}"}}`;
    const list = ["volume", "ls", "--filter", `name=${name}`, "--format", format];
    try {
        const { stdout } = await promisify(execFile)("docker", [...daemonOf(dockerHost), ...list], {
            timeout: ANSWER_SECONDS * 1000,
            maxBuffer: 64 * 2 ** 20,
        });
        return volumeIn(stdout, name);
    } catch {
        return "unknown";
    }
}

/** Reads the list: Docker's filter matches parts of names. */
export function volumeIn(list: string, name: string): FoundVolume {
    const line = list.split("\n").find((candidate) => candidate.split(" ")[0] === name);
    return line === undefined ? "absent" : { owner: line.slice(name.length).trim() };
}
