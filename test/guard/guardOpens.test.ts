/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- a test spoils what the types forbid */
/** What a change opens, and what it does not: each both ways. */
import { describe, expect, it } from "vitest";
import { openings } from "../../guard/opens";
import type { State, Step } from "../../guard/rules";
import { renderProxy } from "../../components/outbound/haproxy";
import type { HostRule } from "../../model/hosts";
import { listenersOf } from "../../components/outbound/listeners";
import { defaultDeny, sandboxPolicy, type Egress } from "../../components/cluster/networkPolicy";

const urn = (type: string, name: string) =>
    `urn:pulumi:dev::sandbox-gateway::sandbox-gateway:index:Gateway$${type}::${name}`;

const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";
const GATEWAY = "sandbox-gateway:index:Gateway";
const CONTAINER = "docker:index/container:Container";
const SET = "kubernetes:apps/v1:StatefulSet";
const CLUSTER = "sandbox-gateway:index:ExistingCluster";
const NAMESPACE = "kubernetes:core/v1:Namespace";
const SERVICE = "kubernetes:core/v1:Service";

const step = (type: string, before?: object, after?: object, name = "x"): Step => ({
    op: before ? (after ? "update" : "delete") : "create",
    urn: urn(type, name),
    causes: [],
    protected: false,
    ...(before ? { before: { inputs: before } as State } : {}),
    ...(after ? { after: { inputs: after } as State } : {}),
});

const opens = (...steps: Step[]) => openings(steps, []).flatMap((each) => each.opens);

const policy = (egress: Egress[], more: object = {}) => ({
    spec: sandboxPolicy({
        sandbox: "a",
        port: 80,
        internalNetworks: ["10.42.0.0/16"],
        egress,
        ...more,
    }),
});

const LAN = { cidr: "192.168.7.0/24" };

describe("a network policy", () => {
    it.each<[string, object, object, string[]]>([
        ["to the internet", policy([LAN]), policy([LAN, "internet"]), ["egress to 0.0.0.0/0"]],
        ["to all", policy(["internet"]), policy([{ cidr: "0.0.0.0/0" }]), ["egress to 0.0.0.0/0"]],
        [
            "to metadata beside the internet",
            policy(["internet"]),
            policy(["internet", { cidr: "169.254.169.254/32" }]),
            ["egress to 169.254.169.254/32"],
        ],
        [
            "to every port of a network",
            policy([{ ...LAN, ports: [443] }]),
            policy([LAN]),
            ["egress to 192.168.7.0/24"],
        ],
        [
            "to another port",
            policy([{ ...LAN, ports: [443] }]),
            policy([{ ...LAN, ports: [443, 22] }]),
            ["egress to 192.168.7.0/24, TCP 22"],
        ],
        [
            "to a wider network",
            policy([LAN]),
            policy([{ cidr: "192.168.0.0/16" }]),
            ["egress to 192.168.0.0/16"],
        ],
        [
            "from pods",
            policy([]),
            policy([], { ingressFrom: [{ namespace: "n" }] }),
            [
                'ingress from {"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"n"}}}, TCP 80',
            ],
        ],
        [
            "from inside the cluster",
            policy([]),
            policy([], { internalNetworks: [] }),
            ["ingress from 0.0.0.0/0, TCP 80"],
        ],
        [
            "at another port",
            policy([]),
            policy([], { port: 81 }),
            ["ingress from 0.0.0.0/0, TCP 81"],
        ],
        [
            "that no longer limits",
            policy([]),
            { spec: { ...policy([]).spec, policyTypes: ["Ingress"] } },
            ["egress is no longer limited"],
        ],
        [
            "for other pods",
            policy([]),
            { spec: { ...policy([]).spec, podSelector: {} } },
            ["it is for other pods"],
        ],
        [
            "that lets everybody in",
            policy([]),
            { spec: { ...policy([]).spec, ingress: [{}] } },
            ["ingress from everybody"],
        ],
    ])("opens, %s", (_, before, after, expected) => {
        expect(opens(step(POLICY, before, after))).toEqual(expected);
    });

    it.each<[string, object, object]>([
        ["the same in another order", policy(["internet", LAN]), policy([LAN, "internet"])],
        ["less", policy(["internet", LAN]), policy([])],
        ["ports of a network that was open", policy([LAN]), policy([{ ...LAN, ports: [443] }])],
        ["a part of it", policy([LAN]), policy([{ cidr: "192.168.7.8/32" }])],
        ["a part of the internet", policy(["internet"]), policy([{ cidr: "1.1.1.0/24" }])],
        [
            "networks left out",
            policy([]),
            policy([], { internalNetworks: ["10.42.0.0/15", "10.96.0.0/12"] }),
        ],
    ])("does not open with %s", (_, before, after) => {
        expect(opens(step(POLICY, before, after))).toEqual([]);
    });

    it("counts a part of what was left out as more", () => {
        const after = policy(["internet", { cidr: "10.0.0.0/24" }]);
        expect(opens(step(POLICY, policy(["internet"]), after))).toEqual(["egress to 10.0.0.0/24"]);
    });

    it("opens by going when it denies, and not when it allows", () => {
        expect(opens(step(POLICY, { spec: defaultDeny() }))).toEqual([
            "what it closes is open without it",
        ]);
        expect(opens(step(POLICY, policy(["internet"])))).toEqual([]);
    });

    it("of a new sandbox may allow what one of another does, at a port of its own", () => {
        const there = step(POLICY, policy(["internet"]), policy(["internet"]), "there");
        const fresh = (egress: Egress[]) =>
            step(POLICY, undefined, policy(egress, { port: 81 }), "new");
        expect(opens(there, fresh([]))).toEqual([]);
        expect(opens(there, fresh(["internet"]))).toEqual([]);
        expect(opens(there, fresh([{ cidr: "0.0.0.0/0" }]))).toEqual(["egress to 0.0.0.0/0"]);
    });
});

