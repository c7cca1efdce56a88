/** Pure: volumes whose sandbox was removed. */
import type { types } from "@pulumi/kubernetes";
import type { Seen } from "../../model/seen";

/** A PersistentVolume, as Kubernetes gives it. */
export type PersistentVolume = Seen<types.output.core.v1.PersistentVolume>;

/** A volume without a sandbox. */
export interface KeptVolume {
    /**
     * Claim that it was made for, TEMPLATE-SANDBOX-0. Not the sandbox: both names may have dashes, so
     * the claim's does not tell where one ends.
     */
    readonly claim: string;
    /** Folder in the gateway's container. */
    readonly path: string;
}

/** Released volumes whose folder no other volume uses, each folder once. */
export function keptVolumes(volumes: readonly PersistentVolume[], namespace: string): KeptVolume[] {
    const pathOf = ({ spec }: PersistentVolume) => spec?.local?.path ?? spec?.hostPath?.path ?? "";
    const used = new Set(volumes.filter((v) => v.status?.phase === "Bound").map(pathOf));
    const kept = new Map<string, KeptVolume>();
    for (const volume of volumes) {
        const claim = volume.spec?.claimRef;
        const path = pathOf(volume);
        if (
            volume.status?.phase !== "Released" ||
            claim?.namespace !== namespace ||
            used.has(path)
        ) {
            continue;
        }
        kept.set(path, { claim: claim.name ?? "", path });
    }
    return [...kept.values()];
}
