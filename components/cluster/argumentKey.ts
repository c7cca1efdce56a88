/** Pure: how messages name what a component was given. */

/**
 * Where an argument stands.
 *
 * @param argument its path, such as `ports` or `volumeClaimTemplates[0].size`. @default all of them
 * @param sandbox whose it is. @default the cluster's own
 */
export type ArgumentKey = (argument?: string, sandbox?: string) => string;

/** In the terms of the components, for a program that calls them by itself. */
export const inOwnTerms: ArgumentKey = (argument, sandbox) =>
    [argument, sandbox === undefined ? undefined : `sandbox ${sandbox}`]
        .filter((part) => part !== undefined)
        .join(" of ");
