/**
 * A look at Docker before a gateway is started: what a prune took while it was stopped. A network, an
 * image and the keeper are made again. The data volume is not: Docker would give an empty one to
 * whoever asks, or another gateway's.
 */
import { findVolume } from "../../components/gateway/dockerVolumes";
import { ownerOf } from "../../components/gateway/leftovers";
import { dockerName, isKeeperName } from "../../model/names";
import type { PlaceSettings } from "../../settings/schema";
import { requireDaemon, useDockerHost } from "../../machine/docker/daemon";
import { docker as askDocker, dockerHas, imageLabels } from "../../machine/docker/cli";
import type { DockerHost } from "../../machine/docker/host";
import { StepError } from "../../steps/errors";
import { gatewayOf, type Export } from "../stack/stackExport";
import { prepareNodeImage } from "../prepare";
import { makeTarget } from "../makeTarget";
import { fingerprintOf, readVolume } from "./volumeIdentity";
import type { Session } from "../session";

/** What the state has in Docker and Docker may have lost. */
export interface Part {
    readonly kind: "volume" | "network" | "image" | "container";
    readonly urn: string;
    /** Name, or an image's id: what Docker is asked for. */
    readonly name: string;
}

/** Types of resources with what they are in Docker, and the output that has its name. */
const KINDS: Readonly<Record<string, readonly [kind: Part["kind"], output: string]>> = {
    "docker:index/volume:Volume": ["volume", "name"],
    "docker:index/network:Network": ["network", "name"],
    "docker:index/remoteImage:RemoteImage": ["image", "imageId"],
    "docker:index/container:Container": ["container", "name"],
};

/** A stack that has an identity may find its own volume; a new one can only find another's. */
const IDENTITY = "pulumi:index:Stash";

/** What a stack has in Docker, as its state says; a gateway's container is what a heal looks for. */
export function partsOf(exported: Export): Part[] {
    return (exported.deployment?.resources ?? []).flatMap(({ urn, type, delete: old, outputs }) => {
        const [kind, output] = KINDS[type] ?? [];
        const name = output && outputs?.[output];
        const isPart = kind && !old && typeof name === "string";
        return isPart && (kind !== "container" || isKeeperName(name)) ? [{ kind, urn, name }] : [];
    });
}

/** Why a gateway is not started without its volume. */
function volumeIsMissing({ name }: Part, { host, namedBy }: DockerHost): StepError {
    return new StepError(
        [
            `Docker at ${host} (${namedBy}) has no volume ${name}, which holds all that this gateway and its sandboxes have stored`,
            "  nothing was changed; Docker would make an empty volume of that name, so the gateway is not started",
            "  either the gateway is on another daemon, or the volume was removed (docker volume prune, docker system prune --volumes, a clean-up in Docker Desktop)",
        ].join("\n"),
        `look for it on your other daemons first: \`docker context ls\`, \`docker --context NAME volume ls\`; where it is there, \`docker context use NAME\` (or DOCKER_HOST), then run this again. Else restore a backup into a volume ${name}, and keep the Pulumi state, without which no backup can be run: docs/operations.md, \`The data volume is missing\``,
    );
}

/** Why a new stack does not get a volume that is there. */
function volumeIsUsed(name: string, { host, namedBy }: DockerHost): StepError {
    return new StepError(
        [
            `Docker at ${host} (${namedBy}) has a volume ${name} with a cluster in it, and this stack is new: it is another gateway's`,
            "  nothing in it was touched, and nothing was made",
        ].join("\n"),
        "it runs with the Pulumi state that it was made with (another checkout, backend or user), and with no other: keep both. A gateway beside it: `make up STACK=...`, or another gateway.name, subnet and ports; docs/operations.md, `A data volume that is there already`",
    );
}

/**
 * Sees that a new stack does not begin with a volume that an earlier version has made: it has no label
 * by which the program could tell. One with a label is the program's to refuse.
 */
async function refuseUsedVolume(place: PlaceSettings, docker: DockerHost): Promise<void> {
    const { name, image } = place.gateway;
    const volume = dockerName(name);
    if (!(await dockerHas("volume", volume)) || !(await imageLabels(image))) {
        return;
    }
    // Where it cannot be told, the gateway's own container decides, which touches nothing else either.
    const content = await readVolume(volume, image).catch(() => undefined);
    if (content !== undefined && content.kind !== "empty") {
        throw volumeIsUsed(volume, docker);
    }
}

/**
 * The daemon of a stack. A cluster that is there needs none; a gateway that it takes the place of may
 * still be in one.
 */
export async function dockerOf({
    gateway,
    existingCluster,
}: PlaceSettings): Promise<DockerHost | undefined> {
    const host = useDockerHost(gateway.dockerHost);
    return existingCluster ? host.catch(() => undefined) : host;
}

/**
 * Sees that Docker has the data volume.
 *
 * @param state as it is now
 * @returns what else Docker has lost
 * @throws StepError without the volume, with another gateway's, or when Docker does not answer
 */
