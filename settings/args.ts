/** Pure: from settings to the arguments of the components. */
import * as pulumi from "@pulumi/pulumi";
import { APPLICATIONS, openclawWith, type Application, type Cluster } from "../components";
import type {
    ExistingClusterArgs,
    GatewayArgs,
    Outbound,
    OutboundProxyArgs,
    OutboundRules,
    SandboxArgs,
} from "../components";
import type { ReadSettings } from "./files";
import { byAddress, outboundRules, type PlainOutboundRules } from "./outbound";
import { expandHome } from "./hostPath";
import { keysOf } from "./keys";
import { parseQuantity } from "../model/quantity";
import type { SandboxSettings } from "./schema";

/** Arguments of the gateway. */
export function gatewayArgs({ running, gateway }: ReadSettings): GatewayArgs {
    const { memory, registries, secretEnv, imageArchives, certificates, ...rest } = gateway;
    // Only the rules for `k3s` read this key: the gateway has no such argument.
    delete (rest as Partial<typeof rest>).newK3sFlags;
    return {
        ...rest,
        running,
        argumentKey: keysOf("gateway"),
        subnet: gateway.subnet.cidr,
        caCertificates: certificates,
        // Relative as it was given, so that the state is the same for every checkout.
        ...(imageArchives === undefined ? {} : { imageArchives: expandHome(imageArchives) }),
        ...(memory === undefined ? {} : { memoryMiB: Math.floor(parseQuantity(memory) / 2 ** 20) }),
        // Without a secret variable, the container's environment is shown in clear.
        ...(Object.keys(secretEnv).length === 0 ? {} : { secretEnv: pulumi.secret(secretEnv) }),
        ...(registries === undefined ? {} : { registries: pulumi.secret(registries) }),
    };
}

/** Arguments of an existing cluster; of its kubeconfig, what the context needs. */
export function existingClusterArgs(
    { running }: ReadSettings,
    { kubeconfigContent, ...rest }: NonNullable<ReadSettings["existingCluster"]>,
): ExistingClusterArgs {
    return {
        ...rest,
        running,
        argumentKey: keysOf("existingCluster"),
        kubeconfig: pulumi.secret(kubeconfigContent),
    };
}

/** Arguments of the outbound proxy. @returns undefined when no sandbox needs one */
export function outboundArgs(
    cluster: Cluster,
    settings: ReadSettings,
): OutboundProxyArgs | undefined {
    const sandboxes = Object.entries(settings.sandboxes).flatMap(([name, sandbox]) => {
        const rules = outboundRules(sandbox);
        return rules === undefined ? [] : [[name, secretly(rules)] as const];
    });
    return sandboxes.length === 0
        ? undefined
        : {
              cluster,
              sandboxes: Object.fromEntries(sandboxes),
              ...(settings.existingCluster
                  ? {}
                  : { caCertificates: settings.gateway.certificates }),
          };
}

function secretly({ inference, ...rules }: PlainOutboundRules): OutboundRules {
    return {
        ...rules,
        ...(inference && {
            inference: {
                baseUrl: pulumi.secret(inference.baseUrl),
                apiKey: pulumi.secret(inference.apiKey),
            },
        }),
    };
}

/** Arguments of a sandbox in `cluster`. @param outbound its access to the outbound proxy */
export function sandboxArgs(
    cluster: Cluster,
    settings: SandboxSettings,
    outbound?: Outbound,
): SandboxArgs {
    const { image, user, secretEnv, inference } = settings;
    const application = applicationOf(settings);
    return {
        cluster,
        application,
        image,
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
        egress: byAddress(settings),
        ...(outbound && { outbound }),
        ...(settings.dns === undefined ? {} : { dns: settings.dns }),
        user: user === "root" ? 0 : user,
        group: settings.group,
        runtimeClass: settings.runtimeClass,
        userNamespace: settings.userNamespace,
        readOnlyRoot: settings.readOnlyRoot,
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

function applicationOf({ application, openclaw }: SandboxSettings): Application | undefined {
    if (typeof application !== "string") {
        return application;
    }
    return openclaw ? openclawWith(openclaw) : APPLICATIONS[application];
}
