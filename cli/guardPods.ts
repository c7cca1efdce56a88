/** Pure: what holds a pod apart from its node, and what of it a change takes away. */

/** A pod's spec, as far as it is compared. */
export interface Pod {
    readonly automountServiceAccountToken?: boolean;
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly hostIPC?: boolean;
    readonly hostUsers?: boolean;
    readonly runtimeClassName?: string;
    readonly securityContext?: Context;
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly { readonly hostPath?: { readonly path?: string } }[];
}

interface Container {
    readonly name?: string;
    readonly securityContext?: Context & {
        readonly privileged?: boolean;
        readonly allowPrivilegeEscalation?: boolean;
        readonly readOnlyRootFilesystem?: boolean;
        readonly capabilities?: {
            readonly add?: readonly string[];
            readonly drop?: readonly string[];
        };
    };
}

interface Context {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly seccompProfile?: { readonly type?: string };
}

/** What gets open in a pod. @param before of a pod that is new, nothing */
export function opensOfPod(before: Pod | undefined, after: Pod | undefined): string[] {
    if (!after) {
        return [];
    }
    const was = before ? weaknesses(before) : [];
    const walls = before ? wallsOf(before) : new Map<string, string>();
    const left = wallsOf(after);
    return [
        ...weaknesses(after).filter((each) => !was.includes(each)),
        ...[...walls].flatMap(([wall, value]) =>
            left.get(wall) === value
                ? []
                : [`${wall} is ${left.get(wall) ?? "unset"} instead of ${value}`],
        ),
    ];
}

/** What a sandbox has none of. */
function weaknesses(pod: Pod): string[] {
    const of = (pod: Pod, key: "hostNetwork" | "hostPID" | "hostIPC") =>
        pod[key] === true ? [`${key} is set`] : [];
    return [
        ...of(pod, "hostNetwork"),
        ...of(pod, "hostPID"),
        ...of(pod, "hostIPC"),
        ...(pod.automountServiceAccountToken === false ? [] : ["it holds a token of Kubernetes"]),
        ...(pod.volumes ?? []).flatMap(({ hostPath }) =>
            hostPath ? [`it mounts ${hostPath.path ?? "?"} of its node`] : [],
        ),
        ...(pod.containers ?? []).flatMap((each) => weaknessesOf(each, pod, false)),
        ...(pod.initContainers ?? []).flatMap((each) => weaknessesOf(each, pod, true)),
    ];
}

/** Seeding a workspace takes root, and these. */
const SEEDING = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];

function weaknessesOf(
    { name = "?", securityContext: own = {} }: Container,
    { securityContext: all = {} }: Pod,
    prepares: boolean,
): string[] {
    const { add = [], drop = [] } = own.capabilities ?? {};
    const user = own.runAsUser ?? all.runAsUser;
    const nonRoot = own.runAsNonRoot ?? all.runAsNonRoot;
    const seccomp = (own.seccompProfile ?? all.seccompProfile)?.type;
    const found = [
        ...(own.privileged === true ? ["is privileged"] : []),
        ...(own.allowPrivilegeEscalation === false ? [] : ["may gain privileges"]),
        ...(drop.includes("ALL") ? [] : ["keeps capabilities"]),
        ...add
            .filter((capability) => !(prepares && SEEDING.includes(capability)))
            .map((capability) => `has the capability ${capability}`),
        ...(seccomp === "RuntimeDefault" || seccomp === "Localhost" ? [] : ["has no seccomp"]),
        ...(prepares || (nonRoot === true && user !== 0) ? [] : ["may be root"]),
    ];
    return found.map((each) => `container ${name} ${each}`);
}

/** What a sandbox may have besides, by what it is called. */
function wallsOf(pod: Pod): Map<string, string> {
    const readOnly = (pod.containers ?? [])
        .filter(({ securityContext }) => securityContext?.readOnlyRootFilesystem === true)
        .map(({ name = "?" }): [string, string] => [`readOnlyRootFilesystem of ${name}`, "true"]);
    return new Map([
        ...(pod.runtimeClassName === undefined
            ? []
            : [["runtimeClassName", pod.runtimeClassName] as [string, string]]),
        ...(pod.hostUsers === false ? [["hostUsers", "false"] as [string, string]] : []),
        ...readOnly,
    ]);
}
