/** Pure: what holds a pod apart from its node, and what of it a change takes away. */

import { SEED_CAPABILITIES } from "../model/constants";
import type { Container, PodSpec } from "../model/pod";

/** What gets open in a pod. @param before of a pod that is new, nothing */
export function opensOfPod(before: PodSpec | undefined, after: PodSpec | undefined): string[] {
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
function weaknesses(pod: PodSpec): string[] {
    return [
        ...(["hostNetwork", "hostPID", "hostIPC"] as const)
            .filter((key) => pod[key] === true)
            .map((key) => `${key} is set`),
        ...(pod.automountServiceAccountToken === false ? [] : ["it holds a token of Kubernetes"]),
        ...(pod.volumes ?? []).flatMap(({ hostPath }) =>
            hostPath ? [`it mounts ${hostPath.path ?? "?"} of its node`] : [],
        ),
        ...(pod.containers ?? []).flatMap((each) => weaknessesOf(each, pod, false)),
        ...(pod.initContainers ?? []).flatMap((each) => weaknessesOf(each, pod, true)),
    ];
}

function weaknessesOf(
    { name = "?", securityContext: own = {} }: Container,
    { securityContext: all = {} }: PodSpec,
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
            .filter((capability) => !(prepares && SEED_CAPABILITIES.includes(capability)))
            .map((capability) => `has the capability ${capability}`),
        ...(seccomp === "RuntimeDefault" || seccomp === "Localhost" ? [] : ["has no seccomp"]),
        ...(prepares || (nonRoot === true && user !== 0) ? [] : ["may be root"]),
    ];
    return found.map((each) => `container ${name} ${each}`);
}

/** What a sandbox may have besides, by what it is called. */
function wallsOf(pod: PodSpec): Map<string, string> {
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
