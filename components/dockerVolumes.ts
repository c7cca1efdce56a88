/** Asks Docker for a volume. */
import { LABEL_OWNER } from "./constants";
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
