/** Rules for pods, in every kind of object that makes some. */
import type { PolicyConfigSchema, ReportViolation, ResourceValidationArgs } from "@pulumi/policy";
import {
    BIND_CAPABILITY,
    DEVICE_PLUGIN_FOLDER,
    DNS_IMAGE,
    GATE_CONTAINER,
    GATE_IMAGE,
    GATE_SCRIPT,
    SCRIPTS_PATH,
    SEED_CAPABILITIES,
} from "../../model/constants";
import type { Container, PodSpec } from "../../model/pod";
import { isSandbox, podOf } from "./podSpec";
import { looksSecret } from "./secretVariables";
import { DEVELOPMENT_STACKS, lacksDigest, policy, type Rule } from "./support";

/** Single variables can be left out: `"variables": ["STOP_TOKENS", "builder-agent/CACHE_KEY"]`. */
const VARIABLES: NonNullable<PolicyConfigSchema["properties"]> = {
    variables: {
        type: "array",
        items: { type: "string" },
        default: [],
        description: "Variables that are no secrets: NAME everywhere, or RESOURCE/NAME",
    },
};

function exempt(variables: readonly string[], resource: string, name: string): boolean {
    return variables.includes(name) || variables.includes(`${resource}/${name}`);
}

function podRule(
    rule: Omit<Rule, "check">,
    check: (pod: PodSpec, args: ResourceValidationArgs, report: ReportViolation) => void,
) {
    return policy({
        ...rule,
        check: (args, report) => {
            const pod = podOf(args);
            if (pod) {
                check(pod, args, report);
            }
        },
    });
}

/** A rule about each container, those that prepare the pod included. */
function containerRule(
    rule: Omit<Rule, "check">,
    check: (container: Container, args: ResourceValidationArgs) => string | undefined,
) {
    return podRule(rule, (pod, args, report) => {
        for (const container of [...(pod.initContainers ?? []), ...(pod.containers ?? [])]) {
            const violation = check(container, args);
            if (violation) {
                report(`${args.name}: container ${container.name ?? "?"} ${violation}`);
            }
        }
    });
}

/** A rule about each container but a device plugin's, which is the node's and root's. */
function sandboxRule(
    rule: Omit<Rule, "check">,
    check: (container: Container, pod: PodSpec, prepares: boolean) => string | undefined,
) {
    return podRule(rule, (pod, args, report) => {
        if ((pod.volumes ?? []).some(({ hostPath }) => hostPath?.path === DEVICE_PLUGIN_FOLDER)) {
            return;
        }
        const all = [
            ...(pod.initContainers ?? []).map((each) => [each, true] as const),
            ...(pod.containers ?? []).map((each) => [each, false] as const),
        ];
        for (const [container, prepares] of all) {
            const violation = check(container, pod, prepares);
            if (violation) {
                report(`${args.name}: container ${container.name ?? "?"} ${violation}`);
            }
        }
    });
}

function seccompOf({ securityContext }: PodSpec): { readonly type?: string } {
    return securityContext?.seccompProfile ?? {};
}

