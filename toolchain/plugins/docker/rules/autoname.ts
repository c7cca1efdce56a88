/** Names for resources the program gives none: the logical name and seven hex digits. */

import { createHash, randomBytes } from "node:crypto";
import type { CheckRequest } from "../../host/plugin";
import { asString } from "../../host/values";

const SUFFIX_DIGITS = 7;
const MAX_LENGTH = 255;

/** The name to use, or undefined where the engine's configuration says the program must give one. */
export function autoname(logicalName: string, request: CheckRequest): string | undefined {
    const { olds, autonaming } = request;
    const old = asString(olds.name);
    // A name given once stays; for a replacement the engine calls again without the old inputs.
    if (old !== undefined && Array.isArray(olds.__defaults) && olds.__defaults.includes("name")) {
        return old;
    }
    if (autonaming?.mode === "disable") {
        return undefined;
    }
    if (autonaming?.mode === "enforce") {
        return autonaming.proposedName;
    }
    const seed = request.randomSeed.length > 0 ? request.randomSeed : randomBytes(32);
    const suffix = createHash("sha256").update(seed).digest("hex").slice(0, SUFFIX_DIGITS);
    const base = autonaming?.proposedName ?? `${logicalName}-${suffix}`;
    return base.slice(0, MAX_LENGTH);
}
