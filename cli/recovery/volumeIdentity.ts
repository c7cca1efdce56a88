/** The identity of a gateway as its data volume has it: what a state that is lost can be made of again. */
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { K3S_NODE_PASSWORD_COPY } from "../../model/constants";
import type { Ask } from "../../components/gateway/dockerDaemon";
import { DATABASE, LOOK_MOUNT, lookInto } from "../../components/gateway/dockerVolumes";
import type { KeyPair } from "../../components/gateway/pki";
import { dockerWithin } from "../../machine/docker/cli";
import { reasonOf } from "../../steps/command";
import { StepError } from "../../steps/errors";

/** Seconds that reading may take: a container is started for it, perhaps on a machine elsewhere. */
const READ_SECONDS = 120;

const MARKER = ".sandbox-gateway";

/** Files that are read; of the database no more than whether it is there. */
const FILES = [
    MARKER,
    K3S_NODE_PASSWORD_COPY,
    "server/token",
    "server/tls/server-ca.crt",
    "server/tls/server-ca.key",
    "server/tls/client-ca.crt",
    "server/tls/client-ca.key",
] as const;

/** Prints `NAME BASE64` for each file that is there. */
const SCRIPT = [
    `cd ${LOOK_MOUNT} || exit 1`,
    `[ ! -e ${DATABASE} ] || echo "${DATABASE} "`,
    `for file in ${FILES.join(" ")}; do`,
    '[ ! -f "$file" ] || echo "$file $(base64 <"$file" | tr -d "\\n")"',
    "done",
].join("\n");

/** What makes a gateway the same again. */
export interface RecoveredIdentity {
    readonly serverCa: KeyPair;
    readonly clientCa: KeyPair;
    /** 64 hexadecimal digits. */
    readonly token: string;
    /** 32 hexadecimal digits; gateways of earlier versions have not kept it there. */
    readonly nodePassword?: string;
}

/** What a volume holds. */
export type VolumeContent =
    /** No cluster: k3s has never run there. */
    | { readonly kind: "empty" }
    /** A cluster that is not, or not wholly, a gateway's. */
    | { readonly kind: "other"; readonly why: string }
    | { readonly kind: "gateway"; readonly identity: RecoveredIdentity };

/**
 * Reads a volume that is there, as `lookInto` does.
 *
 * @param image of k3s; any with a shell, `base64` and `tr` does
 * @throws StepError when it cannot be read
 */
export async function readVolume(volume: string, image: string): Promise<VolumeContent> {
    const ask: Ask = (...args) => dockerWithin(READ_SECONDS, ...args);
    try {
        return parseVolume(await lookInto(ask, volume, image, SCRIPT));
    } catch (error) {
        if (error instanceof StepError) {
            throw error;
        }
        throw new StepError(
            `cannot read the volume ${volume} with a container of ${image}: ${reasonOf(error)}`,
            "see that Docker can start containers, then run this again",
        );
    }
}

/** What was printed of a volume. */
export function parseVolume(printed: string): VolumeContent {
    const files = new Map(
        printed
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => {
                const [name = "", content = ""] = line.split(" ");
                return [name, Buffer.from(content, "base64").toString("utf8")];
            }),
    );
    const text = (name: string) => files.get(name) ?? "";
    if (!files.has(DATABASE)) {
        return { kind: "empty" };
    }
    const pair = (name: string) => ({
        cert: text(`server/tls/${name}.crt`),
        key: text(`server/tls/${name}.key`),
    });
    const [serverCa, clientCa] = [pair("server-ca"), pair("client-ca")];
    const why =
        wrongPair("server-ca", serverCa, "sandbox-gateway-server-ca") ??
        wrongPair("client-ca", clientCa, "sandbox-gateway-client-ca") ??
        wrongMarker(text(MARKER).trim(), serverCa);
    if (why !== undefined) {
        return { kind: "other", why };
    }
    // k3s puts the authority's fingerprint in front.
    const [, token] =
        /^(?:K10[0-9a-f]{64}::server:)?([0-9a-f]{64})\s*$/.exec(text("server/token")) ?? [];
    if (token === undefined) {
        return { kind: "other", why: "server/token is not one that this program makes" };
    }
    const [nodePassword] = /^[0-9a-f]{32}/.exec(text(K3S_NODE_PASSWORD_COPY)) ?? [];
    return {
        kind: "gateway",
        identity: {
            serverCa,
            clientCa,
            token,
            ...(nodePassword === undefined ? {} : { nodePassword }),
        },
    };
}

/** What is wrong with an authority. @returns undefined for one of ours */
function wrongPair(name: string, { cert, key }: KeyPair, commonName: string): string | undefined {
    try {
        const certificate = new X509Certificate(cert);
        if (certificate.subject !== `CN=${commonName}`) {
            return `${name}.crt is ${certificate.subject}, which this program did not make`;
        }
        return certificate.checkPrivateKey(createPrivateKey(key))
            ? undefined
            : `${name}.key is not the key of ${name}.crt`;
    } catch {
        return `${name}.crt and ${name}.key are no certificate with its key`;
    }
}

/** The entrypoint's rule: a marker that a power cut has emptied leaves it to the authority. */
function wrongMarker(marker: string, serverCa: KeyPair): string | undefined {
    return marker === "" || marker === fingerprintOf(serverCa)
        ? undefined
        : `its marker ${MARKER} names another authority than server-ca.crt`;
}

/** What an authority is called by labels and markers. */
export function fingerprintOf({ cert }: KeyPair): string {
    return createHash("sha256").update(cert).digest("hex");
}
