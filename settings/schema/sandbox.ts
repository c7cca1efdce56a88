/** Schema of `sandboxes`. */
import { z } from "zod";
import { APPLICATIONS, type ApplicationName } from "../../components/sandbox/applications";
import { openclaw } from "../../components/sandbox/applications/openclaw";
import { DISK_RESOURCE, HANDSHAKE_SECRET } from "../../model/constants";
import { GATEWAY_DEFAULTS, SANDBOX_DEFAULTS } from "../../model/defaults";
import type { Egress } from "../../components/cluster/networkPolicy";
import type { HostRule } from "../../model/hosts";
import {
    anyPort,
    cidr,
    cpu,
    flag,
    image,
    port,
    quantity,
    text,
    variables,
    whole,
    MAX_WHOLE,
} from "./fields";
import { openclawSchema } from "./openclaw";
import { folder } from "../hostPath";
import { must, unmet } from "../problems";
import { staleProblem } from "./stalePattern";

const resourceList = z.strictObject(
    {
        cpu: cpu.optional(),
        memory: quantity("memory", "2Gi").optional(),
        [DISK_RESOURCE]: quantity("the node's disk", "4Gi").optional(),
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
        port: anyPort("8080", "be the port it listens on, 1 to 65535"),
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
                text(
                    /^\/(sandbox|tmp)\/\S/,
                    "be a pattern below /sandbox or /tmp",
                    "/tmp/*.lock",
                ).superRefine((pattern, context) => {
                    const rule = staleProblem(pattern);
                    if (rule !== undefined) {
                        context.addIssue(unmet({ rule, example: "/sandbox/.run/*.lock" }));
                    }
                }),
                must("be a list of patterns", '["/tmp/*.lock"]'),
            )
            .optional(),
        env: variables("environment variables").optional(),
        tokenEnv: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "be a variable's name", "TOKEN").optional(),
    },
    must("be a known application or an object", '"openclaw"'),
);

const applicationNames = Object.keys(APPLICATIONS) as [ApplicationName, ...ApplicationName[]];

const application = z.union(
    [z.enum(applicationNames), customApplication],
    must("be a known application or an object", '"openclaw"'),
);

const EGRESS = must(
    "be `internet`, or an object of one of `internet`, `cidr` and `host`",
    '{"host": "api.example.org"}',
);

