/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- a test spoils what the types forbid */
/**
 * Every rule both ways: the program's own resources violate none, and each way of spoiling one of them
 * is refused by the rule that is meant for it, with its message, and by no other.
 */
import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../support/program";
import { policies } from "../../policy/rules";
import { drain, plain, record, type Recorded } from "../support/mocks";

/** A resource with what the mocks do not record of it. */
interface Subject extends Omit<
    Recorded,
    "ignoreChanges" | "retainOnDelete" | "beforeCreate" | "dependsOn"
> {
    readonly protect: boolean;
    readonly propertyDependencies: Readonly<Record<string, string[]>>;
}

let resources: Subject[];

/** The same while the gateway is stopped. */
let stopped: Subject[];

beforeAll(async () => {
    resources = await subjects(true);
    stopped = await subjects(false);
});

async function subjects(running: boolean): Promise<Subject[]> {
    const recorded = await record();
    pulumi.runtime.setAllConfig({
        "sandbox-gateway:running": String(running),
        "sandbox-gateway:gateway": JSON.stringify({
            ...{ name: "policy", subnet: "10.213.78.0/24", gpus: "all" },
        }),
        "sandbox-gateway:sandboxes": JSON.stringify({
            assistant: {
                ...{ application: "openclaw", hostPort: 18789, secretEnv: { API_KEY: "x" } },
                inference: { baseUrl: "https://x.org/v1", apiKey: "sk-1", model: "m" },
            },
            tool: { image: "busybox:1.37.0", gpus: 1, egress: [{ host: "x.org" }] },
        }),
    });
    await runProgram();
    await drain();
    const cattle =
        /-(k3s|keeper|network|docker|kubernetes|image-[0-9a-f]{8}|identity-(person-)?admin)$/;
    const outbound = /^outbound-|-outbound$/;
    return recorded.map((resource) => ({
        ...resource,
        inputs: plain(resource.inputs) as Recorded["inputs"],
        // As on the engine, where test/e2e/guards.e2e.ts runs the pack.
        protect: !(
            (cattle.test(resource.name) && !resource.type.startsWith("kubernetes:")) ||
            outbound.test(resource.name)
        ),
        propertyDependencies: {},
    }));
}

/** `policy: message` of everything that is wrong with a set of resources. */
function violations(subjects: readonly Subject[], config: object = {}, stack = "dev"): string[] {
    const found: string[] = [];
    for (const policy of policies) {
        const report = (message: string) => found.push(`${policy.name}: ${message}`);
        if ("validateStack" in policy) {
            void policy.validateStack(
                { resources: asStack(subjects), getConfig: () => config } as never,
                report,
            );
            continue;
        }
        const { validateResource } = policy;
        for (const subject of subjects) {
            void (validateResource as (args: ResourceValidationArgs, r: typeof report) => void)(
                asArgs(subject, config, stack),
                report,
            );
        }
    }
    return found;
}

function asArgs(subject: Subject, config: object, stack: string): ResourceValidationArgs {
    return {
        type: subject.type,
        name: subject.name,
        urn: `urn:pulumi:${stack}::sandbox-gateway::${subject.type}::${subject.name}`,
        props: subject.inputs,
        opts: { protect: subject.protect },
        getConfig: () => config,
    } as unknown as ResourceValidationArgs;
}

function asStack(subjects: readonly Subject[]): PolicyResource[] {
    const all = subjects.map((s) => ({
        ...s,
        urn: s.name,
        props: s.inputs,
    })) as unknown as PolicyResource[];
    return all.map((resource, i) => ({
        ...resource,
        propertyDependencies: Object.fromEntries(
            Object.entries((subjects[i] as Subject).propertyDependencies).map(([key, names]) => [
                key,
                all.filter(({ name }) => names.includes(name)),
            ]),
        ),
    }));
}

/** The program's resources, one of them changed. */
function spoiled(name: string, change: (subject: Mutable) => void): Subject[] {
    const copy = structuredClone(resources) as unknown as Mutable[];
    const found = copy.filter((r) => r.name === name && !r.type.startsWith("sandbox-gateway:"));
    expect(found).toHaveLength(1);
    change(found[0] as Mutable);
    return copy as unknown as Subject[];
}

