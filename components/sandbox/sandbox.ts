/** A sandbox: one agent, its workspace, and the address it is reached at. */
import * as pulumi from "@pulumi/pulumi";
import { TYPE_PREFIX } from "../../model/constants";
import type { SandboxArgs } from "./args";
import { createClaims } from "./claims";
import { createData, createToken } from "./data";
import { createNetworkPolicy } from "./network";
import { pageUrls } from "./page";
import { sandboxScope } from "./scope";
import { createService } from "./service";
import { createStatefulSet } from "./statefulSet";

/**
 * One agent in one pod, with a workspace that survives the pod, the gateway and the StatefulSet.
 *
 * @example
 * const assistant = new Sandbox("assistant", {
 *     cluster: gateway,
 *     image: APPLICATIONS.openclaw.image,
 *     application: APPLICATIONS.openclaw,
 *     egress: ["internet"],
 * });
 * export const url = assistant.url;
 */
export class Sandbox extends pulumi.ComponentResource {
    /** Where the application's page is. @default undefined without an application */
    readonly url: pulumi.Output<string | undefined>;
    /** The URL with the token, which lets any browser in that opens it. @default undefined when the application takes none */
    readonly tokenUrl: pulumi.Output<string | undefined>;
    /** Token of this sandbox, 32 random bytes in hex. */
    readonly token: pulumi.Output<string>;
    /** Names of the claims that hold its data. */
    readonly claims: pulumi.Output<string[]>;

    constructor(name: string, args: SandboxArgs, opts?: pulumi.ComponentResourceOptions) {
        super(`${TYPE_PREFIX}:Sandbox`, name, recordedInputs(args), opts);
        const scope = sandboxScope(this, name, args.cluster);

        this.token = createToken(scope, args.tokenGeneration);
        const claims = createClaims(scope, args);
        const address = createService(scope, args);
        const data = createData(scope, args, this.token, address);
        createNetworkPolicy(scope, args);
        createStatefulSet(scope, args, { claims, data });

        this.claims = pulumi.all(claims.map(({ metadata }) => metadata.name));
        ({ url: this.url, tokenUrl: this.tokenUrl } = pageUrls(
            args.application,
            address,
            this.token,
        ));
        this.registerOutputs({
            url: this.url,
            tokenUrl: this.tokenUrl,
            token: this.token,
            claims: this.claims,
        });
    }
}

/**
 * Arguments that the component itself records; its resources record all others. They are a part of its
 * identity in previews: with one more, each sandbox of an existing stack would be listed as changed.
 */
function recordedInputs({ hostPort, workspaceSize, user }: SandboxArgs): pulumi.Inputs {
    return { hostPort, workspaceSize, user };
}