/** Names are compared as they are asked for, in small letters. */
const hostName = text(
    /^(\*\.([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+|([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*)[a-z]([a-z0-9-]*[a-z0-9])?$/i,
    "be a host name, or `*.` and a domain of two labels or more for every name below it",
    "api.example.org",
)
    .refine((name) => name.length <= 253, must("have at most 253 characters", "api.example.org"))
    .transform((name) => name.toLowerCase());

const isGiven = (value: unknown) => value !== undefined;

const egressPorts = z
    .array(anyPort("443"), must("be a list of TCP ports", "[443]"))
    .min(1, must("name a port, or be left out for all of them", "[443]"))
    .optional();

const destination = z
    .strictObject(
        {
            internet: z.literal(true, must("be true, or be left out", "true")).optional(),
            cidr: cidr.optional(),
            host: hostName.optional(),
            ports: egressPorts,
            private: flag(true).optional(),
        },
        EGRESS,
    )
    .refine((rule) => [rule.internet, rule.cidr, rule.host].filter(isGiven).length === 1, EGRESS)
    .refine((rule) => rule.host !== undefined || rule.private === undefined, {
        path: ["private"],
        ...must("go with `host` alone", '{"host": "git.lan", "private": true}'),
    })
    .transform(({ cidr: network, host, ports, private: near }): Egress | HostRule => {
        const open = ports === undefined ? {} : { ports };
        if (host !== undefined) {
            return { host, ...open, ...(near === undefined ? {} : { private: near }) };
        }
        return network === undefined ? { internet: true, ...open } : { cidr: network, ...open };
    });

const egress = z.union([z.literal("internet"), destination], EGRESS);

/** The largest id of a user or a group: Linux keeps the one above it for "none". */
const MAX_ID = 2 ** 32 - 2;

const USER = "be a user id above 0, or `root` by that name";
const USER_EXAMPLE = String(SANDBOX_DEFAULTS.user);

const user = z.union(
    [z.literal("root"), whole(1, MAX_ID, USER, USER_EXAMPLE)],
    must(USER, USER_EXAMPLE),
);

const claimTemplate = z.strictObject(
    {
        name: text(
            /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/,
            "have 1 to 20 lower-case letters, digits or `-`, beginning with a letter",
            "data",
        ),
        mountPath: text(/^\/[^\s:]+$/, "be the path of a folder in the sandbox", "/data").refine(
            (path) => folder(path) !== "/",
            must("be a folder below /", "/data"),
        ),
        size: quantity("storage", "10Gi"),
        storageClass: text(
            /^[a-z0-9.-]+$/,
            "be the name of a storage class",
            "standard-retain",
        ).optional(),
    },
    must("be an object of name, mountPath and size", '{"name": "data", "mountPath": "/data"}'),
);

/** As Kubernetes takes it. */
const toleration = z.strictObject(
    {
        key: z.string(must("be a text", '"agents"')).optional(),
        operator: z.enum(["Equal", "Exists"], must("be Equal or Exists", "Exists")).optional(),
        value: z.string(must("be a text", '"true"')).optional(),
        effect: z
            .enum(
                ["NoSchedule", "PreferNoSchedule", "NoExecute"],
                must("be NoSchedule, PreferNoSchedule or NoExecute", "NoSchedule"),
            )
            .optional(),
        tolerationSeconds: z.int(must("be a number of seconds", "300")).optional(),
    },
    must("be an object", '{"key": "agents", "operator": "Exists"}'),
);

const written = z.strictObject(
    {
        image: image.optional(),
        running: flag(true).default(SANDBOX_DEFAULTS.running),
        protect: flag(true).optional(),
        application: application.optional(),
        openclaw: openclawSchema.optional(),
        hostPort: port(GATEWAY_DEFAULTS.ports.first).optional(),
        env: variables("environment variables").default({}),
        secretEnv: variables("secret environment variables").default({}),
        resources: z
            .strictObject(
                { requests: resourceList.optional(), limits: resourceList.optional() },
                must("be an object", '{"limits": {"memory": "2Gi"}}'),
            )
            .optional(),
        gpus: whole(0, MAX_WHOLE, "be a number of GPUs", "1").default(SANDBOX_DEFAULTS.gpus),
        workspaceSize: quantity("storage", SANDBOX_DEFAULTS.workspaceSize).optional(),
        volumeClaimTemplates: z
            .array(claimTemplate, must("be a list of claims", '[{"name": "data", ...}]'))
            .default([]),
        nodeSelector: z
            .record(
                z.string(),
                z.string(must("be a text", '"true"')),
                must("be an object of node labels", '{"agents": "true"}'),
            )
            .default({}),
        tolerations: z
            .array(toleration, must("be a list of tolerations", '[{"key": "agents"}]'))
            .default([]),
        startTimeoutSeconds: whole(
            10,
            MAX_WHOLE,
            "be a number of seconds from 10",
            "600",
        ).optional(),
        user: user.default(SANDBOX_DEFAULTS.user),
        group: whole(0, MAX_ID, "be a group id", "1000").optional(),
        runtimeClass: text(
            /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
            "be the name of a runtime class",
            "gvisor",
        ).optional(),
        userNamespace: flag(true).default(SANDBOX_DEFAULTS.userNamespace),
        readOnlyRoot: flag(true).default(SANDBOX_DEFAULTS.readOnlyRoot),
        tokenGeneration: whole(1, MAX_WHOLE, "be a whole number from 1", "2").default(
            SANDBOX_DEFAULTS.tokenGeneration,
        ),
        egress: z.array(egress, must("be a list", '["internet"]')).default([]),
        dns: flag(true).optional(),
        inference: z
            .strictObject(
                {
                    baseUrl: z.url({
                        protocol: /^https?$/,
                        ...must("be an http or https URL", "https://api.example.org/v1"),
                    }),
                    apiKey: z.string(must("be a text", '"sk-..."')),
                    model: text(/^\S+$/, "be the name of a model", "small-1"),
                    proxy: flag(true).default(true),
                },
                must("be an object of baseUrl, apiKey and model", '{"model": "small-1"}'),
            )
            .optional(),
    },
    must("be an object", '{"application": "openclaw"}'),
);

/** A sandbox as it is written, with the image that it runs. */
const sandbox = written.transform(({ image: own, ...rest }, context) => {
    const { application } = rest;
    const known = typeof application === "string" ? APPLICATIONS[application].image : undefined;
    const used = own ?? known;
    // A key that does not exist is reported alone: it may be the misspelt name of this one.
    if (used === undefined && context.issues.length === 0) {
        const rule = `be given unless the application is a known one (${applicationNames.join(", ")})`;
        context.addIssue(unmet({ rule, example: openclaw.image }, ["image"]));
    }
    if (used === undefined) {
        return z.NEVER;
    }
    return { ...rest, image: used };
});

/** Objects of the namespace; a sandbox's own are called like the sandbox. */
const RESERVED_NAMES = ["default-deny", HANDSHAKE_SECRET];

/** All sandboxes, by name. */
export const sandboxesSchema = z.record(
    text(
        /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
        "be a sandbox name of 1 to 40 lower-case letters, digits or `-`, beginning with a letter",
        "assistant",
    ).refine(
        (name) => !RESERVED_NAMES.includes(name),
        must("not be the name of an object that all sandboxes share", "assistant"),
    ),
    sandbox,
    must("be an object keyed by sandbox name", '{"assistant": {"application": "openclaw"}}'),
);