export const podPolicies = [
    containerRule(
        {
            name: "images-by-digest",
            description: "Outside development stacks, images must be named by digest.",
            remediation:
                "Write the image as name@sha256:..., or list the stack in `developmentStacks`.",
            config: DEVELOPMENT_STACKS,
        },
        ({ image }, args) =>
            // k3s brings its own images along by their tags, these two among them.
            image !== GATE_IMAGE && image !== DNS_IMAGE && lacksDigest(args, image)
                ? `must name its image by digest, not ${image ?? "nothing"}.`
                : undefined,
    ),
    containerRule(
        {
            name: "no-privileged-pod",
            description: "A container must not be privileged, nor able to become so.",
            remediation: "Set `allowPrivilegeEscalation: false`, and leave `privileged` unset.",
        },
        ({ securityContext }) =>
            securityContext?.privileged === true ||
            securityContext?.allowPrivilegeEscalation !== false
                ? "must not be privileged and must set allowPrivilegeEscalation to false."
                : undefined,
    ),
    podRule(
        {
            name: "gate-first",
            description:
                "Nothing of a sandbox may run before it has been seen that its network is closed.",
            remediation:
                "Make the gate the first of the initContainers, without a restartPolicy, as components/sandbox/gate.ts does.",
        },
        ({ initContainers: [first] = [] }, args, report) => {
            const runs = ["/bin/sh", `${SCRIPTS_PATH}/${GATE_SCRIPT}`];
            const isGate =
                first?.name === GATE_CONTAINER &&
                first.command?.join("\0") === runs.join("\0") &&
                first.restartPolicy === undefined;
            if (isSandbox(args) && !isGate) {
                report(
                    `${args.name} must begin with a container ${GATE_CONTAINER} that runs ${runs.join(" ")} to its end, not with ${first?.name ?? "its agent"}.`,
                );
            }
        },
    ),
    sandboxRule(
        {
            name: "seccomp-on",
            description: "A container must be kept from the system calls that no program needs.",
            remediation: "Set `seccompProfile: {type: RuntimeDefault}` for the pod.",
        },
        ({ securityContext }, pod) => {
            const { type } = securityContext?.seccompProfile ?? seccompOf(pod);
            return type === "RuntimeDefault" || type === "Localhost"
                ? undefined
                : "must have the seccomp profile RuntimeDefault, or one of the node's.";
        },
    ),
    sandboxRule(
        {
            name: "capabilities-dropped",
            description:
                "A container must have no capability; one that prepares a pod may own files, and any may listen on the first ports, as Pod Security has it.",
            remediation: "Set `capabilities: {drop: [ALL]}`, and add none.",
        },
        ({ securityContext }, _, prepares) => {
            const { drop = [], add = [] } = securityContext?.capabilities ?? {};
            const allowed = prepares ? SEED_CAPABILITIES : [BIND_CAPABILITY];
            const more = add.filter((name) => !allowed.includes(name));
            if (!drop.includes("ALL")) {
                return "must drop the capabilities ALL.";
            }
            return more.length > 0 ? `must not add ${more.join(", ")}.` : undefined;
        },
    ),
    sandboxRule(
        {
            name: "runs-as-non-root",
            description: "What runs in a pod must not be root; what prepares it may be.",
            remediation:
                "Leave `user` of the sandbox at an id above 0, or leave the resource out by name.",
        },
        ({ securityContext: own }, { securityContext: all }, prepares) => {
            const nonRoot = own?.runAsNonRoot ?? all?.runAsNonRoot;
            const user = own?.runAsUser ?? all?.runAsUser;
            return prepares || (nonRoot === true && user !== 0)
                ? undefined
                : "must set runAsNonRoot, with a user above 0.";
        },
    ),
    podRule(
        {
            name: "no-host-namespace",
            description: "A pod must not share a namespace of the node.",
            remediation: "Remove hostNetwork, hostPID and hostIPC.",
        },
        (pod, args, report) => {
            for (const key of ["hostNetwork", "hostPID", "hostIPC"] as const) {
                if (pod[key]) {
                    report(`${args.name} must not set ${key}.`);
                }
            }
        },
    ),
    podRule(
        {
            name: "no-host-path",
            description:
                "A pod must not mount a folder of the node, but that in which device plugins register.",
            remediation: "Use a claim, or an emptyDir.",
        },
        (pod, args, report) => {
            for (const volume of pod.volumes ?? []) {
                if (volume.hostPath && volume.hostPath.path !== DEVICE_PLUGIN_FOLDER) {
                    report(
                        `${args.name} must not mount the host path ${volume.hostPath.path ?? "?"}.`,
                    );
                }
            }
        },
    ),
    podRule(
        {
            name: "no-service-account-token",
            description: "A pod must not hold a token of Kubernetes.",
            remediation: "Set `automountServiceAccountToken: false`.",
        },
        (pod, args, report) => {
            if (pod.automountServiceAccountToken !== false) {
                report(`${args.name} must set automountServiceAccountToken to false.`);
            }
        },
    ),
    containerRule(
        {
            name: "memory-limited",
            description: "A container must have a memory limit: one agent must not end the others.",
            remediation: "Set `resources.limits.memory`.",
        },
        ({ resources }) =>
            resources?.limits?.["memory"] === undefined ? "must have a memory limit." : undefined,
    ),
    containerRule(
        {
            name: "no-secret-in-env",
            description: "A secret must not stand in a pod as the literal value of a variable.",
            remediation:
                "Put it into a Secret and refer to it with `envFrom` or `valueFrom`; a sandbox's `secretEnv` does. What is no secret goes into `variables`.",
            config: VARIABLES,
        },
        ({ env }, args) => {
            const { variables = [] } = args.getConfig<{ variables?: string[] }>();
            const found = (env ?? [])
                .filter(({ name = "", value }) => value && looksSecret(name, value))
                .map(({ name = "" }) => name)
                .filter((name) => !exempt(variables, args.name, name));
            return found.length === 0
                ? undefined
                : `must not hold the value of ${found.join(", ")} in clear.`;
        },
    ),
    podRule(
        {
            name: "probes-present",
            description: "A container that listens must say when it is ready and when it is dead.",
            remediation: "Set `readinessProbe` and `livenessProbe`.",
        },
        (pod, args, report) => {
            for (const container of pod.containers ?? []) {
                const probed = container.readinessProbe && container.livenessProbe;
                if ((container.ports ?? []).length > 0 && !probed) {
                    report(
                        `${args.name}: container ${container.name ?? "?"} must have a readiness and a liveness probe.`,
                    );
                }
            }
        },
    ),
];
