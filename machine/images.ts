/** Container images: those a registry gives, and else those that the toolchain makes. */
import { STAND_IN_LABEL } from "../model/constants";
import { StepError } from "../steps/errors";
import type { Progress } from "../steps/progress";
import { dockerWithin, imageLabels } from "./docker/cli";
import { announce } from "./published";
import { pullSize } from "./pullSize";
import { loadToolchain } from "./standIns";

/** Seconds a registry may take; on a machine without one the answer comes at once. */
const PULL_TIMEOUT = 600;

/** Seconds a registry may take to tell the size of an image, which nothing depends on. */
const MANIFEST_TIMEOUT = 10;

/** How Docker says that it did not reach a registry. */
const UNREACHABLE =
    /no such host|dial tcp|connection refused|network is unreachable|i\/o timeout|deadline exceeded|Client\.Timeout|TLS handshake timeout/;

/** Where the node image comes from. */
export type NodeImage = "there" | "pulled" | "made here";

/**
 * Makes sure the daemon has the node image.
 *
 * @param reference its name, as the program will ask for it
 */
export async function provideNodeImage(reference: string, progress: Progress): Promise<NodeImage> {
    const present = await imageLabels(reference);
    if (present !== undefined) {
        const standIn = present[STAND_IN_LABEL];
        if (standIn === undefined) {
            return "there";
        }
        if (loadToolchain().isCurrent(reference, standIn)) {
            return "made here";
        }
    } else if (await pull(reference, progress)) {
        return "pulled";
    }
    await loadToolchain().buildNodeImage(reference, progress);
    return "made here";
}

/**
 * Pulls an image. @returns false where no registry is within reach
 *
 * @throws StepError when the registry answers with anything but the image: that is to be mended, not
 * to be stood in for
 */
async function pull(reference: string, progress: Progress): Promise<boolean> {
    announce(progress, `image ${reference}`, await sizeOf(reference));
    try {
        await progress.run("docker", ["pull", reference], { timeout: PULL_TIMEOUT });
        return true;
    } catch (error) {
        if (error instanceof StepError && UNREACHABLE.test(error.message)) {
            return false;
        }
        throw error;
    }
}

/** Bytes that are fetched for an image. @returns undefined when the registry does not say */
async function sizeOf(reference: string): Promise<number | undefined> {
    try {
        const inspect = ["manifest", "inspect", "--verbose", reference];
        const arch = await dockerWithin(
            MANIFEST_TIMEOUT,
            "version",
            "--format",
            "{{.Server.Arch}}",
        );
        return pullSize(await dockerWithin(MANIFEST_TIMEOUT, ...inspect), arch.trim());
    } catch {
        return undefined;
    }
}
