/**
 * The gateway's certificates: ECDSA P-256, as k3s makes its own.
 *
 * Keys are PEM in SEC1 form (`EC PRIVATE KEY`): k3s and its Kubernetes parts read it everywhere,
 * while they refuse PKCS#8 in places and Ed25519 in others.
 */
// @peculiar/x509 looks for this polyfill when it is loaded.
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import "reflect-metadata";
import { createPrivateKey, KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface KeyPair {
    readonly cert: string;
    readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;

/**
 * An authority outlives every gateway: it is uploaded once, k3s keeps it in its database, and a
 * change would cut off every client.
 */
const CA_LIFETIME = 100 * 365 * DAY;

/**
 * Fixed: made under a clock that is a year ahead, an authority would not be good yet when it is right
 * again, and nothing makes another one.
 */
const CA_NOT_BEFORE = new Date("2020-01-01T00:00:00Z");

/**
 * A client certificate is renewed every quarter (`clientEpoch`), by the first `up` in it. What is left
 * over is for a gateway that nobody touches: a refresh of its stack still works after nine months.
 */
const CLIENT_LIFETIME = 365 * DAY;

/** Clocks of laptops and of containers differ; a certificate is valid a day before it is made. */
const CLOCK_SKEW = DAY;

/** Makes a self-signed certificate authority. */
export async function issueAuthority(commonName: string, now = new Date()): Promise<KeyPair> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: `CN=${commonName}`,
        keys,
        signingAlgorithm: ALGORITHM,
        notBefore: CA_NOT_BEFORE,
        notAfter: new Date(now.getTime() + CA_LIFETIME),
        extensions: [
            new x509.BasicConstraintsExtension(true, undefined, true),
            new x509.KeyUsagesExtension(
                x509.KeyUsageFlags.digitalSignature |
                    x509.KeyUsageFlags.keyEncipherment |
                    x509.KeyUsageFlags.keyCertSign,
                true,
            ),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
    });
    return { cert: pem(certificate), key: sec1(keys.privateKey) };
}

/**
 * Makes a client certificate signed by `authority`, for a user of Kubernetes.
 *
 * @param subject `organization` is the Kubernetes group, `commonName` the user.
 */
export async function issueClient(
    authority: KeyPair,
    subject: { readonly commonName: string; readonly organization: string },
    now = new Date(),
): Promise<KeyPair> {
    const issuer = new x509.X509Certificate(authority.cert);
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
        subject: `O=${subject.organization}, CN=${subject.commonName}`,
        issuer: issuer.subjectName,
        publicKey: keys.publicKey,
        signingKey: await importKey(authority.key),
        signingAlgorithm: ALGORITHM,
        notBefore: new Date(now.getTime() - CLOCK_SKEW),
        notAfter: new Date(now.getTime() + CLIENT_LIFETIME),
        extensions: [
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
            await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ],
    });
    return { cert: pem(certificate), key: sec1(keys.privateKey) };
}

/**
 * What a client certificate belongs to: a new one is issued when this value changes.
 *
 * @param generation of the credentials. @default 1
 */
export function clientEpoch(
    generation = GATEWAY_DEFAULTS.credentialsGeneration,
    now = new Date(),
): string {
    const quarter = `${now.getUTCFullYear()}-Q${Math.floor(now.getUTCMonth() / 3) + 1}`;
    return generation === 1 ? quarter : `${quarter}/${generation}`;
}

async function generateKeys(): Promise<CryptoKeyPair> {
    return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** k3s compares files byte for byte with its database; one trailing newline, always. */
function pem(certificate: x509.X509Certificate): string {
    return certificate.toString("pem").trimEnd() + "\n";
}

function sec1(key: CryptoKey): string {
    return KeyObject.from(key).export({ type: "sec1", format: "pem" }).toString();
}

async function importKey(sec1Pem: string): Promise<CryptoKey> {
    const pkcs8 = createPrivateKey(sec1Pem).export({ type: "pkcs8", format: "der" });
    return webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
}
