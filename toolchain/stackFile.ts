/** What the tools need to know of a stack before the engine runs. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { parsePlace } from "../settings/parse";
import { explain } from "../settings/problems";
import type { PlaceSettings } from "../settings/schema";
import { StepError } from "./progress";

/**
 * Where a stack's sandboxes run, with defaults: the settings of its gateway, and of the existing
 * cluster that stands in for one. Values that are secret in the file stay encrypted; none of these is
 * meant to be.
 *
 * @throws StepError with the same message as the program's, when they are wrong
 */
export function readPlace(root: string, stack: string): PlaceSettings {
    // A stack may be named with its organization and project; its file never is.
    const file = path.join(root, `Pulumi.${stack.split("/").at(-1)}.yaml`);
    const content = existsSync(file)
        ? (parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> } | null)
        : undefined;
    const own = (key: string) => content?.config?.[`sandbox-gateway:${key}`];
    const { settings, problems } = parsePlace({
        gateway: own("gateway"),
        existingCluster: own("existingCluster"),
    });
    if (!settings) {
        throw new StepError(`${path.basename(file)}: ${explain(problems)}`);
    }
    return settings;
}
