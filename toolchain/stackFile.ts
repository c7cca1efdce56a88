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
 * cluster that stands in for one. Values that are secret in the file are left out: the engine alone
 * can read them, and none says where something is.
 *
 * @throws StepError with the same message as the program's, when they are wrong
 */
export function readPlace(root: string, stack: string): PlaceSettings {
    // A stack may be named with its organization and project; its file never is.
    const file = path.join(root, `Pulumi.${stack.split("/").at(-1)}.yaml`);
    const content = existsSync(file)
        ? (parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> } | null)
        : undefined;
    const own = (key: string) => withoutSecrets(content?.config?.[`sandbox-gateway:${key}`]);
    const { settings, problems } = parsePlace({
        gateway: own("gateway"),
        existingCluster: own("existingCluster"),
    });
    if (!settings) {
        throw new StepError(`${path.basename(file)}: ${explain(problems)}`);
    }
    return settings;
}

/** A value without what `pulumi config set --secret` has encrypted in it. */
function withoutSecrets(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(withoutSecrets);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const entries = Object.entries(value).filter(([, inner]) => !isEncrypted(inner));
    return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSecrets(inner)]));
}

/** `{secure: ...}`, as Pulumi writes it. */
function isEncrypted(value: unknown): boolean {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    return keys.length === 1 && keys[0] === "secure";
}
