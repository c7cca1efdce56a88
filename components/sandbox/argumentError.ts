/** Errors about what a sandbox was given, in its own terms or in those of the settings it comes from. */
import * as pulumi from "@pulumi/pulumi";
import type { SandboxScope } from "./scope";

/**
 * An error that is reported for the sandbox, without a stack.
 *
 * @param argument path of the argument, such as `volumeClaimTemplates[0].size`
 * @param reason what was found, and what it must be
 */
export function argumentError(
    { cluster, name, sandbox }: Pick<SandboxScope, "cluster" | "name" | "sandbox">,
    argument: string,
    reason: string,
): pulumi.ResourceError {
    return new pulumi.ResourceError(
        `${cluster.argumentKey(argument, name)}: ${reason}`,
        sandbox,
        true,
    );
}
