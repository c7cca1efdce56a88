/** The form of the configuration: every key, its default, its rule. Relations are in relations.ts. */
import { z } from "zod";
import { APPLICATIONS, type ApplicationName } from "../components/application";
import { CLUSTER_CIDR, HANDSHAKE_SECRET, SERVICE_CIDR } from "../components/constants";
import { RESERVED_K3S_SETTINGS } from "../components/gatewaySettings";
import { parseSubnet } from "../components/subnet";
import { must } from "./problems";

const text = (pattern: RegExp, rule: string, example: string) =>
    z.string(must(rule, example)).regex(pattern, must(rule, example));

const flag = (example: boolean) => z.boolean(must("be true or false", String(example)));

const port = (example: number) => {
    const message = must("be a TCP port from 1024 to 65535", String(example));
    return z.int(message).min(1024, message).max(65535, message);
};

/** A port of someone else's, privileged ones included. */
const anyPort = (example: string) => {
    const message = must("be a TCP port from 1 to 65535", example);
    return z.int(message).min(1, message).max(65535, message);
};

const quantity = (what: string, example: string) =>
    text(
        /^[1-9][0-9]*(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$/,
        `be a Kubernetes quantity of ${what}`,
        example,
    );

const cpu = z
    .union([z.string(), z.number()], must("be a number of CPUs", "500m"))
    .transform(String)
    .refine((value) => /^([1-9][0-9]*m?|[0-9]+\.[0-9]+)$/.test(value) && parseFloat(value) > 0, {
        error: must("be a number of CPUs", "500m"),
    });

const image = text(
    /^[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    "be an image reference",
    "ghcr.io/openclaw/openclaw:2026.9.6",
).refine((reference) => /:[^/]*$/.test(reference), {
    error: must("name a tag or a digest, so that it means the same next week", "busybox:1.37.0"),
});

const cidr = z
    .string(must("be an IPv4 network", "192.168.7.0/24"))
    .refine((value) => parseSubnet(value) !== undefined, {
        error: must("be an IPv4 network without host bits", "192.168.7.0/24"),
    });

const subnet = cidr.refine(
    (value) => {
        const prefix = parseSubnet(value)?.prefix ?? 0;
        return prefix >= 16 && prefix <= 29;
    },
    { error: must("be a network of /16 to /29", "172.30.18.0/24") },
);

/** `first-last`, parsed. */
const portBlock = text(
    /^[0-9]{1,5}-[0-9]{1,5}$/,
    "be a block of ports, first-last",
    '"18789-18808"',
)
    .transform((value) => {
        const [first = 0, last = 0] = value.split("-").map(Number);
        return { first, last };
    })
    .refine(({ first, last }) => first >= 1024 && last <= 65535 && first <= last, {
        error: must("lie between 1024 and 65535, first before last", '"18789-18808"'),
    })
    .refine(({ first, last }) => last - first < 256, {
        error: must("hold at most 256 ports: each is published by Docker", '"18789-18808"'),
    });

const k3sValue = z.union(
    [z.string(), z.number(), z.boolean(), z.array(z.string())],
    must("be a text, a number, true, false or a list of texts", '["v=2"]'),
);

const k3sSettings = z.record(
    z
        .string()
        .regex(/^[a-z][a-z0-9-]*$/, must("be a k3s flag without dashes in front", "kubelet-arg"))
        .refine((key) => !(RESERVED_K3S_SETTINGS as readonly string[]).includes(key), {
            error: must(
                "not be set here: the gateway's identity, data or addresses rest on it",
                "kube-apiserver-arg",
            ),
        }),
    k3sValue,
    must("be an object of k3s settings", '{"kubelet-arg": ["v=2"]}'),
);

/** The gateway's part of the configuration. */
export const gatewaySchema = z.strictObject(
    {
        name: text(
            /^[A-Za-z0-9][A-Za-z0-9_.-]{0,52}$/,
            "have 1 to 53 letters, digits, `_`, `.` or `-` and begin with a letter or digit",
            "dev",
        ).default("openshell"),
        image: image.default("rancher/k3s:v1.35.4-k3s1"),
        subnet: subnet.default("172.30.18.0/24"),
        apiPort: port(16443).default(16443),
        ports: portBlock.default({ first: 18789, last: 18808 }),
        bindAddress: z
            .ipv4(must("be an IPv4 address of this machine", "127.0.0.1"))
            .default("127.0.0.1"),
        imageArchives: text(/./, "be the path of a folder", ".local/images").optional(),
        tlsSans: z
            .array(
                text(/^[A-Za-z0-9.:-]+$/, "be a host name or an address", "agents.example.org"),
                must("be a list of host names or addresses", '["agents.example.org"]'),
            )
            .default([]),
        k3s: k3sSettings.default({}),
        registries: z
            .looseObject({}, must("be the content of k3s's registries.yaml", '{"mirrors": {}}'))
            .optional(),
        memory: quantity("memory, at least 1Gi", "8Gi").optional(),
        dockerHost: text(
            /^(unix|tcp|ssh):\/\/\S+$/,
            "be a Docker host",
            "ssh://user@server.example.org",
        ).optional(),
    },
    must("be an object", '{"name": "dev"}'),
);

const variables = (what: string) =>
    z.record(
        text(/^[A-Za-z_][A-Za-z0-9_]*$/, "be the name of an environment variable", "TZ"),
        z.string(must("be a text", '"Europe/Berlin"')),
        must(`be an object of ${what}`, '{"TZ": "Europe/Berlin"}'),
    );

const resourceList = z.strictObject(
    {
        cpu: cpu.optional(),
        memory: quantity("memory", "2Gi").optional(),
    },
    must("be an object of quantities", '{"memory": "2Gi"}'),
);

const httpPath = text(/^\/\S*$/, "be a path that begins with /", "/healthz");

const customApplication = z.strictObject(
    {
        command: z
            .array(z.string(must("be a text", '"node"')), must("be a list", '["node", "app.js"]'))
            .min(1, must("name a program", '["node", "app.js"]'))
            .optional(),
        port: z
            .int(must("be the port it listens on, 1 to 65535", "8080"))
            .min(1, must("be the port it listens on, 1 to 65535", "8080"))
            .max(65535, must("be the port it listens on, 1 to 65535", "8080")),
        path: httpPath.optional(),
        probes: z
            .strictObject(
                {
                    startup: httpPath.optional(),
                    readiness: httpPath.optional(),
                    liveness: httpPath.optional(),
                },
                must("be an object of paths", '{"liveness": "/healthz"}'),
            )
            .optional(),
        staleFiles: z
            .array(
                text(/^\/(sandbox|tmp)\/\S/, "be a pattern below /sandbox or /tmp", "/tmp/*.lock"),
                must("be a list of patterns", '["/tmp/*.lock"]'),
            )
            .optional(),
        env: variables("environment variables").optional(),
        tokenEnv: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "be a variable's name", "TOKEN").optional(),
    },
    must("be a known application or an object", '"openclaw"'),
);

const applicationNames = Object.keys(APPLICATIONS) as [ApplicationName, ...ApplicationName[]];

const application = z.union([z.enum(applicationNames), customApplication], {
    error: must("be a known application or an object", '"openclaw"'),
});

const egress = z.union(
    [z.literal("internet"), z.strictObject({ cidr, ports: z.array(anyPort("8443")).optional() })],
    { error: must("be `internet` or a network", '"internet"') },
);

const USER = must("be a user id above 0, or `root` by that name", "1000");

const user = z.union([z.literal("root"), z.int(USER).min(1, USER).max(4294967294, USER)], USER);

const sandbox = z.strictObject(
    {
        image: image.optional(),
        running: flag(true).default(true),
        protect: flag(true).optional(),
        application: application.optional(),
        hostPort: port(18789).optional(),
        env: variables("environment variables").default({}),
        secretEnv: variables("secret environment variables").default({}),
        resources: z
            .strictObject(
                { requests: resourceList.optional(), limits: resourceList.optional() },
                must("be an object", '{"limits": {"memory": "2Gi"}}'),
            )
            .optional(),
        workspaceSize: quantity("storage", "2Gi").default("2Gi"),
        user: user.default(1000),
        tokenGeneration: z
            .int(must("be a whole number from 1", "2"))
            .min(1, must("be a whole number from 1", "2"))
            .default(1),
        egress: z.array(egress, must("be a list", '["internet"]')).default([]),
        inference: z
            .strictObject(
                {
                    baseUrl: z.url({
                        protocol: /^https?$/,
                        error: must("be an http or https URL", "https://api.example.org/v1"),
                    }),
                    apiKey: z.string(must("be a text", '"sk-..."')),
                    model: text(/^\S+$/, "be the name of a model", "small-1"),
                },
                must("be an object of baseUrl, apiKey and model", '{"model": "small-1"}'),
            )
            .optional(),
    },
    must("be an object", '{"application": "openclaw"}'),
);

/** Objects of the namespace; a sandbox's own are called like the sandbox. */
const RESERVED_NAMES = ["default-deny", HANDSHAKE_SECRET];

const sandboxes = z.record(
    text(
        /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
        "be a sandbox name of 1 to 40 lower-case letters, digits or `-`, beginning with a letter",
        "assistant",
    ).refine((name) => !RESERVED_NAMES.includes(name), {
        error: must("not be the name of an object that all sandboxes share", "assistant"),
    }),
    sandbox,
    must("be an object keyed by sandbox name", '{"assistant": {"application": "openclaw"}}'),
);

const existingCluster = z.strictObject(
    {
        kubeconfig: text(/./, "be the path of a kubeconfig file", "~/.kube/config"),
        context: text(/./, "be a context of the kubeconfig", "production"),
        storageClass: text(/^[a-z0-9.-]+$/, "be the name of a storage class", "standard-retain"),
        serviceType: z
            .enum(["NodePort", "ClusterIP"], must("be NodePort or ClusterIP", "NodePort"))
            .default("NodePort"),
        host: text(/^[A-Za-z0-9.-]+$/, "be a host name or an address", "agents.example.org"),
        internalNetworks: z
            .array(cidr, must("be a list of networks", '["10.42.0.0/16"]'))
            .default([CLUSTER_CIDR, SERVICE_CIDR]),
    },
    must("be an object", '{"context": "production", ...}'),
);

/** The whole configuration. */
export const schema = z.strictObject({
    running: flag(true).default(true),
    protect: flag(true).default(true),
    gateway: gatewaySchema.prefault({}),
    existingCluster: existingCluster.optional(),
    sandboxes: sandboxes.default({}),
});

/** The configuration, checked, with every default in place. */
export type Settings = z.infer<typeof schema>;
export type GatewaySettings = Settings["gateway"];
export type ExistingClusterSettings = NonNullable<Settings["existingCluster"]>;
/** Where the sandboxes run. */
export type PlaceSettings = Pick<Settings, "gateway" | "existingCluster">;
export type SandboxSettings = Settings["sandboxes"][string];