const pod = (change: (spec: Record<string, any>) => void = () => undefined) => {
    const spec: Record<string, any> = {
        automountServiceAccountToken: false,
        securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        containers: [
            {
                name: "agent",
                securityContext: {
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ["ALL"] },
                    runAsNonRoot: true,
                    runAsUser: 1000,
                },
            },
        ],
        initContainers: [
            {
                name: "workspace-init",
                securityContext: {
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ["ALL"], add: ["CHOWN"] },
                    runAsUser: 0,
                },
            },
        ],
    };
    change(spec);
    return { spec: { template: { spec } } };
};
const agent = (spec: Record<string, any>) => spec["containers"][0].securityContext;

const WEAKER: [string, (spec: Record<string, any>) => void][] = [
    ["container agent may be root", (s) => (agent(s).runAsUser = 0)],
    ["container agent may be root", (s) => (agent(s).runAsNonRoot = false)],
    ["container agent is privileged", (s) => (agent(s).privileged = true)],
    ["container agent may gain privileges", (s) => delete agent(s).allowPrivilegeEscalation],
    ["container agent keeps capabilities", (s) => (agent(s).capabilities = {})],
    [
        "container agent has the capability CHOWN",
        (s) => (agent(s).capabilities = { drop: ["ALL"], add: ["CHOWN"] }),
    ],
    [
        "container workspace-init has the capability SYS_ADMIN",
        (s) => s["initContainers"][0].securityContext.capabilities.add.push("SYS_ADMIN"),
    ],
    ["container agent has no seccomp", (s) => (agent(s).seccompProfile = { type: "Unconfined" })],
    ["it holds a token of Kubernetes", (s) => delete s["automountServiceAccountToken"]],
    ["hostNetwork is set", (s) => (s["hostNetwork"] = true)],
    ["it mounts /etc of its node", (s) => (s["volumes"] = [{ hostPath: { path: "/etc" } }])],
];

describe("a pod", () => {
    it.each(WEAKER)("%s: by a change, or in a sandbox that is new", (expected, change) => {
        expect(opens(step(SET, pod(), pod(change)))).toEqual([expected]);
        expect(opens(step(SET, undefined, pod(change)))).toEqual([expected]);
        // It was so, or it was so and no longer is.
        expect(opens(step(SET, pod(change), pod(change)))).toEqual([]);
        expect(opens(step(SET, pod(change), pod()))).toEqual([]);
    });

    it.each<[(spec: Record<string, any>) => void, string]>([
        [(s) => (s["runtimeClassName"] = "gvisor"), "runtimeClassName is unset instead of gvisor"],
        [(s) => (s["hostUsers"] = false), "hostUsers is unset instead of false"],
        [
            (s) => (agent(s).readOnlyRootFilesystem = true),
            "readOnlyRootFilesystem of agent is unset instead of true",
        ],
    ])("that had a wall and has none: %#", (change, expected) => {
        expect(opens(step(SET, pod(change), pod()))).toEqual([expected]);
        expect(opens(step(SET, pod(), pod(change)))).toEqual([]);
        expect(opens(step(SET, pod(change), pod(change)))).toEqual([]);
    });

    it("has another runtime class", () => {
        const of = (name: string) => pod((s) => (s["runtimeClassName"] = name));
        expect(opens(step(SET, of("gvisor"), of("runc")))).toEqual([
            "runtimeClassName is runc instead of gvisor",
        ]);
    });

    it.each(["kubernetes:core/v1:Pod", "kubernetes:batch/v1:CronJob"])("of a %s too", (type) => {
        const { spec } = pod((s) => (s["hostPID"] = true)).spec.template;
        const inputs = type.endsWith("Pod")
            ? { spec }
            : { spec: { jobTemplate: { spec: { template: { spec } } } } };
        expect(opens(step(type, undefined, inputs))).toEqual(["hostPID is set"]);
    });
});

