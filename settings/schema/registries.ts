/**
 * Schema of `gateway.registries`, k3s's `registries.yaml`. k3s reads the file once, at its start: it ignores
 * a key that it does not know, and never gets ready with a value of a wrong type.
 *
 * Source: rancher/wharfie, pkg/registries/types.go. Its `auths` is left out: k3s does not use it.
 */
import { z } from "zod";
import { must } from "../problems";

const ADDRESS = must(
    "be an address, with or without http:// or https:// in front",
    "https://mirror.example.org",
);

/** Address of a mirror. k3s adds https:// to an address without a scheme. */
const endpoint = z.string(ADDRESS).refine((value) => {
    const url = value.includes("://") ? value : `https://${value}`;
    return /^https?:\/\/\S+$/.test(url) && URL.canParse(url);
}, ADDRESS);

const text = (example: string) => z.string(must("be a text", example)).optional();

/** An object of `registries.yaml`. It may be null, as in `"*":`. */
const section = <T extends z.core.$ZodLooseShape>(shape: T, example: string) =>
    z.strictObject(shape, must("be an object", example)).nullable().optional();

const mirror = section(
    {
        endpoint: z
            .array(endpoint, must("be a list of addresses", '["https://mirror.example.org"]'))
            .nullable()
            .optional()
            .describe("Addresses of the mirror, tried in this order."),
        rewrite: z
            .record(
                z.string(),
                z.string(must("be a text", '"mirrored/$1"')),
                must("be an object of patterns", '{"^library/(.*)": "mirrored/$1"}'),
            )
            .nullable()
            .optional()
            .describe("Names of images on the mirror, by patterns of their names."),
    },
    '{"endpoint": ["https://mirror.example.org"]}',
);

const config = section(
    {
        auth: section(
            {
                auth: text('"base64 of username:password"').describe(
                    "User name and password in base64, as in Docker's configuration.",
                ),
                identity_token: text('"..."').describe("Token in place of a password."),
                password: text('"..."').describe("Password."),
                username: text('"agent"').describe("User name."),
            },
            '{"username": "agent", "password": "..."}',
        ).describe("How to log in."),
        tls: section(
            {
                ca_file: text('"/etc/ssl/ca.crt"').describe(
                    "Path in the gateway of the authority's certificate.",
                ),
                cert_file: text('"/etc/ssl/client.crt"').describe(
                    "Path in the gateway of a client certificate.",
                ),
                insecure_skip_verify: z
                    .boolean(must("be true or false", "true"))
                    .optional()
                    .describe("Whether any certificate is accepted."),
                key_file: text('"/etc/ssl/client.key"').describe(
                    "Path in the gateway of the client certificate's key.",
                ),
            },
            '{"insecure_skip_verify": true}',
        ).describe("TLS of the registry."),
    },
    '{"auth": {"username": "agent", "password": "..."}}',
);

const HOST = must(
    "be the name of a registry, with its port if it has one, without http:// or a path",
    "registry.example.org:5000",
);

const host = z.string().regex(/^[A-Za-z0-9*._:[\]-]+$/, HOST);

/**
 * `gateway.registries`. Keys are in alphabetical order, as the engine hands them over: zod returns them in the
 * order of the schema, and another order would render another file, which replaces the container.
 */
export const registriesSchema = z.strictObject(
    {
        configs: z
            .record(
                host,
                config,
                must("be an object of registries", '{"registry.example.org": {"auth": {...}}}'),
            )
            .nullable()
            .optional()
            .describe("How a registry is reached, by registry."),
        mirrors: z
            .record(
                host,
                mirror,
                must("be an object of registries", '{"docker.io": {"endpoint": [...]}}'),
            )
            .nullable()
            .optional()
            .describe("Mirrors, by registry; * is every registry."),
    },
    must("be the content of k3s's registries.yaml", '{"mirrors": {}}'),
);
