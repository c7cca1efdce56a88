/** Pure: what a container asks for of its node, where it says only a part of it. */
import { DISK_RESOURCE } from "./constants";
import { parseQuantity } from "./quantity";

/** Kubernetes quantities. */
export interface Resources {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
}

/** Resources of an agent that names none, so that a single agent cannot starve the others. */
export const DEFAULT_RESOURCES: Resources = {
    requests: { cpu: "50m", memory: "128Mi" },
    limits: { memory: "1Gi" },
};

/**
 * Of the node's disk, besides the workspace: the image's files that it changes, /tmp and logs. Nothing is
 * asked for: without a request, all of the limit would be, and a few sandboxes would be all a node takes.
 */
export const DEFAULT_DISK = { request: "0", limit: "4Gi" };

/** Resources, of which the disk is limited, too. */
export function withDisk({ requests, limits }: Resources): Resources {
    return {
        requests: { [DISK_RESOURCE]: DEFAULT_DISK.request, ...requests },
        limits: { [DISK_RESOURCE]: DEFAULT_DISK.limit, ...limits },
    };
}

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
