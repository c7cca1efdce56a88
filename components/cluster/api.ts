/**
 * Reads objects of a cluster, for checks before something is made or changed in it. It gets
 * there the way the Kubernetes provider does: by a context of a kubeconfig, its certificates, plugins and
 * proxies.
 */
import type { KubeConfig } from "@kubernetes/client-node" with { "resolution-mode": "import" };
import { existsSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { proxyOf } from "./apiProxy";

/** Seconds an answer may take, a plugin's for the credentials included; the provider has as many. */
const ANSWER_SECONDS = 30;

/** Where a cluster is. */
export interface Access {
    /** Content of a kubeconfig. */
    readonly kubeconfig: string;
    /** A context in it. */
    readonly context: string;
}

/** What is read of any object. */
export interface FoundObject {
    readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
        /** Since when it is being removed. */
        readonly deletionTimestamp?: string;
    };
}

/** Which object. */
export interface ObjectName {
    /** As in a manifest: `v1`, `apps/v1`. */
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    /** @default that of an object of the whole cluster */
    readonly namespace?: string;
}

/**
 * An object of the cluster.
 *
 * @returns undefined only when the API server itself says that there is none of this name
 * @throws Error saying why it cannot be told
 */
export async function readObject<T = FoundObject>(
    access: Access,
    object: ObjectName,
): Promise<T | undefined> {
    const { status, text } = await within(ANSWER_SECONDS, get(access, pathOf(object)));
    const answer = parse(text);
    if (status === 200 && answer?.kind === object.kind) {
        return answer as T;
    }
    // Something between may answer 404 as well: it knows of no object.
    if (status === 404 && answer?.reason === "NotFound" && answer.details?.name === object.name) {
        return undefined;
    }
    throw new Error(
        answer?.message ?? `the answer is no Kubernetes object (HTTP status ${status})`,
    );
}

/**
 * All objects of a kind in a namespace; none in one that is not there.
 *
 * @throws Error saying why it cannot be told
 */
export async function listObjects<T>(
    access: Access,
    kind: Omit<ObjectName, "name">,
): Promise<readonly T[]> {
    const { status, text } = await within(ANSWER_SECONDS, get(access, pathOf(kind)));
    const answer = parse(text);
    if (status === 200 && answer?.kind === `${kind.kind}List`) {
        // Go writes a list of nothing as null.
        return (answer.items ?? []) as readonly T[];
    }
    throw new Error(answer?.message ?? `the answer is no list (HTTP status ${status})`);
}

/** An object or a list, or the Status that says why there is none. */
interface Answer {
    readonly kind?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly items?: readonly unknown[] | null;
    readonly details?: { readonly name?: string };
}

function parse(text: string): Answer | undefined {
    try {
        return (JSON.parse(text) as Answer | null) ?? undefined;
    } catch {
        return undefined;
    }
}

/** Where the API has an object, or all of a kind; its kinds have regular plurals. */
export function pathOf({
    apiVersion,
    kind,
    name,
    namespace,
}: Omit<ObjectName, "name"> & { readonly name?: string }): string {
    const singular = kind.toLowerCase();
    const plural = singular.endsWith("y")
        ? `${singular.slice(0, -1)}ies`
        : singular + (singular.endsWith("s") ? "es" : "s");
    return [
        apiVersion.includes("/") ? "/apis" : "/api",
        apiVersion,
        ...(namespace === undefined ? [] : ["namespaces", namespace]),
        plural,
        ...(name === undefined ? [] : [name]),
    ].join("/");
}

async function get(access: Access, path: string): Promise<{ status: number; text: string }> {
    const config = await load(access);
    const { server = "" } = config.getCurrentCluster() ?? {};
    const options: https.RequestOptions = { headers: { Accept: "application/json" } };
    await config.applyToHTTPSOptions(options);
    // A server may have a path of its own in front.
    const url = new URL(server + path);
    const { request } = url.protocol === "http:" ? http : https;
    return new Promise((resolve, reject) => {
        const sent = request(
            url,
            { ...options, signal: AbortSignal.timeout(ANSWER_SECONDS * 1000) },
            (response) => {
                const parts: Buffer[] = [];
                response.on("data", (part: Buffer) => parts.push(part));
                response.on("error", reject);
                response.on("end", () =>
                    resolve({
                        status: response.statusCode ?? 0,
                        text: Buffer.concat(parts).toString("utf8"),
                    }),
                );
            },
        );
        sent.on("error", reject);
        sent.end();
    });
}

/** The kubeconfig as the Go client reads it, in what the library reads otherwise. */
async function load({ kubeconfig, context }: Access): Promise<KubeConfig> {
    // Only for what is about to be made: most runs make nothing, and it takes a while to load.
    const { KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    if (config.getContextObject(context) === null) {
        throw new Error(`the kubeconfig has no context ${context}`);
    }
    config.setCurrentContext(context);
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
        throw new Error(`the kubeconfig has no cluster for the context ${context}`);
    }
    const plain = cluster.server.startsWith("http:");
    const proxyUrl = cluster.proxyUrl ?? proxyOf(cluster.server, process.env);
    const caFile = cluster.caData === undefined ? (cluster.caFile ?? authorities()) : undefined;
    const changed = {
        ...cluster,
        // Without TLS there is nothing to verify; the library demands the option all the same.
        ...(plain ? { skipTLSVerify: true } : {}),
        ...(proxyUrl === undefined ? {} : { proxyUrl }),
        ...(caFile === undefined ? {} : { caFile }),
    };
    config.clusters = config.clusters.map((each) => (each === cluster ? changed : each));
    config.users = config.users.map((user) => {
        const exec = user.exec as Exec | undefined;
        return exec ? { ...user, exec: { ...exec, env: execEnvironment(exec, changed) } } : user;
    });
    return config;
}

/** Where systems keep the authorities they trust, a company's among them: as Go looks for them. */
const AUTHORITIES = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/** The system's, for Node.js has its own. @returns undefined when Node's have to do */
function authorities(): string | undefined {
    if (process.platform !== "linux") {
        return undefined;
    }
    return process.env["SSL_CERT_FILE"] || AUTHORITIES.find((file) => existsSync(file));
}

interface Exec {
    readonly apiVersion?: string;
    readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
    readonly provideClusterInfo?: boolean;
}

/** Value of KUBERNETES_EXEC_INFO, without which some credential plugins do not start. */
function execEnvironment(
    { apiVersion, env, provideClusterInfo }: Exec,
    cluster: NonNullable<ReturnType<KubeConfig["getCurrentCluster"]>>,
) {
    const info = {
        apiVersion,
        kind: "ExecCredential",
        spec: {
            interactive: false,
            ...(provideClusterInfo === true && {
                cluster: {
                    server: cluster.server,
                    "certificate-authority-data": cluster.caData,
                    "insecure-skip-tls-verify": cluster.skipTLSVerify,
                    "tls-server-name": cluster.tlsServerName,
                    "proxy-url": cluster.proxyUrl,
                },
            }),
        },
    };
    return [...(env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }];
}

async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
            () => reject(new Error(`no answer in ${seconds} seconds`)),
            seconds * 1000,
        );
    });
    try {
        return await Promise.race([work, late]);
    } finally {
        clearTimeout(timer);
    }
}
