/** Schema of `sandboxes`. */
import { z } from "zod";
import { APPLICATIONS } from "../../components/sandbox/applications";
import { openclaw } from "../../components/sandbox/applications/openclaw";
import { DISK_RESOURCE, HANDSHAKE_SECRET } from "../../model/constants";
import { GATEWAY_DEFAULTS, SANDBOX_DEFAULTS } from "../../model/defaults";
import { applicationNames, applicationSchema } from "./application";
import { egressSchema } from "./egress";
import { cpu, flag, image, MAX_WHOLE, port, quantity, text, variables, whole } from "./fields";
import { openclawSchema } from "./openclaw";
import { folder } from "../hostPath";
import { must, unmet } from "../problems";

const resourceList = z.strictObject(
    {
        cpu: cpu.optional().describe("CPUs."),
        memory: quantity("memory", "2Gi").optional().describe("Memory."),
        [DISK_RESOURCE]: quantity("the node's disk", "4Gi")
            .optional()
            .describe("The node's disk besides the workspace, /tmp included."),
    },
    must("be an object of quantities", '{"memory": "2Gi"}'),
);

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
        ).describe("Name of the claim and its volume."),
        mountPath: text(/^\/[^\s:]+$/, "be the path of a folder in the sandbox", "/data")
            .refine((path) => folder(path) !== "/", must("be a folder below /", "/data"))
            .describe("Folder in the sandbox."),
        size: quantity("storage", "10Gi").describe("Size asked for the claim."),
        storageClass: text(/^[a-z0-9.-]+$/, "be the name of a storage class", "standard-retain")
            .optional()
            .describe("Storage class of the claim."),
    },
    must("be an object of name, mountPath and size", '{"name": "data", "mountPath": "/data"}'),
);

/** A toleration, as in Kubernetes' pod spec. */
const toleration = z.strictObject(
    {
        key: z
            .string(must("be a text", '"agents"'))
            .optional()
            .describe("Key of the taint; without one, every taint."),
        operator: z
            .enum(["Equal", "Exists"], must("be Equal or Exists", "Exists"))
            .optional()
            .describe("How the value is compared."),
        value: z.string(must("be a text", '"true"')).optional().describe("Value of the taint."),
        effect: z
            .enum(
                ["NoSchedule", "PreferNoSchedule", "NoExecute"],
                must("be NoSchedule, PreferNoSchedule or NoExecute", "NoSchedule"),
            )
            .optional()
            .describe("Effect of the taint; without one, every effect."),
        tolerationSeconds: z
            .int(must("be a number of seconds", "300"))
            .optional()
            .describe("Seconds that the pod stays on a node after a NoExecute taint."),
    },
    must("be an object", '{"key": "agents", "operator": "Exists"}'),
);

const written = z.strictObject(
    {
        image: image
            .optional()
            .describe("Image of the agent. Its /sandbox seeds the workspace once."),
        running: flag(true)
            .default(SANDBOX_DEFAULTS.running)
            .describe("Whether the sandbox runs while its cluster does. false suspends it."),
        protect: flag(true)
            .optional()
            .describe("Whether the sandbox's data refuses to be deleted or replaced."),
        application: applicationSchema
            .optional()
            .describe("A known application by name, or an object that describes another."),
        openclaw: openclawSchema.optional().describe("Settings of the application openclaw."),
        hostPort: port(GATEWAY_DEFAULTS.ports.first)
            .optional()
            .describe("Fixed port in gateway.ports on which the application is published."),
        env: variables("environment variables")
            .default({})
            .describe("Environment variables in clear."),
        secretEnv: variables("secret environment variables")
            .default({})
            .describe("Environment variables whose values are secret."),
        resources: z
            .strictObject(
                {
                    requests: resourceList.optional().describe("What the sandbox is sure to get."),
                    limits: resourceList.optional().describe("What the sandbox gets at most."),
                },
                must("be an object", '{"limits": {"memory": "2Gi"}}'),
            )
            .optional()
            .describe("Requests and limits of the agent's container."),
        gpus: whole(0, MAX_WHOLE, "be a number of GPUs", "1")
            .default(SANDBOX_DEFAULTS.gpus)
            .describe("Number of GPUs."),
        workspaceSize: quantity("storage", SANDBOX_DEFAULTS.workspaceSize)
            .optional()
            .describe("Size asked for the workspace.")
            // The default is not filled in: a sandbox with claims of its own has no workspace.
            .meta({ default: SANDBOX_DEFAULTS.workspaceSize }),
        volumeClaimTemplates: z
            .array(claimTemplate, must("be a list of claims", '[{"name": "data", ...}]'))
            .default([])
            .describe("Claims in place of the workspace, which then is neither made nor seeded."),
        nodeSelector: z
            .record(
                z.string(),
                z.string(must("be a text", '"true"')),
                must("be an object of node labels", '{"agents": "true"}'),
            )
            .default({})
            .describe("Labels of the nodes that the sandbox may run on."),
        tolerations: z
            .array(toleration, must("be a list of tolerations", '[{"key": "agents"}]'))
            .default([])
            .describe("Taints of nodes that the sandbox tolerates."),
        startTimeoutSeconds: whole(10, MAX_WHOLE, "be a number of seconds from 10", "600")
            .optional()
            .describe(
                "Seconds that an up waits for the sandbox to be ready before it reports the sandbox.",
            ),
        user: user.default(SANDBOX_DEFAULTS.user).describe("User id of the agent, or root."),
        group: whole(0, MAX_ID, "be a group id", "1000")
            .optional()
            .describe("Group id of the agent."),
        runtimeClass: text(
            /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
            "be the name of a runtime class",
            "gvisor",
        )
            .optional()
            .describe("Runtime class of the cluster, such as gvisor."),
        userNamespace: flag(true)
            .default(SANDBOX_DEFAULTS.userNamespace)
            .describe("Whether the sandbox's users are nobody on the node."),
        readOnlyRoot: flag(true)
            .default(SANDBOX_DEFAULTS.readOnlyRoot)
            .describe("Whether the sandbox may write to its claims and /tmp alone."),
        tokenGeneration: whole(1, MAX_WHOLE, "be a whole number from 1", "2")
            .default(SANDBOX_DEFAULTS.tokenGeneration)
            .describe("Raise it for a new token of the sandbox."),
        egress: z
            .array(egressSchema, must("be a list", '["internet"]'))
            .prefault([])
            .describe("Destinations that the sandbox may reach."),
        dns: flag(true).optional().describe("Whether the sandbox resolves names."),
        inference: z
            .strictObject(
                {
                    baseUrl: z
                        .url({
                            protocol: /^https?$/,
                            ...must("be an http or https URL", "https://api.example.org/v1"),
                        })
                        .describe("Base URL of the endpoint."),
                    apiKey: z
                        .string(must("be a text", '"sk-..."'))
                        .describe("Key of the endpoint."),
                    model: text(/^\S+$/, "be the name of a model", "small-1").describe(
                        "Name of the model.",
                    ),
                    proxy: flag(true)
                        .default(true)
                        .describe(
                            "Whether the sandbox reaches the endpoint through the outbound proxy, which alone has URL and key.",
                        ),
                },
                must("be an object of baseUrl, apiKey and model", '{"model": "small-1"}'),
            )
            .optional()
            .describe("An OpenAI-compatible endpoint for the agent."),
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

/** Names of objects that all sandboxes share. A sandbox's objects have the sandbox's name, in the same namespace. */
const RESERVED_NAMES = ["default-deny", HANDSHAKE_SECRET];

/** `sandboxes`, by name. */
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