describe("the place", () => {
    const labels = (enforce?: string) => ({
        metadata: { labels: enforce ? { "pod-security.kubernetes.io/enforce": enforce } : {} },
    });
    const service = (type?: string) => ({ spec: type ? { type } : {} });
    const config = (k3s: object) => ({ bindAddress: "127.0.0.1", apiHost: "127.0.0.1", k3s });

    it.each<[string, object | undefined, object, string]>([
        [
            GATEWAY,
            { bindAddress: "127.0.0.1" },
            { bindAddress: "0.0.0.0" },
            "sandboxes are published on 0.0.0.0",
        ],
        [
            GATEWAY,
            { apiHost: "127.0.0.1" },
            { apiHost: "h.example.org" },
            "the Kubernetes API is reached at h.example.org",
        ],
        [
            GATEWAY,
            config({}),
            config({ "disable-network-policy": true }),
            "disable-network-policy: true",
        ],
        [
            GATEWAY,
            config({ "kubelet-arg": ["v=2"] }),
            config({ "kubelet-arg": ["v=2", "anonymous-auth=true"] }),
            "kubelet-arg: anonymous-auth=true",
        ],
        [
            CONTAINER,
            { ports: [{ ip: "127.0.0.1" }] },
            { ports: [{ ip: "127.0.0.1" }, {}] },
            "it is published on 0.0.0.0",
        ],
        [CONTAINER, {}, { volumes: [{ hostPath: "/" }] }, "it mounts / of the machine"],
        [
            CONTAINER,
            {},
            { mounts: [{ type: "bind", source: "/x" }] },
            "it mounts /x of the machine",
        ],
        [
            CONTAINER,
            { networkMode: "bridge" },
            { networkMode: "host" },
            "it has the machine's network",
        ],
        [CONTAINER, {}, { pidMode: "host" }, "it sees the machine's processes"],
        [CLUSTER, {}, { ingressFrom: [{ namespace: "n" }] }, 'ingress from {"namespace":"n"}'],
        [
            CLUSTER,
            { internalNetworks: ["10.42.0.0/16"] },
            { internalNetworks: [] },
            "ingress from 10.42.0.0/16, which counted as inside",
        ],
        [NAMESPACE, labels("baseline"), labels(), "Pod Security admission enforces less"],
        [
            NAMESPACE,
            labels("restricted"),
            labels("baseline"),
            "Pod Security admission enforces less",
        ],
        [SERVICE, service(), service("NodePort"), "it is of the type NodePort"],
        [SERVICE, undefined, service("LoadBalancer"), "it is of the type LoadBalancer"],
        [
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
            undefined,
            {},
            "it gives rights in Kubernetes",
        ],
    ])("%s: %j to %j", (type, before, after, expected) => {
        expect(opens(step(type, before, after))).toEqual([expected]);
        expect(opens(step(type, after, after))).toEqual([]);
        if (before) {
            expect(opens(step(type, after, before))).toEqual([]);
        }
    });

    it.each<[string, object | undefined, object | undefined]>([
        // A start, and a stop.
        [CONTAINER, undefined, { ports: [{ ip: "0.0.0.0" }] }],
        [CONTAINER, { ports: [{ ip: "0.0.0.0" }] }, undefined],
        [SERVICE, undefined, service("NodePort")],
        [NAMESPACE, undefined, labels("baseline")],
        [NAMESPACE, labels("baseline"), labels("restricted")],
        [GATEWAY, config({}), config({ "kubelet-arg": ["v=2"], debug: true })],
    ])("%s: nothing from %j to %j", (type, before, after) => {
        expect(opens(step(type, before, after))).toEqual([]);
    });
});

describe("protection", () => {
    const lifted = (name: string): Step => ({
        ...step("docker:index/volume:Volume", {}, {}, name),
        before: { protect: true, inputs: {} },
        after: { inputs: {} },
    });

    it("that is lifted is told of each resource, and can be allowed for all", () => {
        const steps = [lifted("a"), lifted("b")];
        expect(openings(steps, []).map(({ name, opens: what }) => [name, ...what])).toEqual([
            ["a", "it is no longer protected"],
            ["b", "it is no longer protected"],
        ]);
        expect(openings(steps, ["a"]).map(({ name }) => name)).toEqual(["b"]);
        expect(openings(steps, ["protection"])).toEqual([]);
    });

    it("that is given, or goes with the resource, is nothing", () => {
        const { before, after, ...rest } = lifted("a");
        expect(openings([{ ...rest, before: after!, after: before! }], [])).toEqual([]);
        expect(openings([{ ...rest, op: "delete", before: before! }], [])).toEqual([]);
    });

    it("allows nothing besides", () => {
        const steps = [step(POLICY, policy([]), policy(["internet"]))];
        expect(openings(steps, ["protection"])).toHaveLength(1);
    });
});