type Mutable = {
    type: string;
    name: string;
    inputs: any;
    protect: boolean;
    propertyDependencies: any;
};

const pod = (subject: Mutable) => subject.inputs.spec.template.spec;
const agent = (subject: Mutable) => pod(subject).containers[0];

const k3sConfig = (subject: Mutable) =>
    subject.inputs.uploads.find(({ file }: any) => file === "/etc/rancher/k3s/config.yaml");
const AUTHORIZED = "kube-apiserver-arg: authorization-mode=AlwaysAllow";

describe("the program", () => {
    it("violates nothing", () => {
        expect(resources.length).toBeGreaterThan(25);
        expect(violations(resources)).toEqual([]);
    });

    it("violates nothing while it is stopped", () => {
        expect(stopped.map(({ name }) => name)).toContain("gateway-keeper");
        expect(violations(stopped)).toEqual([]);
    });

    it("has every kind that a rule speaks of", () => {
        expect(policies.map(({ name }) => name)).toHaveLength(25);
        expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
    });
});

describe("a spoiled program is refused by the rule that is meant for it", () => {
    const GATEWAY = "gateway-k3s";
    const unprotected = (name: string): [string, (s: Mutable) => void, string] => [
        name,
        (s) => (s.protect = false),
        `stateful-resources-protected: ${name} holds data or identity and must be protected.`,
    ];
    it.each<[string, (subject: Mutable) => void, string]>([
        unprotected("gateway-data"),
        unprotected("gateway-identity-server-ca"),
        unprotected("gateway-identity-client-ca"),
        unprotected("gateway-identity-token"),
        unprotected("gateway-namespace"),
        unprotected("assistant-workspace"),
        unprotected("assistant-agent"),
        unprotected("assistant-token"),
        [
            "gateway-workspace-class",
            (s) => (s.inputs.reclaimPolicy = "Delete"),
            "workspace-class-retains: gateway-workspace-class must have the reclaim policy Retain, not Delete.",
        ],
        [
            "gateway-workspace-class",
            (s) => delete s.inputs.reclaimPolicy,
            "workspace-class-retains: gateway-workspace-class must have the reclaim policy Retain, not Delete.",
        ],
        [
            "assistant-workspace",
            (s) => delete s.inputs.metadata.name,
            "stateful-names-explicit: assistant-workspace must set metadata.name.",
        ],
        [
            "tool-agent",
            (s) => delete s.inputs.metadata.name,
            "stateful-names-explicit: tool-agent must set metadata.name.",
        ],
        [
            GATEWAY,
            (s) => delete s.inputs.hostname,
            "hostname-is-node-name: gateway-k3s must set a hostname: Docker's own changes with every container.",
        ],
        [
            GATEWAY,
            (s) => (s.inputs.hostname = "other"),
            "hostname-is-node-name: gateway-k3s must have the hostname other as node-name in k3s's settings.",
        ],
        ...[
            ['disable-network-policy: "true"', "disable-network-policy: true"],
            ["disable-network-policy: true", "disable-network-policy: true"],
            ['"kubelet-arg+": ["anonymous-auth=true"]', "kubelet-arg: anonymous-auth=true"],
            ["kube-apiserver-arg:\n  - authorization-mode=AlwaysAllow", AUTHORIZED],
            ["a: [", "a file that is no YAML"],
        ].map(([text, found]): [string, (s: Mutable) => void, string] => [
            GATEWAY,
            (s) => (k3sConfig(s).content += `${text}\n`),
            `isolation-on: gateway-k3s must not open sandboxes in k3s's settings: ${found}.`,
        ]),
        [
            GATEWAY,
            (s) =>
                s.inputs.uploads.push({
                    file: "/etc/rancher/k3s/config.yaml.d/x.yaml",
                    content: "rootless: true",
                }),
            "isolation-on: gateway-k3s must not open sandboxes in k3s's settings: rootless: true.",
        ],
        [
            GATEWAY,
            (s) => (s.inputs.volumes[0].containerPath = "/elsewhere"),
            "data-on-named-volume: gateway-k3s must mount a named volume at /var/lib/rancher/k3s.",
        ],
        [
            GATEWAY,
            (s) => (s.inputs.volumes[0].readOnly = true),
            "data-on-named-volume: gateway-k3s must mount a named volume at /var/lib/rancher/k3s.",
        ],
        [
            GATEWAY,
            (s) => {
                s.inputs.volumes[0].containerPath = "/elsewhere";
                s.inputs.volumes.push({ hostPath: "/d", containerPath: "/var/lib/rancher/k3s" });
            },
            "data-on-named-volume: gateway-k3s must mount a named volume at /var/lib/rancher/k3s.",
        ],
        [
            GATEWAY,
            (s) => delete s.inputs.networksAdvanced[0].ipv4Address,
            "fixed-address: gateway-k3s must have an ipv4Address in its network.",
        ],
        [
            GATEWAY,
            (s) => (s.inputs.ports[1].ip = "0.0.0.0"),
            "published-on-loopback: gateway-k3s must publish port 18789 on 127.0.0.1, not on 0.0.0.0.",
        ],
        [
            GATEWAY,
            (s) => delete s.inputs.ports[0].ip,
            "published-on-loopback: gateway-k3s must publish port 16443 on 127.0.0.1, not on 0.0.0.0.",
        ],
        [
            "gateway-kubernetes",
            (s) => delete s.inputs.clusterIdentifier,
            "provider-keeps-resources: gateway-kubernetes must set clusterIdentifier: without it, a new kubeconfig replaces everything.",
        ],
        [
            "gateway-kubernetes",
            (s) => (s.inputs.deleteUnreachable = "true"),
            "provider-keeps-resources: gateway-kubernetes must not set deleteUnreachable: it forgets everything while the gateway is stopped.",
        ],
        [
            "gateway-kubernetes",
            (s) => (s.propertyDependencies = { kubeconfig: [GATEWAY] }),
            "provider-independent-of-container: gateway-kubernetes must not take kubeconfig from the container gateway-k3s.",
        ],
        [
            "assistant-agent",
            (s) => (agent(s).securityContext.privileged = true),
            "no-privileged-pod: assistant-agent: container agent must not be privileged and must set allowPrivilegeEscalation to false.",
        ],
        [
            "assistant-agent",
            (s) => delete agent(s).securityContext.allowPrivilegeEscalation,
            "no-privileged-pod: assistant-agent: container agent must not be privileged and must set allowPrivilegeEscalation to false.",
        ],
        [
            "tool-agent",
            (s) => (agent(s).securityContext.seccompProfile = { type: "Unconfined" }),
            "seccomp-on: tool-agent: container agent must have the seccomp profile RuntimeDefault, or one of the node's.",
        ],
        [
            "tool-agent",
            (s) => (agent(s).securityContext.capabilities.add = ["NET_ADMIN"]),
            "capabilities-dropped: tool-agent: container agent must not add NET_ADMIN.",
        ],
        [
            "tool-agent",
            (s) => delete agent(s).securityContext.capabilities,
            "capabilities-dropped: tool-agent: container agent must drop the capabilities ALL.",
        ],
        [
            "tool-agent",
            (s) => (agent(s).securityContext.capabilities.add = ["CHOWN"]),
            "capabilities-dropped: tool-agent: container agent must not add CHOWN.",
        ],
        [
            "tool-agent",
            (s) => pod(s).initContainers.at(-1).securityContext.capabilities.add.push("SYS_ADMIN"),
            "capabilities-dropped: tool-agent: container workspace-init must not add SYS_ADMIN.",
        ],
        ...[
            (s: Mutable) => (agent(s).securityContext.runAsNonRoot = false),
            (s: Mutable) => (agent(s).securityContext.runAsUser = 0),
            (s: Mutable) => delete agent(s).securityContext.runAsNonRoot,
        ].map((change): [string, (s: Mutable) => void, string] => [
            "tool-agent",
            change,
            "runs-as-non-root: tool-agent: container agent must set runAsNonRoot, with a user above 0.",
        ]),
        [
            "assistant-agent",
            (s) => (pod(s).initContainers[1].securityContext.privileged = true),
            "no-privileged-pod: assistant-agent: container workspace-init must not be privileged and must set allowPrivilegeEscalation to false.",
        ],
        ...(
            [
                [(p) => p.initContainers.reverse(), "workspace-init"],
                [(p) => p.initContainers.shift(), "workspace-init"],
                [(p) => delete p.initContainers, "its agent"],
                [(p) => (p.initContainers[0].command = ["/bin/true"]), "gate"],
                [(p) => (p.initContainers[0].restartPolicy = "Always"), "gate"],
            ] as [(p: any) => void, string][]
        ).map(([change, first]): [string, (s: Mutable) => void, string] => [
            "assistant-agent",
            (s) => change(pod(s)),
            `gate-first: assistant-agent must begin with a container gate that runs /bin/sh /opt/sandbox-gateway/gate.sh to its end, not with ${first}.`,
        ]),
        ...["hostNetwork", "hostPID", "hostIPC"].map(
            (key): [string, (s: Mutable) => void, string] => [
                "tool-agent",
                (s) => (pod(s)[key] = true),
                `no-host-namespace: tool-agent must not set ${key}.`,
            ],
        ),
        [
            "tool-agent",
            (s) => pod(s).volumes.push({ name: "h", hostPath: { path: "/etc" } }),
            "no-host-path: tool-agent must not mount the host path /etc.",
        ],
        [
            "tool-agent",
            (s) => delete pod(s).automountServiceAccountToken,
            "no-service-account-token: tool-agent must set automountServiceAccountToken to false.",
        ],
        [
            "tool-agent",
            (s) => delete agent(s).resources.limits.memory,
            "memory-limited: tool-agent: container agent must have a memory limit.",
        ],
        [
            "assistant-agent",
            (s) => agent(s).env.push({ name: "GITHUB_TOKEN", value: "ghp_1" }),
            "no-secret-in-env: assistant-agent: container agent must not hold the value of GITHUB_TOKEN in clear.",
        ],
        [
            "assistant-agent",
            (s) => delete agent(s).livenessProbe,
            "probes-present: assistant-agent: container agent must have a readiness and a liveness probe.",
        ],
        [
            "assistant-agent",
            (s) => delete agent(s).readinessProbe,
            "probes-present: assistant-agent: container agent must have a readiness and a liveness probe.",
        ],
    ])("%s", (name, change, message) => {
        expect(violations(spoiled(name, change))).toEqual([message]);
    });

    it("without the default-deny policy, once for each sandbox", () => {
        const message = (sandbox: string) =>
            `default-deny-per-namespace: ${sandbox} must run in a namespace with a default-deny policy; sandboxes has none.`;
        for (const change of [
            (s: Mutable) => (s.inputs.spec.policyTypes = ["Ingress"]),
            (s: Mutable) => (s.inputs.spec.podSelector = { matchLabels: { a: "b" } }),
            (s: Mutable) => (s.inputs.spec.egress = [{}]),
        ]) {
            expect(violations(spoiled("gateway-default-deny", change)).sort()).toEqual([
                message("assistant-agent"),
                message("tool-agent"),
            ]);
        }
    });

    it("with a volume that no container holds, while stopped as well", () => {
        const message =
            "volume-held-by-container: gateway-data must be mounted by a container: Docker's clean-ups take what none uses.";
        const without = stopped.filter(({ name }) => name !== "gateway-keeper");
        expect(violations(without)).toEqual([message]);
        expect(violations(without, { exempt: ["gateway-data"] })).toEqual([]);
        const other = spoiled(GATEWAY, (s) => (s.inputs.volumes[0].volumeName = "other"));
        expect(violations(other)).toEqual([message]);
    });

    it("with tags instead of digests outside development stacks", () => {
        const found = violations(resources, {}, "production");
        expect(found).toContain(
            "images-by-digest: tool-agent: container agent must name its image by digest, not busybox:1.37.0.",
        );
        expect(found).toContainEqual(
            expect.stringMatching(
                /^gateway-image-by-digest: gateway-image-[0-9a-f]{8} must be named by digest, not rancher\/k3s:/,
            ),
        );
        expect(
            found.every((violation) => /^(gateway-image|images)-by-digest: /.test(violation)),
        ).toBe(true);
    });
});

