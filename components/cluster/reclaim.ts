/** Pure: whether a storage class of someone else's cluster keeps what a sandbox stores. */

/** What is read of it. */
export interface StorageClass {
    /** What becomes of a volume whose claim is gone. @default Delete, as Kubernetes has it */
    readonly reclaimPolicy?: string;
}

/** What is to be said before a claim of the class is made. */
export function claimProblem(
    name: string,
    context: string,
    found: StorageClass | undefined,
): { readonly problem?: string; readonly warning?: string } {
    if (found === undefined) {
        return {
            problem: `there is no storage class ${name} (existingCluster.storageClass, or a sandbox's volumeClaimTemplates); see kubectl --context ${context} get storageclasses`,
        };
    }
    const { reclaimPolicy = "Delete" } = found;
    return reclaimPolicy === "Retain"
        ? {}
        : {
              warning: `storage class ${name} of cluster ${context} has the reclaim policy ${reclaimPolicy}: with a claim that is removed (its sandbox, the stack or the namespace), its data is gone. A class with Retain keeps it: docs/operations.md, \`A cluster that is there already\``,
          };
}
