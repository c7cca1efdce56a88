/** Previews that can be compared. */

/** One step of a preview, as the engine describes it. */
interface Step {
    readonly op: string;
    readonly urn: string;
}

/** A preview that can be compared: `op type name` for everything that is not the same. */
export type Changes = readonly string[];

/** What a preview with --json says that it would do, sorted; resources that stay the same are left out. */
export function changesOf(preview: string): Changes {
    const { steps } = JSON.parse(preview) as { steps: readonly Step[] };
    return steps
        .filter(({ op }) => op !== "same")
        .map(({ op, urn }) => {
            const [type = "", name = ""] = urn.split("::").slice(-2);
            return `${op} ${type.split("$").at(-1)} ${name}`;
        })
        .sort();
}

/** Changes of resources proper: that of the component beside them says the same once more. */
export function withoutGateway(changes: Changes): Changes {
    return changes.filter((change) => !change.includes(" sandbox-gateway:index:Gateway "));
}
