/** Shells that the program's scripts are run under. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** One shell, by a name for people. */
export interface Shell {
    readonly name: string;
    /** The command and the arguments before a script's own path. */
    readonly command: readonly [string, ...string[]];
    /**
     * Programs that it has within itself and takes before those on PATH. That of Debian does so, that
     * of k3s's image does not.
     */
    readonly applets: readonly string[];
}

const BUSYBOX = "/bin/busybox";

/** This machine's: dash on Debian, as in the stand-in of k3s's image. */
export const SH: Shell = { name: "sh", command: ["/bin/sh"], applets: [] };

/**
 * That of k3s's own image, and of small images.
 *
 * @throws when it is not on this machine
 */
function busyboxAsh(): Shell {
    if (!existsSync(BUSYBOX)) {
        throw new Error(
            `${BUSYBOX} is missing, whose shell is that of k3s's image: apt-get install busybox-static`,
        );
    }
    const applets = execFileSync(BUSYBOX, ["--list"], { encoding: "utf8" }).trim().split("\n");
    return { name: "busybox ash", command: [BUSYBOX, "ash"], applets };
}

/** Both. */
export function shells(): readonly Shell[] {
    return [SH, busyboxAsh()];
}

/**
 * The command that runs a script in a shell with the programs of a folder in front of all others, also
 * of those that the shell has within itself.
 */
export function shellCommand(
    { command, applets }: Shell,
    bin: string,
    script: string,
    args: readonly string[],
): [string, string[]] {
    const [shell, ...options] = command;
    const within = readdirSync(bin).filter((name) => applets.includes(name));
    if (within.length === 0) {
        return [shell, [...options, script, ...args]];
    }
    // A function comes before what is within. The script then is read, not started: `$0` is its path.
    const functions = within.map((name) => `${name}() { "${bin}/${name}" "$@"; }`);
    return [shell, [...options, "-c", `${functions.join("\n")}\n. "$0"`, script, ...args]];
}
