/** What the tools need to know of a stack before the engine runs. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { parseGateway } from "../settings/parse";
import { explain } from "../settings/problems";
import type { GatewaySettings } from "../settings/schema";
import { StepError } from "./progress";

/**
 * The gateway's settings of a stack, with defaults.
 *
 * @throws StepError with the same message as the program's, when they are wrong
 */
export function readGatewaySettings(root: string, stack: string): GatewaySettings {
    const file = path.join(root, `Pulumi.${stack}.yaml`);
    const content = existsSync(file)
        ? (parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> } | null)
        : undefined;
    const { settings, problems } = parseGateway(content?.config?.["sandbox-gateway:gateway"] ?? {});
    if (!settings) {
        throw new StepError(`${path.basename(file)}: ${explain(problems)}`);
    }
    return settings;
}
