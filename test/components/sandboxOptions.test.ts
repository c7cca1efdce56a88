/** Settings of a sandbox that most leave alone: what each makes of the StatefulSet and the claims. */
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { inputs, run } from "../support/program";
import { messageOf } from "../support/settings";

const KUBECONFIG = path.join(__dirname, "..", "fixtures", "kubeconfig");

const STATEFUL_SET = "kubernetes:apps/v1:StatefulSet";
const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";

interface Set {
    spec: {
        template: {
            spec: {
                initContainers?: object[];
                containers: { volumeMounts: { name: string; mountPath: string }[] }[];
                [key: string]: unknown;
            };
        };
        volumeClaimTemplates: { metadata: { name: string } }[];
    };
}

async function sandbox(settings: object, rest: object = {}) {
    const { recorded } = await run({
        gateway: { name: "Test", subnet: "10.213.77.0/24" },
        sandboxes: { tool: { image: "busybox:1.37.0", ...settings } },
        ...rest,
    });
    const claims = recorded
        .filter(({ type }) => type === CLAIM)
        .sort((a, b) => a.name.localeCompare(b.name));
    return { set: inputs<Set>(recorded, STATEFUL_SET), claims, recorded };
}

const initContainers = (set: Set) =>
    (set.spec.template.spec.initContainers as { name: string }[] | undefined)?.map(
        ({ name }) => name,
    );

describe("claims of its own", () => {
    const volumeClaimTemplates = [
        { name: "data", mountPath: "/data", size: "5Gi" },
        { name: "cache", mountPath: "/cache", size: "1Gi", storageClass: "fast" },
    ];

    it("take the place of the workspace, and nothing is seeded", async () => {
        const { set, claims } = await sandbox({ volumeClaimTemplates });
        const { template, volumeClaimTemplates: templates } = set.spec;
        expect(initContainers(set)).toEqual(["gate"]);
        expect(template.spec.containers[0]?.volumeMounts.slice(0, 2)).toEqual([
            { name: "data", mountPath: "/data" },
            { name: "cache", mountPath: "/cache" },
        ]);
        expect(JSON.stringify(template)).not.toContain('"/sandbox"');
        expect(templates.map(({ metadata }) => metadata.name)).toEqual(["data", "cache"]);
        expect(claims.map(({ name, inputs }) => [name, inputs])).toMatchObject([
            [
                "tool-cache",
                { metadata: { name: "cache-tool-0" }, spec: { storageClassName: "fast" } },
            ],
            [
                "tool-data",
                {
                    metadata: { name: "data-tool-0" },
                    spec: {
                        storageClassName: "sandbox-workspace",
                        resources: { requests: { storage: "5Gi" } },
                    },
                },
            ],
        ]);
    });

    it.each([
        ["none", {}],
        ["an empty list", { volumeClaimTemplates: [] }],
    ])("that are %s mean the workspace, seeded", async (_, settings) => {
        const { set, claims } = await sandbox(settings);
        expect(initContainers(set)).toEqual(["gate", "workspace-init"]);
        expect(claims.map(({ name }) => name)).toEqual(["tool-workspace"]);
        expect(claims[0]?.inputs["spec"]).toMatchObject({
            resources: { requests: { storage: "2Gi" } },
        });
    });
});

it("is taken up when a killed run has made it already, on a gateway and in another cluster", async () => {
    const existingCluster = { kubeconfig: KUBECONFIG, context: "c", storageClass: "s", host: "h" };
    for (const rest of [{}, { existingCluster }]) {
        const { recorded } = await sandbox({}, rest);
        const { metadata } = inputs<{ metadata: object }>(recorded, STATEFUL_SET);
        expect(metadata).toMatchObject({ annotations: { "pulumi.com/patchForce": "true" } });
    }
});

describe("where it may run", () => {
    it("is anywhere by default, with no empty field that every preview would add again", async () => {
        const { spec } = (await sandbox({})).set.spec.template;
        for (const field of ["nodeSelector", "tolerations", "runtimeClassName"]) {
            expect(spec).not.toHaveProperty(field);
        }
    });

    it("is what it says", async () => {
        const placement = {
            nodeSelector: { agents: "true" },
            tolerations: [{ key: "agents", operator: "Exists", effect: "NoSchedule" }],
        };
        expect((await sandbox(placement)).set.spec.template.spec).toMatchObject(placement);
    });
});

describe("a volume's group", () => {
    const existingCluster = {
        kubeconfig: KUBECONFIG,
        context: "c",
        storageClass: "standard-retain",
        host: "127.0.0.1",
    };

    it("is the agent's in an existing cluster, whose volumes belong to root", async () => {
        const { set } = await sandbox({}, { existingCluster });
        expect(set.spec.template.spec["securityContext"]).toEqual({
            seccompProfile: { type: "RuntimeDefault" },
            fsGroup: 1000,
            fsGroupChangePolicy: "OnRootMismatch",
        });
    });

    it.each([
        ["on the gateway, where everyone may write", {}, {}],
        ["of an agent that is root", { user: "root" }, { existingCluster }],
    ])("is left alone %s", async (_, settings, rest) => {
        const { set } = await sandbox(settings, rest);
        expect(set.spec.template.spec["securityContext"]).toEqual({
            seccompProfile: { type: "RuntimeDefault" },
        });
    });
});

