/** From settings to the arguments of the components. */
import * as pulumi from "@pulumi/pulumi";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { APPLICATIONS, openclawWith, type Application, type Cluster } from "../components";
import type {
    ExistingClusterArgs,
    GatewayArgs,
    Outbound,
    OutboundProxyArgs,
    OutboundRules,
    SandboxArgs,
} from "../components";
import { cutKubeconfig } from "./kubeconfigFile";
import { byAddress, outboundRules, type PlainOutboundRules } from "./outbound";
import { expandHome, hostPath } from "./hostPath";
import { keysOf } from "./keys";
import { explain } from "./problems";
import { parseQuantity } from "../model/quantity";
import type { SandboxSettings, Settings } from "./schema";

/** Arguments of the gateway. */
export function gatewayArgs({ running, gateway }: Settings): GatewayArgs {
    const { memory, registries, secretEnv, caCertificates, imageArchives, ...rest } = gateway;
    // It was for the check of the settings, and is nothing of the gateway's.
    delete (rest as Partial<typeof rest>).newK3sFlags;
    return {
        ...rest,
        running,
        argumentKey: keysOf("gateway"),
        caCertificates: caCertificates.map(readCertificates),
        ...(imageArchives === undefined ? {} : { imageArchives: archivesFolder(imageArchives) }),
        ...(memory === undefined ? {} : { memoryMiB: Math.floor(parseQuantity(memory) / 2 ** 20) }),
        // Without any, nothing about the container needs to be a secret.
        ...(Object.keys(secretEnv).length === 0 ? {} : { secretEnv: pulumi.secret(secretEnv) }),
        ...(registries === undefined ? {} : { registries: pulumi.secret(registries) }),
    };
}

/** Relative as it was given, so that the state is the same for every checkout. */
function archivesFolder(folder: string): string {
    // Docker splits what it mounts there, and would only say so when the container before is gone.
    if (hostPath(folder).includes(":")) {
        throw new pulumi.RunError(
            explain([
                {
                    key: "gateway.imageArchives",
                    got: hostPath(folder),
                    rule: "be a folder without `:` in its path, which Docker cannot mount",
                    example: ".local/images",
                },
            ]),
        );
    }
    return expandHome(folder);
}

/** The certificates in a PEM file, one at least. @throws pulumi.RunError when it holds none */
function readCertificates(file: string, index: number): string {
    const wrong = (reason: string) =>
        new pulumi.RunError(
            explain([
                {
                    key: `gateway.caCertificates[${index}]`,
                    got: file,
                    rule: `be a file of certificates in PEM form (${reason})`,
                    example: "~/company-ca.pem",
                },
            ]),
        );
    try {
        const content = readFileSync(hostPath(file), "utf8");
        const blocks = content.match(/-----BEGIN [^]*?-----END [A-Z0-9 ]+-----/g) ?? [];
        if (blocks.length === 0) {
            throw new Error("it holds none");
        }
        // Nothing else: a private key in there would be uploaded with them.
        return blocks.map((block) => new X509Certificate(block).toString()).join("");
    } catch (error) {
        throw wrong((error as Error).message);
    }
}

/** Arguments of an existing cluster; of its kubeconfig, what the context needs. */
export function existingClusterArgs(
    { running }: Settings,
    { kubeconfig, ...rest }: NonNullable<Settings["existingCluster"]>,
): ExistingClusterArgs {
    const file = hostPath(kubeconfig);
    try {
        const content = readFileSync(file, "utf8");
        const cut = cutKubeconfig(content, rest.context, path.dirname(file));
        const argumentKey = keysOf("existingCluster");
        return { ...rest, running, argumentKey, kubeconfig: pulumi.secret(cut) };
    } catch (error) {
        throw new pulumi.RunError(
            explain([
                {
                    key: "existingCluster.kubeconfig",
                    got: kubeconfig,
                    rule: `be a kubeconfig with the context ${rest.context} (${(error as Error).message})`,
                    example: "~/.kube/config",
                },
            ]),
        );
    }
}

/** Arguments of the outbound proxy. @returns undefined when no sandbox needs one */
export function outboundArgs(cluster: Cluster, settings: Settings): OutboundProxyArgs | undefined {
    const sandboxes = Object.entries(settings.sandboxes).flatMap(([name, sandbox]) => {
        const rules = outboundRules(sandbox);
        return rules === undefined ? [] : [[name, secretly(rules)] as const];
    });
    const { caCertificates } = settings.gateway;
    return sandboxes.length === 0
        ? undefined
        : {
              cluster,
              sandboxes: Object.fromEntries(sandboxes),
              ...(settings.existingCluster
                  ? {}
                  : { caCertificates: caCertificates.map(readCertificates) }),
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

/** Arguments of a sandbox in `cluster`. @param outbound its way out by names */
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
