/** The k3s image of a gateway. */
import * as docker from "@pulumi/docker";
import { shortHash } from "../../model/names";
import type { GatewayScope } from "./scope";

/** Pulls it, unless Docker has it. Named after the reference: an upgrade pulls before the old container goes. */
export function createImage({ name, args, cattle }: GatewayScope): docker.RemoteImage {
    return new docker.RemoteImage(
        `${name}-image-${shortHash(args.image)}`,
        { name: args.image, keepLocally: true },
        cattle,
    );
}