export async function findMissing(
    { place, docker }: Pick<Session, "place" | "docker">,
    state: Export,
): Promise<Part[]> {
    if (place.existingCluster || !docker) {
        return [];
    }
    const parts = partsOf(state);
    const isNew = !(state.deployment?.resources ?? []).some(({ type }) => type === IDENTITY);
    if (parts.length === 0 && !isNew) {
        return [];
    }
    await requireDaemon(docker);
    if (isNew) {
        await refuseUsedVolume(place, docker);
    }
    const missing: Part[] = [];
    for (const part of parts) {
        if (!(await dockerHas(part.kind, part.name))) {
            missing.push(part);
        }
    }
    const volume = parts.find(({ kind }) => kind === "volume");
    if (volume && missing.includes(volume)) {
        throw volumeIsMissing(volume, docker);
    }
    if (volume) {
        await refuseOther(volume, state, place, docker);
    }
    return missing;
}

/**
 * Sees that the volume is the one of the state, and not merely called so: every daemon may have one, as
 * may every user and checkout.
 */
async function refuseOther(
    { name }: Part,
    { deployment }: Export,
    { gateway }: PlaceSettings,
    docker: DockerHost,
): Promise<void> {
    const { resources = [] } = deployment ?? {};
    const ours = gatewayOf(resources);
    const found = ours === undefined ? "unknown" : await findVolume(askDocker, name);
    // As Docker had it, which gives whoever asks a volume that is there, without the label asked for.
    const wasLabelled = resources.some(
        ({ type, outputs }) => KINDS[type]?.[0] === "volume" && ownerOf(outputs ?? {}) === ours,
    );
    if (ours === undefined || typeof found !== "object" || found.owner === ours) {
        return;
    }
    const why =
        found.owner === ""
            ? await whyOther(name, gateway.image, ours, wasLabelled)
            : `its label names the authority ${found.owner}, and this gateway's is ${ours}`;
    if (why !== undefined) {
        throw volumeIsOther(name, why, docker);
    }
}

/**
 * What a volume without a label has in it.
 *
 * @param wasLabelled whether that of the state was made with one: then this is a backup, or another
 * @returns undefined for this gateway's, or where it cannot be told
 */
async function whyOther(
    name: string,
    image: string,
    ours: string,
    wasLabelled: boolean,
): Promise<string | undefined> {
    if (!(await imageLabels(image))) {
        return wasLabelled
            ? `it has no label, and it takes ${image} to look into it, which is not there: \`${makeTarget("up")}\` fetches that`
            : undefined;
    }
    const content = await readVolume(name, image).catch(() => undefined);
    switch (content?.kind) {
        case "gateway":
            return fingerprintOf(content.identity.serverCa) === ours
                ? undefined
                : "the cluster in it has another authority";
        case "empty":
            return wasLabelled ? "no cluster is in it" : undefined;
        default:
            // The entrypoint refuses what is another's, and mends files that a power cut has emptied.
            return undefined;
    }
}

/** Why nothing is done with a volume of the right name. */
function volumeIsOther(name: string, why: string, { host, namedBy }: DockerHost): StepError {
    return new StepError(
        [
            `Docker at ${host} (${namedBy}) has a volume ${name} that is not this gateway's: ${why}`,
            "  nothing was changed; this gateway is on another daemon, or its volume was removed and another one made",
        ].join("\n"),
        "look for it on your other daemons: `docker context ls`, `docker --context NAME volume ls`; where it is there, `docker context use NAME` (or DOCKER_HOST), then run this again. docs/operations.md, `The data volume is missing`",
    );
}

/**
 * Has the state forget what Docker has lost, so that the next `up` makes it again.
 *
 * @throws StepError as `findMissing` does, or when that fails
 */
export async function mendPruned(
    session: Pick<Session, "env" | "place" | "docker" | "progress">,
    state: Export,
): Promise<void> {
    const { env, place, progress } = session;
    const missing = await findMissing(session, state);
    if (missing.length === 0) {
        return;
    }
    const lost = missing.map(({ kind, name }) => `${kind} ${name}`).join(", ");
    progress.print(`  Docker has lost, and it is made again: ${lost}`);
    const { image } = place.gateway;
    if (missing.some(({ kind }) => kind === "image") && !(await imageLabels(image))) {
        await prepareNodeImage(image, progress);
    }
    // These alone: whatever is in Kubernetes cannot be asked while the gateway is stopped.
    const targets = missing.flatMap(({ urn }) => ["--target", urn]);
    const args = ["refresh", "--yes", "--skip-preview", ...targets];
    progress.print(`  $ pulumi refresh --yes --skip-preview --target ... (${missing.length})`);
    const status = await progress.attach("pulumi", args, env);
    if (status !== 0) {
        throw new StepError(
            `pulumi refresh failed with status ${status}`,
            "see what it says above, then run this again",
        );
    }
}
