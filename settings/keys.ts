/** Pure: where what a component was given stands in the stack's settings. */
import type { ArgumentKey } from "../components";

/**
 * Keys for messages of the components.
 *
 * @param cluster section that the cluster's own arguments come from
 */
export function keysOf(cluster: "gateway" | "existingCluster"): ArgumentKey {
    return (argument, sandbox) => {
        const section = sandbox === undefined ? cluster : `sandboxes.${sandbox}`;
        return argument === undefined ? section : `${section}.${argument}`;
    };
}