describe("what holds a sandbox apart from its node", () => {
    const pod = async (settings: object, rest: object = {}) =>
        (await sandbox(settings, rest)).set.spec.template.spec as unknown as {
            containers: { securityContext: object; resources: object }[];
            volumes: object[];
        };

    it("is what every node can give, unless more is asked for", async () => {
        const spec = await pod({});
        expect(spec).not.toHaveProperty("hostUsers");
        expect(spec).not.toHaveProperty("runtimeClassName");
        expect(spec.containers[0]?.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            runAsNonRoot: true,
            runAsUser: 1000,
        });
    });

    it.each<[object, object]>([
        [{ userNamespace: true }, { hostUsers: false }],
        [{ runtimeClass: "gvisor" }, { runtimeClassName: "gvisor" }],
    ])("is of the pod with %j", async (settings, expected) => {
        expect(await pod(settings)).toMatchObject(expected);
    });

    it.each<[object, object]>([
        [{ readOnlyRoot: true }, { readOnlyRootFilesystem: true }],
        [{ group: 0 }, { runAsUser: 1000, runAsGroup: 0 }],
        [
            { user: "root", group: 7 },
            { runAsUser: 0, runAsNonRoot: false, runAsGroup: 7 },
        ],
    ])("is of the agent with %j", async (settings, expected) => {
        const { containers } = await pod(settings);
        expect(containers[0]?.securityContext).toMatchObject(expected);
    });

    it.each<[string, object, string]>([
        ["a default", {}, "4Gi"],
        ["one of its own", { resources: { limits: { "ephemeral-storage": "20Gi" } } }, "20Gi"],
    ])("limits what it takes of the node's disk, by %s, /tmp included", async (_, own, limit) => {
        const { containers, volumes } = await pod(own);
        expect(containers[0]?.resources).toMatchObject({
            requests: { "ephemeral-storage": "0" },
            limits: { "ephemeral-storage": limit },
        });
        expect(volumes).toContainEqual({ name: "tmp", emptyDir: { sizeLimit: limit } });
    });

    it("limits the disk of what seeds the workspace, too, and asks for no more than it takes", async () => {
        const { initContainers } = (await sandbox({})).set.spec.template.spec;
        expect(initContainers?.at(-1)).toMatchObject({
            resources: {
                requests: { "ephemeral-storage": "0" },
                limits: { "ephemeral-storage": "4Gi", memory: "256Mi" },
            },
        });
    });

    it("is not chosen where GPUs choose it", () => {
        const gpus = { sandboxes: { a: { image: "b:1", gpus: 1, runtimeClass: "gvisor" } } };
        expect(messageOf({ ...gpus, gateway: { gpus: "all" } })).toEqual([
            'sandboxes.a.runtimeClass: got "gvisor"; must not be given with gpus, which need nvidia; for example a sandbox without GPUs',
        ]);
    });

    it.each<[object, string]>([
        [{ group: "root" }, "sandboxes.a.group"],
        [{ group: -1 }, "sandboxes.a.group"],
        [{ runtimeClass: "Kata!" }, "sandboxes.a.runtimeClass"],
        [{ userNamespace: "yes" }, "sandboxes.a.userNamespace"],
        [{ readOnlyRoot: 1 }, "sandboxes.a.readOnlyRoot"],
        [
            { resources: { limits: { "ephemeral-storage": "1" } } },
            "sandboxes.a.resources.limits.ephemeral-storage",
        ],
        [
            {
                resources: {
                    requests: { "ephemeral-storage": "2Gi" },
                    limits: { "ephemeral-storage": "1Gi" },
                },
            },
            "sandboxes.a.resources.requests.ephemeral-storage",
        ],
    ])("refuses %j by its key", (settings, key) => {
        const [line, ...others] = messageOf({ sandboxes: { a: { image: "b:1", ...settings } } });
        expect(others).toEqual([]);
        expect(line).toContain(`${key}: got `);
    });
});

describe("resources", () => {
    it("of which a part is given keep the other defaults: memory stays limited", async () => {
        const { set } = await sandbox({ resources: { limits: { cpu: "2" } } });
        expect(set.spec.template.spec.containers[0]).toMatchObject({
            resources: {
                requests: { cpu: "50m", memory: "128Mi" },
                limits: { cpu: "2", memory: "1Gi" },
            },
        });
        const claw = await sandbox({
            application: "openclaw",
            resources: { limits: { cpu: "2" } },
        });
        expect(claw.set.spec.template.spec.containers[0]).toMatchObject({
            resources: { limits: { cpu: "2", memory: "2Gi" } },
        });
    });
});
