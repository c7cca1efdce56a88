/** A cluster that others use as well: what the program declares in it. */
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { refusalOfNamespace } from "../../components/cluster/existingCluster";
import { ownNamespace } from "../../model/names";
import { keysOf } from "../../settings/keys";
import { find, type Found, type Recorded, type Stashed } from "../support/mocks";
import { inputs, run, value } from "../support/program";

const KUBECONFIG = path.join(__dirname, "..", "fixtures", "kubeconfig");

const NAMESPACE = "kubernetes:core/v1:Namespace";
const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";

const config = (existing: object = {}, rest: object = {}) => ({
    existingCluster: {
        ...{ kubeconfig: KUBECONFIG, context: "c", storageClass: "s", host: "h" },
        ...existing,
    },
    sandboxes: { tool: { image: "busybox:1.37.0", application: { port: 8080 } } },
    ...rest,
});

/** As an earlier version made it. */
const EARLIER: Found = { [NAMESPACE]: { metadata: { name: "sandboxes" } } };

interface Namespaced {
    metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
}

/** Namespaces that objects are put into. */
function namespacesOf(recorded: readonly Recorded[]): Set<string | undefined> {
    const objects = recorded.filter(
        ({ type }) => type.startsWith("kubernetes:") && type !== NAMESPACE,
    );
    expect(objects.length).toBeGreaterThan(5);
    return new Set(
        objects.map(({ inputs: own }) => (own as unknown as Namespaced).metadata.namespace),
    );
}

describe("the namespace of a stack", () => {
    it("is one that no other has, and stays in state", async () => {
        const stashed: Stashed = new Map();
        const first = await run(config(), false, undefined, stashed);
        const { metadata } = inputs<Namespaced>(first.recorded, NAMESPACE);
        const owner = metadata.annotations?.["sandbox-gateway.dev/owner"];
        expect(owner).toMatch(/^[0-9a-f]{32}$/);
        expect(metadata.name).toBe(`sandboxes-test-${owner?.slice(0, 8)}`);
        expect(namespacesOf(first.recorded)).toEqual(new Set([metadata.name]));
        expect(await value(first.outputs["namespace"] as never)).toBe(metadata.name);

        const again = await run(config(), true, undefined, stashed);
        expect(inputs<Namespaced>(again.recorded, NAMESPACE).metadata).toEqual(metadata);
        const other = await run(config());
        expect(inputs<Namespaced>(other.recorded, NAMESPACE).metadata.name).not.toBe(metadata.name);
    });

    it("is the one that is asked for", async () => {
        const { recorded } = await run(config({ namespace: "agents" }));
        expect(inputs<Namespaced>(recorded, NAMESPACE).metadata.name).toBe("agents");
        expect(namespacesOf(recorded)).toEqual(new Set(["agents"]));
    });

    it("keeps the name and the marks it was made with", async () => {
        const { recorded } = await run(config());
        expect(find(recorded, NAMESPACE).ignoreChanges).toEqual([
            "metadata.name",
            "metadata.annotations",
        ]);
        const owner = find(recorded, "pulumi:index:Stash", "cluster-owner");
        expect(owner.ignoreChanges).toEqual(["input"]);
    });

    it.each([
        ["without the key", {}],
        ["with the key as it is", { namespace: "sandboxes" }],
    ])("of an earlier version stays in use everywhere, %s", async (_, existing) => {
        const { recorded, outputs } = await run(
            config(existing),
            false,
            undefined,
            undefined,
            EARLIER,
        );
        expect(namespacesOf(recorded)).toEqual(new Set(["sandboxes"]));
        expect(await value(outputs["namespace"] as never)).toBe("sandboxes");
    });

    it.each([
        [{ namespace: "agents" }, 'existingCluster.namespace: got "agents"; must stay sandboxes'],
        [
            { ingressFrom: [{ namespace: "sandboxes" }] },
            "existingCluster.ingressFrom: got sandboxes; must not be the sandboxes' own namespace",
        ],
    ])("of an earlier version is not left for %j", (existing, message) => {
        const keyOf = keysOf("existingCluster");
        expect(refusalOfNamespace("sandboxes", existing, keyOf)).toContain(message);
        expect(refusalOfNamespace("sandboxes", {}, keyOf)).toBeUndefined();
    });

    it("is the gateway's own on a gateway, as it always was", async () => {
        const { recorded, outputs } = await run({});
        expect(find(recorded, NAMESPACE)).toMatchObject({ ignoreChanges: [], beforeCreate: [] });
        expect(inputs<Namespaced>(recorded, NAMESPACE).metadata).toEqual({
            name: "sandboxes",
            labels: {
                "app.kubernetes.io/managed-by": "sandbox-gateway",
                "pod-security.kubernetes.io/enforce": "baseline",
                "pod-security.kubernetes.io/enforce-version": "v1.35",
                "pod-security.kubernetes.io/audit": "restricted",
                "pod-security.kubernetes.io/audit-version": "v1.35",
            },
        });
        expect(await value(outputs["namespace"] as never)).toBe("sandboxes");
        expect(recorded.filter(({ name }) => name.endsWith("-owner"))).toEqual([]);
    });
});

