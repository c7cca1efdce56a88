/** From settings to the arguments of the components. */
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { APPLICATIONS, type Application, type Cluster } from "../components";
import type { ExistingClusterArgs, GatewayArgs, SandboxArgs } from "../components";
import { expandHome } from "./paths";
import { explain } from "./problems";
import { parseQuantity } from "./quantity";
import type { SandboxSettings, Settings } from "./schema";

/** Arguments of the gateway. */
export function gatewayArgs({ running, gateway }: Settings): GatewayArgs {
    const { memory, registries, secretEnv, ...rest } = gateway;
    return {
        ...rest,
        running,
        ...(memory === undefined ? {} : { memoryMiB: Math.floor(parseQuantity(memory) / 2 ** 20) }),
        // Without any, nothing about the container needs to be a secret.
        ...(Object.keys(secretEnv).length === 0 ? {} : { secretEnv: pulumi.secret(secretEnv) }),
        ...(registries === undefined ? {} : { registries: pulumi.secret(registries) }),
    };
}

/** Arguments of an existing cluster; reads its kubeconfig. */
export function existingClusterArgs(
    { running }: Settings,
    { kubeconfig, ...rest }: NonNullable<Settings["existingCluster"]>,
): ExistingClusterArgs {
    try {
        const content = readFileSync(expandHome(kubeconfig), "utf8");
        return { ...rest, running, kubeconfig: pulumi.secret(content) };
    } catch (error) {
        throw new pulumi.RunError(
            explain([
                {
                    key: "existingCluster.kubeconfig",
                    got: kubeconfig,
                    rule: `be a file that can be read (${(error as Error).message})`,
                    example: "~/.kube/config",
                },
            ]),
        );
    }
}

/** Arguments of a sandbox in `cluster`. */
export function sandboxArgs(cluster: Cluster, settings: SandboxSettings): SandboxArgs {
    const { image, application: named, user, secretEnv, inference } = settings;
    const application: Application | undefined =
        typeof named === "string" ? APPLICATIONS[named] : named;
    return {
        cluster,
        application,
        image: image ?? application?.image ?? "",
        running: settings.running,
        hostPort: settings.hostPort,
        env: settings.env,
        resources: settings.resources,
        gpus: settings.gpus,
        workspaceSize: settings.workspaceSize,
        volumeClaimTemplates: settings.volumeClaimTemplates,
        placement: { nodeSelector: settings.nodeSelector, tolerations: settings.tolerations },
        startTimeoutSeconds: settings.startTimeoutSeconds,
        tokenGeneration: settings.tokenGeneration,
        egress: settings.egress,
        user: user === "root" ? 0 : user,
        secretEnv: pulumi.secret(secretEnv),
        ...(inference && {
            inference: {
                baseUrl: pulumi.secret(inference.baseUrl),
                apiKey: pulumi.secret(inference.apiKey),
                model: inference.model,
            },
        }),
    };
}
