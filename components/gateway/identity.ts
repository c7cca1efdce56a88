/** Everything that makes a gateway the same gateway again: made once, kept in state, secret. */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { createHash } from "node:crypto";
import { TYPE_PREFIX } from "../../model/constants";
import { administrators } from "./manifests";
import { RENEWED_SUFFIX } from "../../model/stateful";
import { clientEpoch, issueAuthority, issueClient, type KeyPair } from "./pki";

/**
 * Certificates and secrets of a gateway.
 *
 * The authorities and secrets inherit the component's protection. The certificates of
 * clients do not: they are renewed every quarter, and losing them loses nothing.
 */
export class Identity extends pulumi.ComponentResource {
    /** Signs the API server's certificate. */
    readonly serverCa: pulumi.Output<KeyPair>;
    /** SHA-256 of the server authority's certificate, in hex: names the gateway, and is no secret. */
    readonly fingerprint: pulumi.Output<string>;
    /** Whether this run makes the server authority: then nothing was ever stored with it. */
    readonly isNew: pulumi.Output<boolean>;
    /** Signs client certificates. */
    readonly clientCa: pulumi.Output<KeyPair>;
    /** Pulumi's certificate, of `system:masters`: it leaves the state for the API alone. */
    readonly admin: pulumi.Output<KeyPair>;
    /** Certificate in the kubeconfig that people get, of a group whose rights the gateway can revoke. */
    readonly person: pulumi.Output<KeyPair>;
    /** k3s's token; k3s's database is encrypted with it. */
    readonly token: pulumi.Output<string>;
    /** Proves to k3s that a new container is the same node. */
    readonly nodePassword: pulumi.Output<string>;
    /** SSH handshake secret, 32 random bytes in hex, as upstream makes it. */
    readonly handshakeSecret: pulumi.Output<string>;

    /**
     * @param after made before the server authority, in Docker: an identity that is in the state while
     * nothing of its gateway could be made would be taken for one that has lost its data
     * @param generation of the administrator's certificate. @default 1
     */
    constructor(
        name: string,
        after: pulumi.Resource,
        opts?: pulumi.ComponentResourceOptions,
        generation?: number,
    ) {
        super(`${TYPE_PREFIX}:Identity`, name, {}, opts);
        const child: pulumi.CustomResourceOptions = { parent: this };

        const issued = issueAuthority("sandbox-gateway-server-ca");
        this.serverCa = keep(`${name}-server-ca`, issued, { ...child, dependsOn: [after] });
        this.fingerprint = pulumi.unsecret(
            this.serverCa.apply(({ cert }) => createHash("sha256").update(cert).digest("hex")),
        );
        this.isNew = pulumi.unsecret(
            pulumi.all([this.serverCa, issued]).apply(([kept, { cert }]) => kept.cert === cert),
        );
        this.clientCa = keep(
            `${name}-client-ca`,
            issueAuthority("sandbox-gateway-client-ca"),
            child,
        );
        const renewed = (suffix: string, organization: string) =>
            keep(
                `${name}${suffix}${RENEWED_SUFFIX}`,
                this.clientCa.apply((ca) =>
                    issueClient(ca, { commonName: "system:admin", organization }),
                ),
                { ...child, protect: false, replacementTrigger: clientEpoch(generation) },
            );
        // Every gateway knows it, also one that is stopped, upgraded or looked at in a preview: it stays in
        // the state, whose keeper has the authorities as well.
        this.admin = renewed("", "system:masters");
        this.person = renewed("-person", administrators(generation));
        const secret = (suffix: string, bytes: number) =>
            new random.RandomBytes(`${name}-${suffix}`, { length: bytes }, child).hex;
        this.token = pulumi.secret(secret("token", 32));
        this.nodePassword = pulumi.secret(secret("node-password", 16));
        this.handshakeSecret = pulumi.secret(secret("handshake", 32));

        this.registerOutputs({ fingerprint: this.fingerprint });
    }
}

/**
 * Keeps the first value ever passed, as a secret. Later runs make a new value, which is ignored:
 * there is no telling beforehand whether the state holds one.
 */
function keep(
    name: string,
    value: pulumi.Input<KeyPair>,
    opts: pulumi.CustomResourceOptions,
): pulumi.Output<KeyPair> {
    const stash = new pulumi.Stash(
        name,
        { input: pulumi.secret(value) },
        { ...opts, ignoreChanges: ["input"], additionalSecretOutputs: ["input", "output"] },
    );
    return pulumi.secret(stash.output as pulumi.Output<KeyPair>);
}