describe("what a pod says for its containers", () => {
    it("counts where they say nothing", () => {
        const changed = spoiled("tool-agent", (s) => {
            delete agent(s).securityContext.runAsNonRoot;
            delete agent(s).securityContext.runAsUser;
            Object.assign(pod(s).securityContext, { runAsNonRoot: true, runAsUser: 7 });
        });
        expect(violations(changed)).toEqual([]);
    });

    it("is asked of every container: without seccomp for the pod, each is named", () => {
        const changed = spoiled("tool-agent", (s) => delete pod(s).securityContext);
        const found = changed.find(({ name }) => name === "tool-agent") as unknown as Mutable;
        const containers: any[] = [pod(found).initContainers, pod(found).containers].flat();
        expect(violations(changed)).toEqual(
            containers.map(
                ({ name }) =>
                    `seccomp-on: tool-agent: container ${name} must have the seccomp profile RuntimeDefault, or one of the node's.`,
            ),
        );
    });
});

describe("every kind of workload", () => {
    const spec = { hostNetwork: true, automountServiceAccountToken: false };
    it.each([
        ["kubernetes:core/v1:Pod", { spec }],
        ["kubernetes:apps/v1:Deployment", { spec: { template: { spec } } }],
        ["kubernetes:apps/v1:DaemonSet", { spec: { template: { spec } } }],
        ["kubernetes:apps/v1:ReplicaSet", { spec: { template: { spec } } }],
        ["kubernetes:core/v1:ReplicationController", { spec: { template: { spec } } }],
        ["kubernetes:batch/v1:Job", { spec: { template: { spec } } }],
        [
            "kubernetes:batch/v1:CronJob",
            { spec: { jobTemplate: { spec: { template: { spec } } } } },
        ],
    ])("%s is looked into", (type, inputs) => {
        const subject = {
            type,
            name: "w",
            inputs,
            provider: "",
            protect: false,
            retainOnDelete: false,
            propertyDependencies: {},
        };
        expect(violations([subject])).toEqual(["no-host-namespace: w must not set hostNetwork."]);
    });
});

