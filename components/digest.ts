/** Keyed digests: they tell whether something changed, and nothing of what it is. */
import * as pulumi from "@pulumi/pulumi";
import { createHmac } from "node:crypto";

/**
 * Sixteen hexadecimal digits that change with a value, in clear although the value may be secret: a
 * plain digest of a short secret could be guessed, one with a secret key cannot.
 *
 * @param value anything that JSON can hold, in an order that does not change by itself
 */
export function keyedDigest(
    value: pulumi.Output<unknown>,
    key: pulumi.Output<string>,
): pulumi.Output<string> {
    return pulumi.unsecret(
        pulumi
            .all([value, key])
            .apply(([known, secret]) =>
                createHmac("sha256", secret)
                    .update(JSON.stringify(known))
                    .digest("hex")
                    .slice(0, 16),
            ),
    );
}
