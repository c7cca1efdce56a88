/** What a machine has to be for images to be built on it. */
import { existsSync } from "node:fs";
import { StepError } from "../../steps/errors";

/**
 * Checks that images can be built here. Nothing else needs this kind of machine.
 *
 * @param what the image, for people
 */
export function checkImageBuild(what: string, machine: ImageBuilder = THIS_MACHINE): void {
    const missing = [
        machine.platform === "linux" && machine.hasApt ? [] : ["Debian"],
        machine.arch === "x64" ? [] : ["x86-64"],
        machine.root ? [] : ["root"],
    ].flat();
    if (missing.length > 0) {
        throw new StepError(
            `the ${what} has to be built here, because no registry was reached, and that needs ${missing.join(" and ")}`,
            "run this where the registry is reached (`docker pull` works), or have the image there already, or build on Debian (x86-64) as root",
        );
    }
}

/** What building an image asks of a machine. */
export interface ImageBuilder {
    /** As `process.platform`. */
    readonly platform: string;
    /** As `process.arch`. */
    readonly arch: string;
    readonly hasApt: boolean;
    readonly root: boolean;
}

const THIS_MACHINE: ImageBuilder = {
    platform: process.platform,
    arch: process.arch,
    hasApt: existsSync("/usr/bin/apt-get"),
    root: process.getuid?.() === 0,
};
