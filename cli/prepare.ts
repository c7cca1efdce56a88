/** What has to be there before pulumi runs: for `make up`, and for the end-to-end tests. */
import { mkdirSync, statSync } from "node:fs";
import { apiAddress } from "../components/gateway/addresses";
import { openclaw } from "../components/sandbox/applications/openclaw";
import { findBusyPort } from "../machine/busyPorts";
import { cacheRoot } from "../machine/cache";
import { portsHeldBy } from "../machine/docker/cli";
import { provideDocker } from "../machine/docker/daemon";
import type { DockerHost } from "../machine/docker/host";
import { provideNodeImage, type NodeImage } from "../machine/images";
import { isPublished, providePulumi, type PulumiTools } from "../machine/pulumi";
import { dockerIsHere } from "../machine/readNetworks";
import { checkMachine } from "../machine/requirements";
import { loadToolchain } from "../machine/standIns";
import { PROXY_IMAGE } from "../model/constants";
import { dockerName } from "../model/names";
import { portsOf } from "../model/ports";
import { hostPath } from "../settings/hostPath";
import type { GatewaySettings } from "../settings/schema";
import { StepError } from "../steps/errors";
import type { Progress } from "../steps/progress";

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
        if (source === "made here") {
            const { provideArchives, ARCHIVES } = loadToolchain();
            const archives = [
                ...(sandboxImages.includes(openclaw.image) ? [ARCHIVES.openclaw] : []),
                ...(sandboxImages.includes(PROXY_IMAGE) ? [ARCHIVES.proxy] : []),
            ];
            await provideArchives(archives, folder, progress);
        }
    }
    return tools;
}

/** Everything for a cluster that is there already: Pulumi alone. @returns it as it will be used */
export async function prepareForCluster(root: string, progress: Progress): Promise<PulumiTools> {
    await progress.step("machine", () => checkFirst(root, "pulumi"), String);
    return preparePulumi(progress);
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
export async function prepareNodeImage(image: string, progress: Progress): Promise<NodeImage> {
    return progress.step(
        "k3s image",
        () => provideNodeImage(image, progress),
        (source) => `${image} ${source}`,
    );
}

async function checkFirst(
    root: string,
    purpose: "containers" | "pulumi",
    host?: DockerHost,
): Promise<string> {
    const builds = !(await isPublished()) && (await loadToolchain().checkBuild());
    mkdirSync(cacheRoot(), { recursive: true });
    // Where another daemon keeps its things is not known here, or not on this machine.
    const docker = host?.usual && process.platform === "linux" ? ["/var/lib"] : [];
    const folders = [root, cacheRoot(), ...docker].filter(
        (folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined,
    );
    return checkMachine(folders, builds ? "builds" : purpose);
}

/** Ports that a container of ours does not hold already must be free. */
async function checkPorts(gateway: GatewaySettings): Promise<string> {
    if (!dockerIsHere()) {
        return "of another machine, which are not seen from here";
    }
    const held = await portsHeldBy(dockerName(gateway.name));
    const wanted = (ports: readonly number[]) => ports.filter((port) => !held.has(port));
    const busy =
        (await findBusyPort(apiAddress(gateway), wanted([gateway.apiPort]))) ??
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
