/** Schemas of single values, each with its rule and an example. */
import { z } from "zod";
import { openclaw } from "../../components/sandbox/applications/openclaw";
import { parseQuantity } from "../../model/quantity";
import { parseSubnet } from "../../model/subnet";
import { must } from "../problems";

/** A text that matches a pattern. */
export const text = (pattern: RegExp, rule: string, example: string) =>
    z.string(must(rule, example)).regex(pattern, must(rule, example));

/** A path on this machine. `~ann` is refused: a shell would take it for another user's home, the program for a name. */
export const hostFile = (what: string, example: string) =>
    text(/./, `be the path of ${what}`, example).refine(
        (file) => !/^~[^/]/.test(file),
        must("name a folder below another user's home in full: `~` alone is yours", example),
    );

/** A boolean. */
export const flag = (example: boolean) => z.boolean(must("be true or false", String(example)));

/** A whole number. @param max of a number without a limit, MAX_WHOLE */
export const whole = (min: number, max: number, rule: string, example: string) => {
    const error = must(rule, example);
    return z.int(error).min(min, error).max(max, error);
};

/** The largest whole number that arrives as it was written. */
export const MAX_WHOLE = Number.MAX_SAFE_INTEGER;

/** A port that is published on the host. */
export const port = (example: number) =>
    whole(1024, 65535, "be a TCP port from 1024 to 65535", String(example));

/** A port that the gateway does not publish, privileged ones included. */
export const anyPort = (example: string, rule = "be a TCP port from 1 to 65535") =>
    whole(1, 65535, rule, example);

/** Smallest quantity of bytes, 1Mi: a smaller one is a number whose unit was forgotten. */
const SMALLEST = 2 ** 20;

/** A Kubernetes quantity of bytes. */
export const quantity = (what: string, example: string) =>
    text(
        /^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/,
        `be a Kubernetes quantity of ${what}`,
        example,
    ).refine(
        (value) => parseQuantity(value) >= SMALLEST,
        must("be at least 1Mi: a number alone counts bytes", example),
    );

/** Kubernetes CPUs: `0.5` or `500m`. */
export const cpu = z
    .union([z.string(), z.number()], must("be a number of CPUs", "500m"))
    .transform(String)
    .refine(
        (value) => /^([1-9][0-9]*m?|[0-9]+\.[0-9]+)$/.test(value) && parseFloat(value) > 0,
        must("be a number of CPUs", "500m"),
    );

/** An image reference with a tag or a digest. */
export const image = text(
    /^[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    "be an image reference",
    openclaw.image,
).refine(
    (reference) => /:[^/]*$/.test(reference),
    must("name a tag or a digest, so that it means the same next week", "busybox:1.37.0"),
);

/** Images of the outbound proxy. */
export const outboundImages = z.strictObject(
    { proxy: image.optional().describe("HAProxy."), dns: image.optional().describe("CoreDNS.") },
    must("be an object of proxy and dns", '{"proxy": "haproxy:3.2.26"}'),
);

/** An IPv4 network. */
export const cidr = z
    .string(must("be an IPv4 network", "192.168.7.0/24"))
    .refine(
        (value) => parseSubnet(value) !== undefined,
        must("be an IPv4 network without host bits", "192.168.7.0/24"),
    );

/** Name of an environment variable. */
export const variableName = text(
    /^(?!.{254})[A-Za-z_][A-Za-z0-9_]*$/,
    "be the name of an environment variable",
    "TZ",
);

/** Environment variables by name. */
export const variables = (what: string, name = variableName) =>
    z.record(
        name,
        z.string(must("be a text", '"Europe/Berlin"')),
        must(`be an object of ${what}`, '{"TZ": "Europe/Berlin"}'),
    );
