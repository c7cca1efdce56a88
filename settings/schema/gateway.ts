/** Schema of `gateway`. */
import { z } from "zod";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { formatBlock } from "../../model/ports";
import { subnetOf } from "../../model/subnet";
import {
    cidr,
    hostFile,
    image,
    MAX_WHOLE,
    outboundImages,
    port,
    quantity,
    text,
    variableName,
    variables,
    whole,
} from "./fields";
import { must } from "../problems";
import { registriesSchema } from "./registries";

/** The gateway's subnet: CIDR notation, parsed. */
const subnet = cidr
    .transform(subnetOf)
    .refine(
        ({ prefix }) => prefix >= 16 && prefix <= 29,
        must("be a network of /16 to /29", GATEWAY_DEFAULTS.subnet),
    );

/** The default block, as text. */
const PORTS = formatBlock(GATEWAY_DEFAULTS.ports);

/** A block of ports: `first-last`, parsed. */
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

/** Settings of k3s by flag. ../rules/k3s.ts checks which flags exist, and which may be set. */
const k3sSettings = z.record(
    z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/, must("be a k3s flag without dashes in front", "kubelet-arg")),
    k3sValue,
    must("be an object of k3s settings", '{"kubelet-arg": ["v=2"]}'),
);

const ALIAS = must("be an IPv4 address or host-gateway", "192.168.7.20");

const DNS = must("be a list of IPv4 addresses of DNS servers", '["192.168.7.1"]');

/** A DNS server. The gateway's container asks it, on whose loopback no server listens. */
const dnsServer = z
    .ipv4(must("be an IPv4 address", "192.168.7.1"))
    .refine(
        (value) => !/^(127|0)\./.test(value),
        must(
            "not be a loopback address: it would be the container's own",
            "the address of the gateway's bridge, first of gateway.subnet",
        ),
    );

/** Name of a variable for k3s. Names with SANDBOX_GATEWAY_ in front are the entrypoint's own. */
const k3sVariable = variableName.regex(
    /^(?!SANDBOX_GATEWAY_)/,
    must("not begin with SANDBOX_GATEWAY_", "HTTPS_PROXY"),
);

/** `gateway`. */
export const gatewaySchema = z.strictObject(
    {
        name: text(
            /^[A-Za-z0-9][A-Za-z0-9_.-]{0,52}$/,
            "have 1 to 53 letters, digits, `_`, `.` or `-` and begin with a letter or digit",
            "dev",
        )
            .default(GATEWAY_DEFAULTS.name)
            .describe("Name of the gateway on this machine. Identity: never change it."),
        image: image
            .default(GATEWAY_DEFAULTS.image)
            .describe("k3s image, with a tag or a digest. A change replaces the container."),
        gateImage: image
            .optional()
            .describe("Image of the gate in front of each sandbox: a shell and busybox's nc."),
        outboundImages: outboundImages.optional().describe("Images of the outbound proxy."),
        subnet: subnet
            .prefault(GATEWAY_DEFAULTS.subnet)
            .describe(
                "Subnet of the gateway's own Docker network, free on this machine. k3s remembers its address: never change it.",
            ),
        apiPort: port(GATEWAY_DEFAULTS.apiPort)
            .default(GATEWAY_DEFAULTS.apiPort)
            .describe("Host port of the Kubernetes API."),
        ports: portBlock
            .prefault(PORTS)
            .describe(
                "Block of host ports for sandboxes, first-last, which is k3s's range of node ports as well.",
            ),
        bindAddress: z
            .ipv4(must("be an IPv4 address of this machine", GATEWAY_DEFAULTS.bindAddress))
            .default(GATEWAY_DEFAULTS.bindAddress)
            .describe("Address of this machine on which sandboxes are published."),
        apiHost: text(
            /^[A-Za-z0-9.-]+$/,
            "be a host name or an address of the Docker host",
            "server.example.org",
        )
            .default(GATEWAY_DEFAULTS.apiHost)
            .describe(
                "Host name or address under which the Kubernetes API is reached. Another one than the default publishes the API on bindAddress.",
            ),
        hostAddresses: z
            .array(
                z.ipv4(must("be an IPv4 address of this machine", "203.0.113.7")),
                must("be a list of IPv4 addresses of this machine", '["203.0.113.7"]'),
            )
            .default([])
            .describe(
                "Public IPv4 addresses of this machine, which are no part of the internet for sandboxes.",
            ),
        imageArchives: hostFile("a folder", ".local/images")
            .optional()
            .describe("Path of a folder of image archives that k3s imports."),
        tlsSans: z
            .array(
                text(/^[A-Za-z0-9.:-]+$/, "be a host name or an address", "agents.example.org"),
                must("be a list of host names or addresses", '["agents.example.org"]'),
            )
            .default([])
            .describe("Further host names and addresses of the Kubernetes API in its certificate."),
        // The default is not filled in: the inputs of a gateway without this key must stay as they were.
        credentialsGeneration: whole(1, MAX_WHOLE, "be a whole number from 1", "2")
            .optional()
            .describe(
                "Raise it for a new administrator's certificate. The container is replaced, and the old certificate opens nothing from then on.",
            )
            .meta({ default: GATEWAY_DEFAULTS.credentialsGeneration }),
        k3s: k3sSettings.default({}).describe("Further settings of k3s, by flag name."),
        newK3sFlags: z
            .array(
                text(
                    /^[a-z][a-z0-9]+(-[a-z0-9]+)*$/,
                    "be a k3s flag without dashes in front",
                    "helm-controller-arg",
                ),
                must("be a list of k3s flags", '["helm-controller-arg"]'),
            )
            .default([])
            .describe(
                "Names of flags in k3s that only the k3s of your own image has: they are passed on unchecked.",
            ),
        registries: registriesSchema
            .optional()
            .describe("Content of k3s's registries.yaml. Kept as a secret."),
        memory: quantity("memory, at least 1Gi", "8Gi")
            .optional()
            .describe("Memory of the container, at least 1Gi. Changes in place."),
        cpuShares: whole(2, 262144, "be a weight from 2 to 262144", "512")
            .optional()
            .describe("Weight of the container when CPUs are short. Changes in place."),
        gpus: text(
            /^(all|device=[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*)$/,
            "be `all` or `device=` with ids",
            "device=0,1",
        )
            .optional()
            .describe("GPUs of the container: all, or device= with ids."),
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
            .default({})
            .describe(
                "Further host names for the gateway and its sandboxes, with an IPv4 address or host-gateway each.",
            ),
        dns: z
            .array(dnsServer, DNS)
            .max(3, must("hold at most three servers: a pod takes no more", '["192.168.7.1"]'))
            .default([])
            .describe("DNS servers for image pulls and sandboxes, in place of the machine's."),
        caCertificates: z
            .array(
                hostFile("a PEM file", "~/company-ca.pem"),
                must("be a list of paths of PEM files", '["~/company-ca.pem"]'),
            )
            .default([])
            .describe(
                "Paths of PEM files with authorities that image pulls trust beside the public ones.",
            ),
        env: variables("environment variables", k3sVariable)
            .default({})
            .describe("Environment variables of k3s, such as those of a proxy."),
        secretEnv: variables("secret environment variables", k3sVariable)
            .default({})
            .describe("Environment variables of k3s whose values are secret."),
        dockerHost: text(
            /^(unix|tcp|ssh):\/\/\S+$/,
            "be a Docker host",
            "ssh://user@server.example.org",
        )
            .optional()
            .describe("Docker daemon, as in DOCKER_HOST."),
    },
    must("be an object", '{"name": "dev"}'),
);
