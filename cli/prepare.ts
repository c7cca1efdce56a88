/** What has to be there before pulumi runs: for `make up`, and for the end-to-end tests. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import * as path from "node:path";
import { dockerName } from "../components/names";
import { openclaw } from "../components/openclaw";
import { PROXY_IMAGE } from "../components/constants";
import { portsOf } from "../components/ports";
import { gatewaySchema } from "../settings/gatewaySchema";
import { hostPath } from "../settings/paths";
import type { GatewaySettings } from "../settings/schema";
import { dockerIsHere } from "../settings/thisMachine";
import { aptInstall, halfInstalled } from "../toolchain/apt";
import { cacheRoot } from "../toolchain/cache";
import { provideDocker, useDockerHost } from "../toolchain/docker";
import { portsHeldBy } from "../toolchain/dockerCli";
import type { DockerHost } from "../toolchain/dockerHost";
import { LOCAL_FOLDER } from "../toolchain/environment";
import {
    checkGo,
    goVersion,
    hasGoProgram,
    testedGoPrograms,
    testGoProgram,
} from "../toolchain/goBuild";
import * as images from "../toolchain/images";
import { checkMachine, findBusyPort } from "../toolchain/machine";
import { StepError, type Progress } from "../toolchain/progress";
import { missingPrograms, providePulumi, type PulumiTools } from "../toolchain/pulumi";
import { chooseEnvironment } from "./environment";

/** A machine with Docker, which can have this gateway. */
export async function prepareMachine(
    root: string,
    host: DockerHost,
    gateway: GatewaySettings,
    progress: Progress,
): Promise<void> {
    await progress.step("machine", () => checkFirst(root, "containers", host), String);
    await progress.step("Docker", () => provideDocker(host, gateway, progress), String);
}

/**
 * Everything else for a gateway of these settings. @returns Pulumi as it will be used
 *
 * @param sandboxImages those its sandboxes name: a gateway imports whatever lies in its folder of archives, and
 *   OpenClaw takes longer than everything else of its first start
 */
export async function prepareForGateway(
    root: string,
    gateway: GatewaySettings,
    sandboxImages: readonly string[],
    progress: Progress,
): Promise<PulumiTools> {
    await progress.step("ports", () => checkPorts(gateway), String);
    const [tools, source] = await progress.together([
        () => preparePulumi(progress),
        () => prepareNodeImage(gateway.image, progress),
    ]);
    if (gateway.imageArchives !== undefined) {
        const folder = hostPath(gateway.imageArchives, root);
        mkdirSync(folder, { recursive: true });
        // Where the node image had to be made here, no registry is within reach of the pods either.
        const archives = [
            ...(sandboxImages.includes(openclaw.image) ? [images.OPENCLAW_ARCHIVE] : []),
            ...(sandboxImages.includes(PROXY_IMAGE) ? [images.PROXY_ARCHIVE] : []),
        ];
        if (source === "made here" && archives.length > 0) {
            await prepareArchives(folder, archives, progress);
        }
    }
    return tools;
}

/** Everything for a cluster that is there already: Pulumi alone. @returns it as it will be used */
export async function prepareForCluster(root: string, progress: Progress): Promise<PulumiTools> {
    await progress.step("machine", () => checkFirst(root, "pulumi"), String);
    return preparePulumi(progress);
}

