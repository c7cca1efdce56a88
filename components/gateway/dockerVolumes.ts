/** Asks Docker for a volume, and for what is in it. */
import { LABEL_OWNER } from "../../model/constants";
import type { Ask } from "./dockerDaemon";

/**
 * What Docker has under a name: a volume, with the owner on its label (empty without one); none; or it
 * cannot be told, which is never taken for none.
 */
export type FoundVolume = { readonly owner: string } | "absent" | "unknown";

/** Looks for a volume. */
export async function findVolume(ask: Ask, name: string): Promise<FoundVolume> {
    const format = `{{.Name}} {{.Label "${LABEL_OWNER}"}}`;
    try {
        return volumeIn(
            await ask("volume", "ls", "--filter", `name=${name}`, "--format", format),
            name,
        );
    } catch {
        return "unknown";
    }
}

/** Reads the list: Docker's filter matches parts of names. */
export function volumeIn(list: string, name: string): FoundVolume {
    const line = list.split("\n").find((candidate) => candidate.split(" ")[0] === name);
    return line === undefined ? "absent" : { owner: line.slice(name.length).trim() };
}

/** Where the script of `lookInto` finds the volume. */
export const LOOK_MOUNT = "/data";

/** File in a volume, from its root, that tells that k3s has run there. */
export const DATABASE = "server/db/state.db";

/**
 * Has a shell look into a volume that is there, in a container without network that cannot write to it. A
 * gateway may run with it meanwhile.
 *
 * @param image any with a shell, and what the script needs
 * @returns what the script prints; @throws when it cannot be run
 */
export function lookInto(ask: Ask, volume: string, image: string, script: string): Promise<string> {
    return ask(
        ...["run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"],
        ...["--security-opt", "no-new-privileges", "--user", "0"],
        ...["--mount", `type=volume,src=${volume},dst=${LOOK_MOUNT},readonly,volume-nocopy`],
        ...["--entrypoint", "/bin/sh", image, "-c", script],
    );
}

/** Whether k3s has never run with a volume. @default false: it cannot be told */
export async function isEmpty(ask: Ask, volume: string, image: string): Promise<boolean> {
    const script = `[ -e ${LOOK_MOUNT}/${DATABASE} ] || echo empty`;
    return (await lookInto(ask, volume, image, script).catch(() => "")).trim() === "empty";
}
