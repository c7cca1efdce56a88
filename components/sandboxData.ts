/** What a sandbox's Secret and ConfigMap hold. */
import * as pulumi from "@pulumi/pulumi";
import { createHmac } from "node:crypto";
import { INFERENCE_VARIABLES, tokenVariable } from "./application";
import type { Address } from "./cluster";
import { keyedDigest, sortedEntries } from "./digest";
import type { SandboxArgs } from "./sandbox";
import { script } from "./scripts";

/**
 * The token of a generation. Derived from a secret that never leaves the state: a new token needs no
 * replacement of what is protected, and an old one tells nothing about the next.
 */
export function deriveToken(seed: string, generation: number): string {
    return createHmac("sha256", seed).update(`token ${generation}`).digest("hex");
}

/** Environment variables of a sandbox whose values are secret. */
export function secretData(
    args: SandboxArgs,
    token: pulumi.Output<string>,
): pulumi.Output<Record<string, string>> {
    const { application, inference } = args;
    const own = pulumi.all({
        // Never empty: Kubernetes drops an empty map, and every preview would add it again.
        [tokenVariable(application)]: token,
        ...(inference && {
            [INFERENCE_VARIABLES.baseUrl]: inference.baseUrl,
            [INFERENCE_VARIABLES.apiKey]: inference.apiKey,
        }),
    });
    return pulumi.secret(
        pulumi
            .all([own, args.secretEnv ?? {}])
            .apply(([ours, theirs]): Record<string, string> => ({ ...theirs, ...ours })),
    );
}

/** Scripts and the application's files, in one ConfigMap. */
export function configData(
    args: SandboxArgs,
    address: pulumi.Output<Address> | undefined,
): pulumi.Output<Record<string, string>> {
    const scripts: Record<string, string> = {
        "seed.sh": script("seed.sh"),
        "start.sh": script("start.sh"),
    };
    const files = args.application?.files;
    if (!files) {
        return pulumi.output(scripts);
    }
    // Without a published port it is reached by port-forward, under the application's own.
    const own = args.application?.port ?? 0;
    const reached = address ?? pulumi.output({ host: "127.0.0.1", port: own });
    return reached.apply(({ host, port }): Record<string, string> => ({
        ...scripts,
        ...files({
            origins: [...new Set([host, "localhost"])].map((name) => `http://${name}:${port}`),
            ...(args.inference ? { model: args.inference.model } : {}),
        }),
    }));
}

/** A digest of everything the pod reads at its start, keyed with its token, for an annotation. */
export function configHash(
    config: pulumi.Output<Record<string, string>>,
    secret: pulumi.Output<Record<string, string>>,
    token: pulumi.Output<string>,
): pulumi.Output<string> {
    const read = pulumi.all([config, secret]).apply((records) => records.map(sortedEntries));
    return keyedDigest(read, token);
}
