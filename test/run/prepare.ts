/** What the tests need of the machine, besides npm's packages. */
import * as path from "node:path";
import { prepareMachine, prepareNodeImage, preparePulumi } from "../../cli/prepare";
import { chooseEnvironment } from "../../cli/stack/pulumiEnvironment";
import { useDockerHost } from "../../machine/docker/daemon";
import { LOCAL_FOLDER } from "../../machine/environment";
import { loadToolchain, type Toolchain } from "../../machine/standIns";
import { gatewaySchema } from "../../settings/schema/gateway";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";

/** Everything for the end-to-end tests. @returns the environment to run them in */
export async function prepareForTests(
    root: string,
    progress: Progress,
): Promise<NodeJS.ProcessEnv> {
    const gateway = gatewaySchema.parse({});
    const toolchain = loadToolchain();
    keepStateApart(root);
    const docker = await useDockerHost();
    await prepareMachine(root, docker, gateway, progress);
    // Before all else, so that no two steps install packages at a time.
    await progress.step(
        "packages",
        () => toolchain.ensurePackages(TEST_PACKAGES, progress),
        String,
    );
    const folder = path.join(root, LOCAL_FOLDER, "test-images");
    // Compilers wait for modules, linkers leave cores idle, archives are downloads for the most part.
    const [tools] = await progress.together([
        () => preparePulumi(progress),
        () => prepareNodeImage(gateway.image, progress),
        () => prepareTestImages(toolchain, folder, progress),
    ]);
    return chooseEnvironment(root, tools, { docker }).env;
}

/** Keeps what tests do away from the user's own state. */
export function keepStateApart(root: string): void {
    process.env["XDG_STATE_HOME"] = path.join(root, LOCAL_FOLDER, "test-state");
}

/**
 * A folder for gateways with small agents, one for those that have the outbound proxy, too, and one for
 * those with OpenClaw besides: every gateway imports all of its folder, and OpenClaw takes longer than
 * everything else of its start.
 */
async function prepareTestImages(
    { ARCHIVES, provideArchives }: Toolchain,
    folder: string,
    progress: Progress,
): Promise<void> {
    const outbound = [ARCHIVES.test, ARCHIVES.proxy];
    await provideArchives([ARCHIVES.test], path.join(folder, "agent"), progress);
    await provideArchives(outbound, path.join(folder, "outbound"), progress);
    await provideArchives(
        [...outbound, ARCHIVES.openclaw],
        path.join(folder, "assistant"),
        progress,
    );
}

/**
 * What the unit tests call, by a file of each package: the shell of k3s's image. The scenario that the
 * docker plugin is compared by runs in an image of nothing but it, too.
 */
const UNIT_TEST_PACKAGES: Readonly<Record<string, string>> = {
    // Debian's other busybox, which is at the same place, does not start without libraries.
    "busybox-static": "/usr/share/doc/busybox-static",
};

/** Debian packages that the steps call, by a file of each. */
const TEST_PACKAGES: Readonly<Record<string, string>> = {
    ...UNIT_TEST_PACKAGES,
    gcc: "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdio.h",
    mmdebstrap: "/usr/bin/mmdebstrap",
    iproute2: "/sbin/ip",
    tcpdump: "/usr/bin/tcpdump",
    chromium: "/usr/bin/chromium",
};

/** What the unit tests need besides npm's packages. Says what is missing where it cannot be installed. */
export async function prepareForUnitTests(progress: Progress): Promise<void> {
    try {
        await loadToolchain().ensurePackages(UNIT_TEST_PACKAGES, progress);
    } catch (error) {
        if (!(error instanceof StepError)) {
            throw error;
        }
        progress.print(`unit tests: ${error.message}${error.hint ? `; ${error.hint}` : ""}`);
    }
}