it("asks the cluster before each object is made in it, in previews too", async () => {
    const { recorded } = await run(config());
    const objects = recorded.filter(({ type }) => type.startsWith("kubernetes:"));
    for (const { type, beforeCreate } of objects) {
        const what = type === NAMESPACE ? "namespace" : "object";
        const name = `cluster: the ${what} is nobody else's`;
        expect([type, beforeCreate]).toEqual([type, [{ name, onDryRun: true }]]);
    }
});

describe("ownNamespace", () => {
    it.each([
        ["dev", "sandboxes-dev-01234567"],
        ["My_Team.Stack", "sandboxes-my-team-stack-01234567"],
        ["-x-", "sandboxes-x-01234567"],
        ["...", "sandboxes-01234567"],
        ["a".repeat(99), `sandboxes-${"a".repeat(44)}-01234567`],
        [`${"a".repeat(43)}-b`, `sandboxes-${"a".repeat(43)}-01234567`],
    ])("of %s is %s, a DNS label", (stack, expected) => {
        const name = ownNamespace(stack, "0123456789abcdef");
        expect(name).toBe(expected);
        expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    });
});

describe("an Ingress controller", () => {
    const ingress = async (existing: object, sandboxes?: object) => {
        const { recorded } = await run(config(existing, sandboxes && { sandboxes }));
        return inputs<{ spec: { ingress: object[] } }>(recorded, POLICY, "tool-network").spec
            .ingress;
    };
    const outside = { ipBlock: { cidr: "0.0.0.0/0", except: ["10.42.0.0/16", "10.43.0.0/16"] } };
    const ports = [{ port: 8080, protocol: "TCP" }];

    it("reaches nothing by default", async () => {
        expect(await ingress({})).toEqual([{ from: [outside], ports }]);
    });

    it("that is named reaches the sandbox's port, by its pods' labels where they are given", async () => {
        const ingressFrom = [
            { namespace: "ingress-nginx" },
            { namespace: "kube-system", labels: { "app.kubernetes.io/name": "traefik" } },
        ];
        const name = (namespace: string) => ({
            matchLabels: { "kubernetes.io/metadata.name": namespace },
        });
        expect(await ingress({ ingressFrom, serviceType: "ClusterIP" })).toEqual([
            {
                from: [
                    outside,
                    { namespaceSelector: name("ingress-nginx") },
                    {
                        namespaceSelector: name("kube-system"),
                        podSelector: { matchLabels: { "app.kubernetes.io/name": "traefik" } },
                    },
                ],
                ports,
            },
        ]);
    });

    it("reaches nothing in a sandbox without an application", async () => {
        const ingressFrom = [{ namespace: "ingress-nginx" }];
        expect(await ingress({ ingressFrom }, { tool: { image: "busybox:1.37.0" } })).toEqual([]);
    });
});
