/** Schema of `gateway`. */
import { z } from "zod";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { formatBlock } from "../../model/ports";
import { subnetOf } from "../../model/subnet";
import {
    cidr,
    hostFile,
    image,
    outboundImages,
    port,
    quantity,
    text,
    variableName,
    variables,
    whole,
    MAX_WHOLE,
} from "./fields";
import { must } from "../problems";
import { registriesSchema } from "./registries";

/** CIDR notation, parsed. */
const subnet = cidr
    .transform(subnetOf)
    .refine(
        ({ prefix }) => prefix >= 16 && prefix <= 29,
        must("be a network of /16 to /29", GATEWAY_DEFAULTS.subnet),
    );

/** The default block as a stack's file has it. */
const PORTS = formatBlock(GATEWAY_DEFAULTS.ports);

/** `first-last`, parsed. */
const portBlock = text(
    /^[0-9]{1,5}-[0-9]{1,5}$/,
    "be a block of ports, first-last",
    JSON.stringify(PORTS),
)
    .transform((value) => {
        const [first = 0, last = 0] = value.split("-").map(Number);
        return { first, last };
    })
    .refine(
        ({ first, last }) => first >= 1024 && last <= 65535 && first <= last,
        must("lie between 1024 and 65535, first before last", JSON.stringify(PORTS)),
    )
    .refine(
        ({ first, last }) => last - first < 256,
        must("hold at most 256 ports: each is published by Docker", JSON.stringify(PORTS)),
    );

const k3sValue = z.union(
    [z.string(), z.number(), z.boolean(), z.array(z.string(must("be a text", '"v=2"')))],
    must("be a text, a number, true, false or a list of texts", '["v=2"]'),
);

/** Which flags there are, and which may be set, is in settings/rules/k3s.ts. */
const k3sSettings = z.record(
    z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/, must("be a k3s flag without dashes in front", "kubelet-arg")),
    k3sValue,
    must("be an object of k3s settings", '{"kubelet-arg": ["v=2"]}'),
);

const ALIAS = must("be an IPv4 address or host-gateway", "192.168.7.20");

const DNS = must("be a list of IPv4 addresses of DNS servers", '["192.168.7.1"]');

/** Asked from the gateway's container: its own loopback is nobody. */
const dnsServer = z
    .ipv4(must("be an IPv4 address", "192.168.7.1"))
    .refine(
        (value) => !/^(127|0)\./.test(value),
        must(
            "not be a loopback address: it would be the container's own",
            "the address of the gateway's bridge, first of gateway.subnet",
        ),
    );

/** Of k3s; the entrypoint's own variables are not for the taking. */
const k3sVariable = variableName.regex(
    /^(?!SANDBOX_GATEWAY_)/,
    must("not begin with SANDBOX_GATEWAY_", "HTTPS_PROXY"),
);

/** The gateway's part of the configuration. */
export const gatewaySchema = z.strictObject(
    {
        name: text(
            /^[A-Za-z0-9][A-Za-z0-9_.-]{0,52}$/,
            "have 1 to 53 letters, digits, `_`, `.` or `-` and begin with a letter or digit",
            "dev",
        ).default(GATEWAY_DEFAULTS.name),
        image: image.default(GATEWAY_DEFAULTS.image),
        gateImage: image.optional(),
        outboundImages: outboundImages.optional(),
        subnet: subnet.prefault(GATEWAY_DEFAULTS.subnet),
        apiPort: port(GATEWAY_DEFAULTS.apiPort).default(GATEWAY_DEFAULTS.apiPort),
        ports: portBlock.prefault(PORTS),
        bindAddress: z
            .ipv4(must("be an IPv4 address of this machine", GATEWAY_DEFAULTS.bindAddress))
            .default(GATEWAY_DEFAULTS.bindAddress),
        apiHost: text(
            /^[A-Za-z0-9.-]+$/,
            "be a host name or an address of the Docker host",
            "server.example.org",
        ).default(GATEWAY_DEFAULTS.apiHost),
        hostAddresses: z
            .array(
                z.ipv4(must("be an IPv4 address of this machine", "203.0.113.7")),
                must("be a list of IPv4 addresses of this machine", '["203.0.113.7"]'),
            )
            .default([]),
        imageArchives: hostFile("a folder", ".local/images").optional(),
        tlsSans: z
            .array(
                text(/^[A-Za-z0-9.:-]+$/, "be a host name or an address", "agents.example.org"),
                must("be a list of host names or addresses", '["agents.example.org"]'),
            )
            .default([]),
        // Without a default: the inputs of a gateway that has none stay as they were.
        credentialsGeneration: whole(1, MAX_WHOLE, "be a whole number from 1", "2").optional(),
        k3s: k3sSettings.default({}),
        newK3sFlags: z
            .array(
                text(
                    /^[a-z][a-z0-9]+(-[a-z0-9]+)*$/,
                    "be a k3s flag without dashes in front",
                    "helm-controller-arg",
                ),
                must("be a list of k3s flags", '["helm-controller-arg"]'),
            )
            .default([]),
        registries: registriesSchema.optional(),
        memory: quantity("memory, at least 1Gi", "8Gi").optional(),
        cpuShares: whole(2, 262144, "be a weight from 2 to 262144", "512").optional(),
        gpus: text(
            /^(all|device=[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*)$/,
            "be `all` or `device=` with ids",
            "device=0,1",
        ).optional(),
        hostAliases: z
            .record(
                text(
                    /^(?!.{254})[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
                    "be a host name",
                    "models.lan",
                ),
                z.union([z.literal("host-gateway", ALIAS), z.ipv4(ALIAS)], ALIAS),
                must("be an object of host names", '{"models.lan": "192.168.7.20"}'),
            )
            .default({}),
        dns: z
            .array(dnsServer, DNS)
            .max(3, must("hold at most three servers: a pod takes no more", '["192.168.7.1"]'))
            .default([]),
        caCertificates: z
            .array(
                hostFile("a PEM file", "~/company-ca.pem"),
                must("be a list of paths of PEM files", '["~/company-ca.pem"]'),
            )
            .default([]),
        env: variables("environment variables", k3sVariable).default({}),
        secretEnv: variables("secret environment variables", k3sVariable).default({}),
        dockerHost: text(
            /^(unix|tcp|ssh):\/\/\S+$/,
            "be a Docker host",
            "ssh://user@server.example.org",
        ).optional(),
    },
    must("be an object", '{"name": "dev"}'),
);