/** Everything for the end-to-end tests. @returns the environment to run them in */
export async function prepareForTests(
    root: string,
    progress: Progress,
): Promise<NodeJS.ProcessEnv> {
    const gateway = gatewaySchema.parse({});
    keepStateApart(root);
    const docker = await useDockerHost();
    await prepareMachine(root, docker, gateway, progress);
    // Before all else, so that no two steps install packages at a time.
    await progress.step("packages", () => ensurePackages(TEST_PACKAGES, progress), String);
    const folder = path.join(root, LOCAL_FOLDER, "test-images");
    // Compilers wait for modules, linkers leave cores idle, archives are downloads for the most part.
    const [tools] = await progress.together([
        () => preparePulumi(progress),
        () => prepareNodeImage(gateway.image, progress),
        () => prepareTestImages(folder, progress),
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
async function prepareTestImages(folder: string, progress: Progress): Promise<void> {
    await prepareArchives(path.join(folder, "agent"), [images.TEST_ARCHIVE], progress);
    const outbound = [images.TEST_ARCHIVE, images.PROXY_ARCHIVE];
    await prepareArchives(path.join(folder, "outbound"), outbound, progress);
    const all = [...outbound, images.OPENCLAW_ARCHIVE];
    await prepareArchives(path.join(folder, "assistant"), all, progress);
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
        await ensurePackages(UNIT_TEST_PACKAGES, progress);
    } catch (error) {
        if (!(error instanceof StepError)) {
            throw error;
        }
        progress.print(`unit tests: ${error.message}${error.hint ? `; ${error.hint}` : ""}`);
    }
}

/** Installs what is missing of them. @returns what was installed, for people */
async function ensurePackages(
    packages: Readonly<Record<string, string>>,
    progress: Progress,
): Promise<string> {
    const half = await halfInstalled(Object.keys(packages));
    const missing = Object.entries(packages)
        .filter(([name, file]) => !existsSync(file) || half.includes(name))
        .map(([name]) => name);
    if (missing.length === 0) {
        return "all there";
    }
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
        const files = missing.map((name) => packages[name]).join(", ");
        throw new StepError(
            `missing: ${files}`,
            `install them (Debian: apt-get install ${missing.join(" ")}), then run this again`,
        );
    }
    await aptInstall(missing, progress);
    return `installed ${missing.join(", ")}`;
}

/** Tests of the Go programs that are built here. @returns how many passed and failed */
export async function testGoPrograms(
    progress: Progress,
): Promise<{ readonly passed: number; readonly failed: number }> {
    const names = testedGoPrograms();
    if (goVersion() === undefined) {
        progress.print("Go: none on PATH; nothing of Go is made here then, nor tested");
        return { passed: 0, failed: 0 };
    }
    try {
        checkGo(names);
    } catch (error) {
        progress.print(`Go: ${(error as Error).message}`);
        return { passed: 0, failed: names.length };
    }
    let failed = 0;
    for (const name of names) {
        try {
            await progress.step(`tests of ${name}`, () => testGoProgram(name, progress));
        } catch (error) {
            if (!(error instanceof StepError)) {
                throw error;
            }
            failed++;
            progress.print(`     ${error.message}; see ${progress.logFile}`);
        }
    }
    return { passed: names.length - failed, failed };
}

/** The engine and its plugins, with a line for people. */
export async function preparePulumi(progress: Progress): Promise<PulumiTools> {
    return progress.step(
        "Pulumi",
        () => providePulumi(progress),
        ({ description }) => description,
    );
}

/** The k3s image, with a line for people. */
export async function prepareNodeImage(
    image: string,
    progress: Progress,
): Promise<images.NodeImage> {
    return progress.step(
        "k3s image",
        () => images.provideNodeImage(image, progress),
        (source) => `${image} ${source}`,
    );
}

async function prepareArchives(
    folder: string,
    archives: readonly images.Archive[],
    progress: Progress,
): Promise<void> {
    for (const archive of archives) {
        await progress.step(archive.title, () => images.provideArchive(archive, folder, progress));
    }
}

async function checkFirst(
    root: string,
    purpose: "containers" | "pulumi",
    host?: DockerHost,
): Promise<string> {
    const missing = (await missingPrograms()).filter((name) => !hasGoProgram(name));
    if (missing.length > 0) {
        checkGo(missing);
    }
    mkdirSync(cacheRoot(), { recursive: true });
    // Where another daemon keeps its things is not known here, or not on this machine.
    const docker = host?.usual && process.platform === "linux" ? ["/var/lib"] : [];
    const folders = [root, cacheRoot(), ...docker].filter(
        (folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined,
    );
    return checkMachine(folders, missing.length > 0 ? "builds" : purpose);
}

/** Ports that a container of ours does not hold already must be free. */
async function checkPorts(gateway: GatewaySettings): Promise<string> {
    if (!dockerIsHere()) {
        return "of another machine, which are not seen from here";
    }
    const held = await portsHeldBy(dockerName(gateway.name));
    const wanted = (ports: readonly number[]) => ports.filter((port) => !held.has(port));
    const busy =
        (await findBusyPort("127.0.0.1", wanted([gateway.apiPort]))) ??
        (await findBusyPort(gateway.bindAddress, wanted(portsOf(gateway.ports))));
    if (busy !== undefined) {
        throw new StepError(
            `port ${busy} is in use on this machine; the gateway publishes it (${
                busy === gateway.apiPort ? "gateway.apiPort" : "gateway.ports"
            })`,
            `end what listens there (\`${listenersOf(busy)}\`), or choose others with \`pulumi config set --path\``,
        );
    }
    return held.size > 0 ? "held by the gateway, which runs" : "free";
}

/** The command that names what listens on a port. */
function listenersOf(port: number): string {
    return process.platform === "linux"
        ? `ss -ltnp 'sport = :${port}'`
        : `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
}
