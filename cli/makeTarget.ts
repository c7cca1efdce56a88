/** Targets of make as they are typed. */
import { asCommand } from "../steps/text";

/** Stack that make works on, unless STACK or PULUMI_STACK names another. */
export const DEFAULT_STACK = "dev";

/**
 * A target of make as it is typed for a stack. It is named unless it is the usual one: the same command would be
 * about that one otherwise.
 *
 * @param stack @default the one that this run is about
 */
export function makeTarget(target: string, stack = process.env["STACK"]): string {
    const isDefault = stack === undefined || stack === DEFAULT_STACK;
    return asCommand(["make", target, ...(isDefault ? [] : [`STACK=${stack}`])]);
}
