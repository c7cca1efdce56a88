/** Pure: what of a stack a `pulumi destroy`, or a line removed from the program, would delete. */
import type { Settings } from "./schema";

/** One sentence about what nothing protects. @returns undefined when everything is protected */
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
