/** The container that a gateway runs in, and the keeper that takes its place while it is stopped. */
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import * as names from "../../model/names";
import { containerRevision, containerSpec, type ContainerParts } from "./container";
import type { DataVolume } from "./dataVolume";
import { keeperSpec } from "./keeper";
import type { GatewayScope } from "./scope";

/** Other resources, and values from them, that both containers are made of. */
type Parts = Pick<ContainerParts, "image" | "network" | "identity"> & {
    readonly volume: DataVolume;
};

/** What became of the gateway's container. */
export interface Containers {
    /** The container of k3s. @default the gateway is stopped */
    readonly container: docker.Container | undefined;
    /** Changes when the container is replaced; also known while there is none. */
    readonly revision: pulumi.Output<string>;
}

/** Creates the container of k3s, or the keeper in its place: whichever of the two there is not is deleted. */
export function createContainers(
    { name, args, cattle, nameIsFree }: GatewayScope,
    { volume, ...parts }: Parts,
): Containers {
    const { imageArchives } = args;
    const held = { ...parts, volume: volume.name };
    const spec = containerSpec(args, {
        ...held,
        nodeName: names.nodeName(args.name),
        dockerName: names.dockerName(args.name),
        ...(imageArchives === undefined ? {} : { imageArchives: path.resolve(imageArchives) }),
    });
    const opts: pulumi.CustomResourceOptions = {
        ...cattle,
        deleteBeforeReplace: true,
        // A container that did not get healthy is replaced by the next run: an update would neither
        // start it nor wait for it, and everything after it would find no API.
        replaceOnChanges: ["#initerror"],
        hooks: { beforeCreate: [volume.isThere, nameIsFree] },
    };
    const container = args.running ? new docker.Container(`${name}-k3s`, spec, opts) : undefined;
    if (!args.running) {
        new docker.Container(`${name}-keeper`, keeperSpec(args, held), opts);
    }
    return { container, revision: containerRevision(spec, args.image, parts.identity.token) };
}
