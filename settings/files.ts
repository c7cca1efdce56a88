/** Files on this machine that settings name: read and checked before anything is registered. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { hostPath } from "./hostPath";
import { cutKubeconfig } from "./kubeconfigFile";
import type { Problem } from "./problems";
import type { ExistingClusterSettings, GatewaySettings, Settings } from "./schema";

/** Settings with the contents of the files that they name. */
export interface ReadSettings extends Settings {
    readonly gateway: GatewaySettings & {
        /** Certificates of each file of `caCertificates`, PEM. @default none beside an existing cluster */
        readonly certificates: readonly string[];
    };
    readonly existingCluster?: ExistingClusterSettings & {
        /** The part of `kubeconfig`'s content that `context` needs. */
        readonly kubeconfigContent: string;
    };
}

/** Reads the files. @returns the settings with their contents, and what is wrong with the files */
export function readFiles({ gateway, existingCluster, ...rest }: Settings): {
    readonly settings: ReadSettings;
    readonly problems: readonly Problem[];
} {
    const problems: Problem[] = [];
    if (existingCluster) {
        const kubeconfigContent = readKubeconfig(existingCluster, problems);
        return {
            settings: {
                ...rest,
                // Nothing reads these files: no gateway is made.
                gateway: { ...gateway, certificates: [] },
                existingCluster: { ...existingCluster, kubeconfigContent },
            },
            problems,
        };
    }
    checkArchives(gateway, problems);
    const certificates = gateway.caCertificates.map((file, index) =>
        readCertificates(file, `gateway.caCertificates[${index}]`, problems),
    );
    return { settings: { ...rest, gateway: { ...gateway, certificates } }, problems };
}

/** Docker cannot mount a path with `:`, and would refuse only after the old container is gone. */
function checkArchives({ imageArchives }: GatewaySettings, problems: Problem[]): void {
    if (imageArchives !== undefined && hostPath(imageArchives).includes(":")) {
        problems.push({
            key: "gateway.imageArchives",
            got: hostPath(imageArchives),
            rule: "be a folder without `:` in its path, which Docker cannot mount",
            example: ".local/images",
        });
    }
}

/** The certificates of a PEM file, one at least. */
function readCertificates(file: string, key: string, problems: Problem[]): string {
    try {
        const content = readFileSync(hostPath(file), "utf8");
        const blocks = content.match(/-----BEGIN [^]*?-----END [A-Z0-9 ]+-----/g) ?? [];
        if (blocks.length === 0) {
            throw new Error("it holds none");
        }
        // A private key is no certificate: a file with one is refused instead of uploaded.
        return blocks.map((block) => new X509Certificate(block).toString()).join("");
    } catch (error) {
        const reason = (error as Error).message;
        problems.push({
            key,
            got: file,
            rule: `be a file of certificates in PEM form (${reason})`,
            example: "~/company-ca.pem",
        });
        return "";
    }
}

/** The part of the kubeconfig that the context needs. */
function readKubeconfig(
    { kubeconfig, context }: ExistingClusterSettings,
    problems: Problem[],
): string {
    const file = hostPath(kubeconfig);
    try {
        return cutKubeconfig(readFileSync(file, "utf8"), context, path.dirname(file));
    } catch (error) {
        const reason = (error as Error).message;
        problems.push({
            key: "existingCluster.kubeconfig",
            got: kubeconfig,
            rule: `be a kubeconfig with the context ${context} (${reason})`,
            example: "~/.kube/config",
        });
        return "";
    }
}
