/** Pure: workspaces whose sandbox was removed. */

/** The part of a Kubernetes PersistentVolume that is read. */
export interface PersistentVolume {
    readonly metadata: { readonly name: string };
    readonly spec: {
        readonly claimRef?: { readonly namespace: string; readonly name: string };
        readonly local?: { readonly path: string };
        readonly hostPath?: { readonly path: string };
    };
    readonly status: { readonly phase?: string };
}

/** A workspace without a sandbox. */
export interface KeptVolume {
    /** Sandbox it belonged to; adding one of that name takes it up again. */
    readonly sandbox: string;
    /** Folder in the gateway's container. */
    readonly path: string;
}

/** Released volumes whose folder no other volume uses, each folder once. */
export function keptVolumes(
    volumes: readonly PersistentVolume[],
    namespace: string,
    prefix: string,
): KeptVolume[] {
    const pathOf = ({ spec }: PersistentVolume) => spec.local?.path ?? spec.hostPath?.path ?? "";
    const used = new Set(volumes.filter((v) => v.status.phase === "Bound").map(pathOf));
    const kept = new Map<string, KeptVolume>();
    for (const volume of volumes) {
        const claim = volume.spec.claimRef;
        const path = pathOf(volume);
        if (
            volume.status.phase !== "Released" ||
            claim?.namespace !== namespace ||
            used.has(path)
        ) {
            continue;
        }
        // workspace-NAME-0
        kept.set(path, { sandbox: claim.name.slice(prefix.length + 1, -2), path });
    }
    return [...kept.values()];
}
