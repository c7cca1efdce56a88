/** Schema of the configuration: every key, its default, its rule. Rules between keys are in ../rules. */
import { z } from "zod";
import { STACK_DEFAULTS } from "../../model/defaults";
import { existingClusterSchema } from "./existingCluster";
import { flag } from "./fields";
import { gatewaySchema } from "./gateway";
import { sandboxesSchema } from "./sandbox";

/** The whole configuration. */
export const schema = z.strictObject({
    running: flag(true)
        .default(STACK_DEFAULTS.running)
        .describe(
            "Whether the gateway runs. false stops it: a keeper takes the place of its container, and all data stays.",
        ),
    protect: flag(true)
        .default(STACK_DEFAULTS.protect)
        .describe("Whether what holds data refuses to be deleted or replaced."),
    gateway: gatewaySchema
        .prefault({})
        .describe("The gateway: k3s in a Docker container of its own."),
    existingCluster: existingClusterSchema
        .optional()
        .describe("A cluster that is there already, in place of a gateway."),
    sandboxes: sandboxesSchema.prefault({}).describe("The sandboxes, by name."),
});

/** The configuration, checked, with every default in place. */
export type Settings = z.infer<typeof schema>;
export type GatewaySettings = Settings["gateway"];
export type ExistingClusterSettings = NonNullable<Settings["existingCluster"]>;
/** The settings that say where the sandboxes run. */
export type PlaceSettings = Pick<Settings, "gateway" | "existingCluster">;
export type SandboxSettings = Settings["sandboxes"][string];
