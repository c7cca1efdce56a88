/** Rules about how resources relate. */
import type { PolicyResource, StackValidationArgs, StackValidationPolicy } from "@pulumi/policy";
import type { ContainerArgs } from "@pulumi/docker";
import type { types } from "@pulumi/kubernetes";
import type { Unwrap } from "@pulumi/pulumi";
import { LABEL_SANDBOX } from "../../model/constants";
import type { Seen } from "../../model/seen";
import { EXEMPT } from "./support";

type NetworkPolicy = Seen<types.output.networking.v1.NetworkPolicy>;

/** What any object in a namespace has. */
type Namespaced = Pick<NetworkPolicy, "metadata">;

/** A container's inputs. */
type Mounting = Seen<Unwrap<ContainerArgs>>;

export const stackPolicies: StackValidationPolicy[] = [
    {
        name: "volume-held-by-container",
        description: "A volume of Docker must be mounted by a container of the stack, always.",
        remediationSteps:
            "While what uses it does not run, mount it in a container that does nothing: Docker's clean-ups take volumes without one.",
        enforcementLevel: "mandatory",
        configSchema: EXEMPT,
        validateStack: (args, report) => {
            const held = args.resources
                .filter((r) => r.type === "docker:index/container:Container")
                .map((r) => r.props as Mounting)
                .flatMap(({ volumes = [], mounts = [] }) => [
                    ...volumes.map(({ volumeName }) => volumeName),
                    ...mounts.map(({ source }) => source),
                ]);
            for (const volume of looked(args)) {
                const { name } = volume.props as { name?: string };
                if (volume.type === "docker:index/volume:Volume" && !held.includes(name)) {
                    report(
                        `${volume.name} must be mounted by a container: Docker's clean-ups take what none uses.`,
                        volume.urn,
                    );
                }
            }
        },
    },
    {
        name: "provider-independent-of-container",
        description: "No setting of a Kubernetes provider may come from a container.",
        remediationSteps:
            "Make the kubeconfig of values in state, and order with `dependsOn`: otherwise a new container replaces everything.",
        enforcementLevel: "mandatory",
        configSchema: EXEMPT,
        validateStack: (args, report) => {
            const providers = looked(args).filter((r) => r.type === "pulumi:providers:kubernetes");
            for (const provider of providers) {
                for (const [property, sources] of Object.entries(provider.propertyDependencies)) {
                    const container = sources.find(
                        (r) => r.type === "docker:index/container:Container",
                    );
                    if (container) {
                        report(
                            `${provider.name} must not take ${property} from the container ${container.name}.`,
                            provider.urn,
                        );
                    }
                }
            }
        },
    },
    {
        name: "default-deny-per-namespace",
        description:
            "A namespace with sandboxes must have a policy that denies all traffic by default.",
        remediationSteps:
            "Add a NetworkPolicy with an empty podSelector, policyTypes Ingress and Egress, and no rules.",
        enforcementLevel: "mandatory",
        configSchema: EXEMPT,
        validateStack: (args, report) => {
            const denied = new Set(
                args.resources
                    .filter(isDefaultDeny)
                    .map((r) => (r.props as Namespaced).metadata?.namespace),
            );
            const sandboxes = looked(args).filter(
                (r) =>
                    r.type === "kubernetes:apps/v1:StatefulSet" &&
                    (r.props as Namespaced).metadata?.labels?.[LABEL_SANDBOX] !== undefined,
            );
            for (const sandbox of sandboxes) {
                const namespace = (sandbox.props as Namespaced).metadata?.namespace;
                if (!denied.has(namespace)) {
                    report(
                        `${sandbox.name} must run in a namespace with a default-deny policy; ${namespace ?? "its own"} has none.`,
                        sandbox.urn,
                    );
                }
            }
        },
    },
];

/** Resources that the rule looks at: all but those it is told to leave out. */
function looked(args: StackValidationArgs): PolicyResource[] {
    const { exempt = [] } = args.getConfig<{ exempt?: string[] }>();
    return args.resources.filter(({ name }) => !exempt.includes(name));
}

function isDefaultDeny(resource: PolicyResource): boolean {
    if (resource.type !== "kubernetes:networking.k8s.io/v1:NetworkPolicy") {
        return false;
    }
    const { spec } = resource.props as NetworkPolicy;
    const selectsAll =
        Object.keys(spec?.podSelector?.matchLabels ?? {}).length === 0 &&
        (spec?.podSelector?.matchExpressions ?? []).length === 0;
    return (
        selectsAll &&
        ["Ingress", "Egress"].every((type) => spec?.policyTypes?.includes(type)) &&
        (spec?.ingress ?? []).length === 0 &&
        (spec?.egress ?? []).length === 0
    );
}
