/** The outbound proxy as the engine is asked for it, and what a sandbox is told of it. */
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../support/program";
import { find, isSecret, type Recorded } from "../support/mocks";

const KEY = "sk-of-the-test";
const inference = { baseUrl: "https://api.example.org/v1", apiKey: KEY, model: "m-1" };

async function program(sandboxes: object, rest: object = {}) {
    const { recorded } = await run({
        gateway: { name: "Test", subnet: "10.213.77.0/24" },
        sandboxes,
        ...rest,
    });
    return recorded;
}

const ofProxy = (recorded: readonly Recorded[]) =>
    recorded.filter(
        ({ type, name }) => name.includes("outbound") && type !== "pulumi:providers:kubernetes",
    );

interface Pod {
    readonly spec: {
        readonly replicas: number;
        readonly template: { readonly spec: Record<string, unknown> };
    };
}

const podOf = (recorded: readonly Recorded[], type: string) =>
    (find(recorded, type).inputs as unknown as Pod).spec;

const SET = "kubernetes:apps/v1:StatefulSet";
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const agent = { image: "busybox:1.37.0" };

describe("the outbound proxy", () => {
    it("is not there as long as nobody needs it", async () => {
        const recorded = await program({
            a: { ...agent, egress: ["internet", { cidr: "1.2.3.0/24" }] },
            b: { ...agent, inference: { ...inference, proxy: false } },
        });
        expect(ofProxy(recorded)).toEqual([]);
        const secret = find(recorded, "kubernetes:core/v1:Secret", "b-secret");
        expect(JSON.stringify(secret.inputs)).toContain(KEY);
    });

    it("has the key of a model in a secret of its own, and the sandbox has none", async () => {
        const recorded = await program({ a: { application: "openclaw", inference } });
        const models = find(recorded, "kubernetes:core/v1:Secret", "outbound-models").inputs;
        expect(isSecret(models["stringData"])).toBe(true);
        expect(JSON.stringify(models)).toContain(KEY);
        const others = recorded.filter(({ name }) => name !== "outbound-models");
        expect(JSON.stringify(others)).not.toContain(KEY);
        expect(JSON.stringify(others)).not.toContain("api.example.org");
        const own = JSON.stringify(find(recorded, "kubernetes:core/v1:Secret", "a-secret"));
        expect(own).toContain('"INFERENCE_BASE_URL":"http://inference.local/v1"');
        expect(own).not.toContain("INFERENCE_API_KEY");
        const files = find(recorded, "kubernetes:core/v1:ConfigMap", "a-config").inputs;
        expect(JSON.stringify(files)).toContain('\\"apiKey\\": \\"none\\"');
    });

    it("is where a sandbox with destinations by name finds names, and only there", async () => {
        const recorded = await program({
            a: { ...agent, egress: [{ host: "A.Example.org" }], inference },
            b: { ...agent, inference },
        });
        const sets = recorded.filter(({ type }) => type === SET);
        const [a, b] = ["a-agent", "b-agent"].map(
            (name) =>
                (sets.find((set) => set.name === name)?.inputs as unknown as Pod).spec.template
                    .spec,
        );
        const aliases = { hostAliases: [{ ip: "10.43.7.7", hostnames: ["inference.local"] }] };
        expect(a).toMatchObject({
            ...{ dnsPolicy: "None", dnsConfig: { nameservers: ["10.43.7.7"] } },
            ...aliases,
        });
        expect(b).toMatchObject(aliases);
        expect(b).not.toHaveProperty("dnsPolicy");
        const policy = find(recorded, "kubernetes:networking.k8s.io/v1:NetworkPolicy", "a-network");
        expect(JSON.stringify(policy.inputs)).not.toContain("kube-dns");
        const config = find(recorded, "kubernetes:core/v1:ConfigMap", "outbound-config").inputs;
        expect(JSON.stringify(config)).toContain("-m str a.example.org");
    });

    it("is cattle: nothing of it is protected, and it goes to sleep with its gateway", async () => {
        const sandboxes = { a: { ...agent, egress: [{ host: "a.org" }] } };
        expect(podOf(await program(sandboxes), DEPLOYMENT).replicas).toBe(1);
        expect(podOf(await program(sandboxes, { running: false }), DEPLOYMENT).replicas).toBe(0);
    });

    it("has no annotations on a cluster without revisions: empty ones would be a change each time", async () => {
        const place = { host: "127.0.0.1", storageClass: "standard", context: "c" };
        const kubeconfig = path.join(__dirname, "..", "fixtures", "kubeconfig");
        const { recorded } = await run({
            existingCluster: { ...place, kubeconfig },
            sandboxes: { a: { ...agent, inference } },
        });
        const { metadata } = find(recorded, DEPLOYMENT).inputs as { metadata: object };
        expect(metadata).not.toHaveProperty("annotations");
    });

    it("is as shut in as a pod can be", async () => {
        const recorded = await program({ a: { ...agent, inference } });
        const { containers, ...pod } = podOf(recorded, DEPLOYMENT).template.spec as {
            containers: { securityContext: object }[];
        };
        expect(pod).toMatchObject({
            automountServiceAccountToken: false,
            securityContext: {
                runAsNonRoot: true,
                seccompProfile: { type: "RuntimeDefault" },
            },
        });
        const shut = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true };
        expect(containers.map(({ securityContext }) => securityContext)).toEqual([
            { ...shut, capabilities: { drop: ["ALL"] } },
            // CoreDNS's program does not start without what its file is marked with.
            { ...shut, capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } },
        ]);
    });
});
