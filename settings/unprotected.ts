/** Pure: which data of a stack `pulumi destroy`, or a sandbox removed from its file, would delete. */
import type { Settings } from "./schema";

/** A warning that names everything unprotected. @returns undefined when everything is protected */
export function explainUnprotected({
    protect,
    existingCluster,
    sandboxes,
}: Pick<Settings, "protect" | "existingCluster" | "sandboxes">): string | undefined {
    const open = Object.entries(sandboxes).filter(([, own]) => !(own.protect ?? protect));
    const what = [
        ...(protect
            ? []
            : [existingCluster ? "the namespace" : "the gateway's identity and data volume"]),
        ...open.map(([name]) => `sandbox ${name}`),
    ];
    const keys = [
        ...(protect ? [] : ["protect"]),
        ...open
            .filter(([, own]) => own.protect === false)
            .map(([name]) => `sandboxes.${name}.protect`),
    ];
    return what.length === 0
        ? undefined
        : `${what.join(", ")} can be deleted with all that is stored there, for ${keys.join(" and ")} ${keys.length === 1 ? "is" : "are"} false; set to true, the next \`pulumi up\` protects it again`;
}
