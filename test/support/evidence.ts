/** Everything about a running stack that a stop and a start must not change. */
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import type { TestStack } from "./stack";

/** What is compared before and after. */
export interface Evidence {
    /** Every file of the workspace: mode, owner, size, time, name, and the content's checksum. */
    readonly workspace: string;
    /** Base64 of the data of every Secret of the sandboxes' namespace. */
    readonly secrets: string;
    /** SHA-256 of the authority that the API server's certificate is signed by. */
    readonly authority: string;
    /** Name, UID and address of every node. */
    readonly nodes: string;
    /** Name, UID and volume of every claim. */
    readonly claims: string;
    /** Name and UID of every persistent volume. */
    readonly volumes: string;
    readonly urls: unknown;
}

/** As much of an object of Kubernetes as is compared. */
interface Found {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string };
    readonly data?: Readonly<Record<string, string>>;
    readonly spec?: {
        readonly volumeName?: string;
        readonly persistentVolumeReclaimPolicy?: string;
    };
    readonly status?: { readonly addresses?: readonly { readonly address: string }[] };
}

/** Collects it. */
export async function collect(stack: TestStack, sandbox: string): Promise<Evidence> {
    // At once: each call of kubectl costs more than what it asks for.
    const kinds = "secrets,nodes,persistentvolumeclaims,persistentvolumes";
    const { items } = JSON.parse(await stack.kubectl("get", kinds, "-A", "-o", "json")) as {
        items: readonly Found[];
    };
    /** One line for each object of a kind. */
    const list = (kind: string, columns: (found: Found) => readonly unknown[]) =>
        items
            .filter((found) => found.kind === kind)
            .map((found) => [found.metadata.name, ...columns(found)].join(" "))
            .sort()
            .join("\n");
    const ofSandboxes = items.filter(
        ({ kind, metadata }) => kind === "Secret" && metadata.namespace === "sandboxes",
    );
    return {
        workspace: await stack.shell(sandbox, CHECKSUMS),
        secrets: ofSandboxes
            .map(({ metadata, data }) => `${metadata.name} ${JSON.stringify(data)}`)
            .sort()
            .join("\n"),
        authority: await provenAuthority(stack),
        nodes: list("Node", ({ metadata, status }) => [
            metadata.uid,
            status?.addresses?.[0]?.address,
        ]),
        claims: list("PersistentVolumeClaim", ({ metadata, spec }) => [
            metadata.uid,
            spec?.volumeName,
        ]),
        volumes: list("PersistentVolume", ({ metadata, spec }) => [
            metadata.uid,
            spec?.persistentVolumeReclaimPolicy,
        ]),
        urls: await stack.output("tokenUrls"),
    };
}

/**
 * Files that belong to people. What an agent writes while it runs (`.agent`) changes by itself.
 * Checksums and attributes are one line a file, whatever its name.
 */
const CHECKSUMS = String.raw`
cd /sandbox
find . -path ./.agent -prune -o -print0 | sort -z | xargs -0 stat -c '%A %u:%g %s %Y %F'
find . -path ./.agent -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | cut -c1-64
find . -path ./.agent -prune -o -print0 | sort -z | sha256sum
`;

/** Fingerprint of the authority in the kubeconfig, once the API server has proved itself with it. */
async function provenAuthority(stack: TestStack): Promise<string> {
    const kubeconfig = JSON.parse(await stack.output<string>("kubeconfig")) as {
        clusters: [{ cluster: { "certificate-authority-data": string } }];
    };
    const ca = Buffer.from(kubeconfig.clusters[0].cluster["certificate-authority-data"], "base64");
    await new Promise<void>((resolve, reject) => {
        const socket = connect({ host: "127.0.0.1", port: stack.apiPort, ca }, () => {
            socket.end();
            resolve();
        });
        socket.on("error", reject);
    });
    return createHash("sha256").update(ca).digest("hex");
}
