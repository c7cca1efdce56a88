/** What holds data or identity: shared by the policy pack and the preview guard. */

/** Resource types whose deletion or replacement loses something that no `pulumi up` brings back. */
const STATEFUL_TYPES: readonly string[] = [
    "docker:index/volume:Volume",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "pulumi:index:Stash",
    "random:index/randomBytes:RandomBytes",
    "random:index/randomId:RandomId",
    "random:index/randomPassword:RandomPassword",
    "random:index/randomString:RandomString",
    "random:index/randomUuid:RandomUuid",
];

/** Ending of the name of a Stash that is renewed by the calendar: its loss loses nothing. */
export const RENEWED_SUFFIX = "-admin";

/** Suffix of the name of a random key of digests: replacing the key restarts pods and loses nothing. */
export const DIGEST_KEY_SUFFIX = "-digest-key";

/** Whether a resource holds data or identity. */
export function isStateful(type: string, name: string): boolean {
    const renewed = type === "pulumi:index:Stash" && name.endsWith(RENEWED_SUFFIX);
    const digestKey =
        type === "random:index/randomBytes:RandomBytes" && name.endsWith(DIGEST_KEY_SUFFIX);
    return STATEFUL_TYPES.includes(type) && !renewed && !digestKey;
}
