/** Pure: what a sandbox asks for, where it says only a part of it. */
import type { Resources } from "./applications/application";
import { parseQuantity } from "../../model/quantity";

/**
 * Each quantity is the sandbox's own, else the default. Where the two contradict each other, since a
 * request may not exceed its limit, the default gives way.
 */
export function mergeResources(own: Resources | undefined, defaults: Resources): Resources {
    const requests: Record<string, string> = { ...defaults.requests, ...own?.requests };
    const limits: Record<string, string> = { ...defaults.limits, ...own?.limits };
    for (const [name, request] of Object.entries(requests)) {
        const limit = limits[name];
        if (limit === undefined || parseQuantity(request) <= parseQuantity(limit)) {
            continue;
        }
        if (own?.limits?.[name] === undefined) {
            limits[name] = request;
        } else if (own.requests?.[name] === undefined) {
            requests[name] = limit;
        }
    }
    return { requests, limits };
}
