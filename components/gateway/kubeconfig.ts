/** The kubeconfig of a gateway, made only of values that are in state. */
import type { KeyPair } from "./pki";

/** What a client needs to reach the Kubernetes API of a gateway. */
export interface KubeconfigParts {
    /** Name of cluster, user and context in the file. */
    readonly name: string;
    /** Host and port as seen from where Pulumi runs. */
    readonly endpoint: string;
    /** The server authority's certificate, PEM. */
    readonly serverCa: string;
    /** An administrator's certificate and key, PEM. */
    readonly client: KeyPair;
}

/** JSON is YAML, and key order makes it byte-stable: the provider sees a change only when one is. */
export function renderKubeconfig(parts: KubeconfigParts): string {
    const { name } = parts;
    return JSON.stringify(
        {
            apiVersion: "v1",
            kind: "Config",
            "current-context": name,
            contexts: [{ name, context: { cluster: name, user: name } }],
            clusters: [
                {
                    name,
                    cluster: {
                        server: `https://${parts.endpoint}`,
                        "certificate-authority-data": base64(parts.serverCa),
                    },
                },
            ],
            users: [
                {
                    name,
                    user: {
                        "client-certificate-data": base64(parts.client.cert),
                        "client-key-data": base64(parts.client.key),
                    },
                },
            ],
        },
        undefined,
        2,
    );
}

function base64(text: string): string {
    return Buffer.from(text, "utf8").toString("base64");
}
