/** What a sandbox's Secret and ConfigMap hold. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { createHmac } from "node:crypto";
import { GATE_SCRIPT, LOOPBACK } from "../../model/constants";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { sortedEntries } from "../../model/ordered";
import type { Address } from "../cluster/cluster";
import { keyedDigest } from "../digest";
import { script } from "../scripts";
import { INFERENCE_VARIABLES, tokenVariable } from "./applications/application";
import type { SandboxArgs } from "./args";
import type { SandboxScope } from "./scope";

/** Creates the token of a sandbox. @param generation another one is another token. @default 1 */
export function createToken(
    { name, kept }: SandboxScope,
    generation = SANDBOX_DEFAULTS.tokenGeneration,
): pulumi.Output<string> {
    const seed = new random.RandomBytes(`${name}-token`, { length: 32 }, kept);
    return pulumi.secret(seed.hex.apply((secret) => deriveToken(secret, generation)));
}

/**
 * The token of a generation. Derived from a secret that never leaves the state: a new token needs no
 * replacement of what is protected, and an old one tells nothing about the next.
 */
export function deriveToken(seed: string, generation: number): string {
    return createHmac("sha256", seed).update(`token ${generation}`).digest("hex");
}

/** Environment variables of a sandbox whose values are secret. */
function secretData(
    args: SandboxArgs,
    token: pulumi.Output<string>,
): pulumi.Output<Record<string, string>> {
    const { application } = args;
    const own = pulumi.all({
        // Never empty: Kubernetes drops an empty map, and every preview would add it again.
        [tokenVariable(application)]: token,
        ...inferenceVariables(args),
    });
    return pulumi.secret(
        pulumi
            .all([own, args.secretEnv ?? {}])
            .apply(([ours, theirs]): Record<string, string> => ({ ...theirs, ...ours })),
    );
}

/** With a proxy that has the key, the sandbox has the proxy's address alone. */
function inferenceVariables({
    inference,
    outbound,
}: SandboxArgs): Record<string, pulumi.Input<string>> {
    if (inference === undefined) {
        return {};
    }
    return outbound?.inferenceUrl
        ? { [INFERENCE_VARIABLES.baseUrl]: outbound.inferenceUrl }
        : {
              [INFERENCE_VARIABLES.baseUrl]: inference.baseUrl,
              [INFERENCE_VARIABLES.apiKey]: inference.apiKey,
          };
}

type Files = pulumi.Output<Record<string, string>>;

/** What the pod finds under `SCRIPTS_PATH`: scripts and the application's files. */
interface FileData {
    /** In a ConfigMap. */
    readonly config: Files;
    /** In a Secret of their own: of the other, every key is a variable. @default no such files */
    readonly secret?: Files;
}

/** Scripts and the application's files. */
function fileData(args: SandboxArgs, address: pulumi.Output<Address> | undefined): FileData {
    const scripts: Record<string, string> = {
        [GATE_SCRIPT]: script(`sandbox/${GATE_SCRIPT}`),
        "seed.sh": script("sandbox/seed.sh"),
        "start.sh": script("sandbox/start.sh"),
    };
    const files = applicationFiles(args, address);
    if (!files) {
        return { config: pulumi.output(scripts) };
    }
    return args.application?.secretFiles
        ? { config: pulumi.output(scripts), secret: pulumi.secret(files) }
        : { config: files.apply((own) => ({ ...scripts, ...own })) };
}

function applicationFiles(
    { application, inference, outbound, cluster }: SandboxArgs,
    address: pulumi.Output<Address> | undefined,
): Files | undefined {
    const files = application?.files;
    if (!files) {
        return undefined;
    }
    // Without a published port it is reached by port-forward, under the application's own.
    const reached: pulumi.Output<Address> =
        address ?? pulumi.output({ host: LOOPBACK, port: application.port });
    const others = address ? (cluster.names ?? []) : [];
    return reached.apply(({ host, port, ownName }): Record<string, string> => {
        const names = new Set([host, "localhost", ...(ownName ? [ownName] : []), ...others]);
        return files({
            origins: [...names].map((name) => `http://${name}:${port}`),
            ...(inference ? { model: inference.model } : {}),
            ...(outbound?.inferenceUrl ? { keyElsewhere: true } : {}),
        });
    });
}

/** Names and digest of the sandbox's Secret and ConfigMap, for its pod. */
export interface SandboxData {
    /** Digest of their content: a change of it makes the pod anew. */
    readonly configHash: pulumi.Output<string>;
    /** Name of the ConfigMap with files. */
    readonly configMap: pulumi.Output<string>;
    /** Name of the Secret with variables. */
    readonly secret: pulumi.Output<string>;
    /** Name of the Secret with files. @default none of the application's files is secret */
    readonly secretFiles?: pulumi.Output<string>;
}

/** Creates the Secret, the ConfigMap and, for files that are secret, a Secret of their own. */
export function createData(
    scope: SandboxScope,
    args: SandboxArgs,
    token: pulumi.Output<string>,
    address: pulumi.Output<Address> | undefined,
): SandboxData {
    const { name } = scope;
    const variables = secretData(args, token);
    const files = fileData(args, address);
    const secret = new k8s.core.v1.Secret(
        `${name}-secret`,
        { metadata: scope.metadata(), stringData: variables },
        scope.object,
    );
    const configMap = new k8s.core.v1.ConfigMap(
        `${name}-config`,
        { metadata: scope.metadata(), data: files.config },
        scope.object,
    );
    const secretFiles =
        files.secret &&
        new k8s.core.v1.Secret(
            `${name}-files`,
            // A name that no sandbox can have, whose own Secret is called like it.
            { metadata: scope.metadata(`${name}.files`), stringData: files.secret },
            // The files repeat the configuration and are deleted with it, so they need no protection.
            { ...scope.object, protect: false },
        );
    return {
        configHash: configHash(files, variables, token),
        configMap: configMap.metadata.name,
        secret: secret.metadata.name,
        secretFiles: secretFiles?.metadata.name,
    };
}

/** A digest of everything the pod reads at its start, keyed with its token, for an annotation. */
function configHash(
    files: FileData,
    secret: pulumi.Output<Record<string, string>>,
    token: pulumi.Output<string>,
): pulumi.Output<string> {
    const read = pulumi
        .all([files.config, secret, ...(files.secret ? [files.secret] : [])])
        .apply((records) => records.map(sortedEntries));
    return keyedDigest(read, token);
}