describe("configuration", () => {
    it("leaves resources out by name", () => {
        const changed = spoiled("gateway-data", (s) => (s.protect = false));
        expect(violations(changed, { exempt: ["gateway-data"] })).toEqual([]);
    });

    it("takes settings of k3s that close what is closed already", () => {
        const changed = spoiled("gateway-k3s", (s) => {
            k3sConfig(s).content += 'disable-network-policy: "false"\nkubelet-arg+: ["v=2"]\n';
        });
        expect(violations(changed)).toEqual([]);
    });

    it("leaves them out of the rules about relations, too", () => {
        const changed = spoiled("gateway-default-deny", (s) => (s.inputs.spec.egress = [{}]));
        expect(violations(changed, { exempt: ["assistant-agent", "tool-agent"] })).toEqual([]);
    });

    it("leaves single variables out, everywhere or of one resource", () => {
        const changed = spoiled("assistant-agent", (s) => {
            agent(s).env.push({ name: "GH_PAT", value: "x" }, { name: "MY_TOKEN", value: "y" });
        });
        const message = (names: string) =>
            `no-secret-in-env: assistant-agent: container agent must not hold the value of ${names} in clear.`;
        expect(violations(changed)).toEqual([message("GH_PAT, MY_TOKEN")]);
        expect(violations(changed, { variables: ["GH_PAT", "tool-agent/MY_TOKEN"] })).toEqual([
            message("MY_TOKEN"),
        ]);
        expect(violations(changed, { variables: ["GH_PAT", "assistant-agent/MY_TOKEN"] })).toEqual(
            [],
        );
    });

    it("lists addresses to publish on", () => {
        const changed = spoiled("gateway-k3s", (s) => (s.inputs.ports[1].ip = "192.168.7.2"));
        expect(violations(changed, { addresses: ["127.0.0.1", "192.168.7.2"] })).toEqual([]);
    });
});
