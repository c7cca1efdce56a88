/**
 * Schema of `gateway.registries`, k3s's `registries.yaml`. k3s reads it once, at its start: of a key
 * it does not know it takes no notice, and with a value of another form it never gets ready.
 *
 * Source: rancher/wharfie, pkg/registries/types.go. Its `auths` is left out: k3s makes nothing of it.
 */
import { z } from "zod";
import { must } from "../problems";

const ADDRESS = must(
    "be an address, with or without http:// or https:// in front",
    "https://mirror.example.org",
);

/** k3s puts https:// in front where there is nothing. */
const endpoint = z.string(ADDRESS).refine((value) => {
    const url = value.includes("://") ? value : `https://${value}`;
    return /^https?:\/\/\S+$/.test(url) && URL.canParse(url);
}, ADDRESS);

const text = (example: string) => z.string(must("be a text", example)).optional();

/** An object of k3s's that may stand there with nothing in it, as in `"*":`. */
const section = <T extends z.core.$ZodLooseShape>(shape: T, example: string) =>
    z.strictObject(shape, must("be an object", example)).nullable().optional();

const mirror = section(
    {
        endpoint: z
            .array(endpoint, must("be a list of addresses", '["https://mirror.example.org"]'))
            .nullable()
            .optional(),
        rewrite: z
            .record(
                z.string(),
                z.string(must("be a text", '"mirrored/$1"')),
                must("be an object of patterns", '{"^library/(.*)": "mirrored/$1"}'),
            )
            .nullable()
            .optional(),
    },
    '{"endpoint": ["https://mirror.example.org"]}',
);

const config = section(
    {
        auth: section(
            {
                auth: text('"base64 of username:password"'),
                identity_token: text('"..."'),
                password: text('"..."'),
                username: text('"agent"'),
            },
            '{"username": "agent", "password": "..."}',
        ),
        tls: section(
            {
                ca_file: text('"/etc/ssl/ca.crt"'),
                cert_file: text('"/etc/ssl/client.crt"'),
                insecure_skip_verify: z.boolean(must("be true or false", "true")).optional(),
                key_file: text('"/etc/ssl/client.key"'),
            },
            '{"insecure_skip_verify": true}',
        ),
    },
    '{"auth": {"username": "agent", "password": "..."}}',
);

const HOST = must(
    "be the name of a registry, with its port if it has one, without http:// or a path",
    "registry.example.org:5000",
);

const host = z.string().regex(/^[A-Za-z0-9*._:[\]-]+$/, HOST);

/**
 * `registries.yaml`, level by level. Keys are in the order in which the engine hands them over: what
 * is rendered is the same text as before it was checked, and no reason for another container.
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
            .optional(),
        mirrors: z
            .record(
                host,
                mirror,
                must("be an object of registries", '{"docker.io": {"endpoint": [...]}}'),
            )
            .nullable()
            .optional(),
    },
    must("be the content of k3s's registries.yaml", '{"mirrors": {}}'),
);