describe("openings", () => {
    const change = step(POLICY, policy([LAN]), policy([LAN, "internet"]), "a-network");

    it("name the resource, what gets open, and what to do", () => {
        expect(openings([change], [])).toEqual([
            {
                type: POLICY,
                name: "a-network",
                urn: change.urn,
                opens: ["egress to 0.0.0.0/0"],
                next: "put it back; or, if it is meant to be open, --allow-open a-network",
            },
        ]);
    });

    it("are allowed by name or by URN, exactly", () => {
        expect(openings([change], ["a-network"])).toEqual([]);
        expect(openings([change], [change.urn])).toEqual([]);
        expect(openings([change], ["a"])).toHaveLength(1);
    });

    it("of a stack that is new are none: all of it is looked at", () => {
        const fresh = [
            step(POLICY, undefined, policy(["internet"])),
            step(
                SET,
                undefined,
                pod((s) => (agent(s).runAsUser = 0)),
            ),
        ];
        const stack = "pulumi:pulumi:Stack";
        expect(openings([step(stack, undefined, {}), ...fresh], [])).toEqual([]);
        expect(openings([step(stack, {}, {}), ...fresh], [])).toHaveLength(2);
        // A preview without what stays the same.
        expect(openings(fresh, [])).toHaveLength(2);
    });

    it("are seen through the steps of a replacement", () => {
        const steps: Step[] = [
            {
                ...step(
                    SET,
                    pod(),
                    pod((s) => (s["hostIPC"] = true)),
                ),
                op: "create-replacement",
            },
            { ...step(SET, pod()), op: "delete-replaced" },
        ];
        expect(opens(...steps)).toEqual(["hostIPC is set"]);
        expect(opens(...steps.reverse())).toEqual(["hostIPC is set"]);
    });
});

describe("the outbound proxy", () => {
    const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
    const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
    const config = (hosts: HostRule[], edit = (text: string) => text) => {
        const clients = [{ sandbox: "a", hosts, inference: false, resolvesAll: false }];
        const text = renderProxy(clients, listenersOf(clients), ["10.0.0.0/8"]);
        return { data: { "haproxy.cfg": edit(text), Corefile: "" } };
    };
    const pod = (hash: string) => ({
        spec: {
            selector: { matchLabels: { "sandbox-gateway.dev/outbound": "proxy" } },
            template: {
                metadata: { annotations: { "sandbox-gateway.dev/models-hash": hash } },
                spec: { containers: [] },
            },
        },
    });
    const A = { host: "a.org" };
    const B = { host: "*.b.org" };

    it.each<[string, object, object, string[]]>([
        ["another host", config([A]), config([A, B]), ["a-443 reaches *.b.org"]],
        ["a host less", config([A, B]), config([A]), []],
        [
            "another port",
            config([A]),
            config([{ ...A, ports: [443, 8443] }]),
            ["a-8443 reaches a.org"],
        ],
        [
            "an address of a private network",
            config([A]),
            config([{ ...A, private: true }]),
            ["a-443 reaches a.org at an address of a private network"],
        ],
        [
            "a rule that is gone",
            config([A]),
            config([A], (text) => text.replace(/.*reject unless listed.*\n/, "")),
            ["frontend a-443 decides by other rules"],
        ],
        [
            "another server",
            config([A]),
            config([A], (text) => text.replace("server any 0.0.0.0:0", "server any 6.6.6.6:443")),
            ["backend tls decides by other rules"],
        ],
        [
            "a way past everything",
            config([A]),
            config([A], (text) => `${text}\nlisten all\n    mode tcp\n`),
            ["listen all is new"],
        ],
        ["nothing", config([A, B]), config([B, A]), []],
    ])("that has %s", (_, before, after, expected) => {
        expect(opens(step(CONFIG_MAP, before, after))).toEqual(expected);
    });

    it("that leads a model's key elsewhere", () => {
        expect(opens(step(DEPLOYMENT, pod("1"), pod("2")))).toEqual([
            "a model is somewhere else, or has another key: the key goes there",
        ]);
        expect(opens(step(DEPLOYMENT, pod("1"), pod("1")))).toEqual([]);
    });
});
