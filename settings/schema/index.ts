/** Schema of the configuration: every key, its default, its rule. Rules between keys are in ../rules. */
import { z } from "zod";
import { STACK_DEFAULTS } from "../../model/defaults";
import { existingClusterSchema } from "./existingCluster";
import { flag } from "./fields";
import { gatewaySchema } from "./gateway";
import { sandboxesSchema } from "./sandbox";

/** The whole configuration. */
export const schema = z.strictObject({
    running: flag(true).default(STACK_DEFAULTS.running),
    protect: flag(true).default(STACK_DEFAULTS.protect),
    gateway: gatewaySchema.prefault({}),
    existingCluster: existingClusterSchema.optional(),
    sandboxes: sandboxesSchema.default({}),
});

/** The configuration, checked, with every default in place. */
export type Settings = z.infer<typeof schema>;
export type GatewaySettings = Settings["gateway"];
export type ExistingClusterSettings = NonNullable<Settings["existingCluster"]>;
/** Where the sandboxes run. */
export type PlaceSettings = Pick<Settings, "gateway" | "existingCluster">;
export type SandboxSettings = Settings["sandboxes"][string];
