/** URNs: how Pulumi's engine names a resource, `urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME`. */

/** The parts of a URN. */
export interface Urn {
    readonly stack: string;
    readonly project: string;
    /** Type of the resource alone, without its parents' types. */
    readonly type: string;
    readonly name: string;
}

/** Takes a URN apart. @returns undefined for what is none */
export function parseUrn(urn: string): Urn | undefined {
    const [, stack, project, types, name] =
        /^urn:pulumi:(.*?)::(.*?)::(.*?)::(.*)$/s.exec(urn) ?? [];
    return stack === undefined || project === undefined || types === undefined || name === undefined
        ? undefined
        : { stack, project, type: types.split("$").at(-1) ?? "", name };
}

/** Name of the resource; the text itself where it is no URN. */
export function nameOfUrn(urn: string): string {
    return parseUrn(urn)?.name ?? urn;
}

/** The URN of these parts. @param type with its parents' types before it, each followed by `$` */
export function urnOf({ stack, project, type, name }: Urn): string {
    return `urn:pulumi:${stack}::${project}::${type}::${name}`;
}
