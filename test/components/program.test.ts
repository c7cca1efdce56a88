import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { describe, expect, it, vi } from "vitest";
import { deriveToken } from "../../components/sandbox/data";
import { drain, find, isSecret, plain, record, type Recorded } from "../support/mocks";
import { inputs, run, runProgram, value } from "../support/program";

const CONTAINER = "docker:index/container:Container";
const STATEFUL_SET = "kubernetes:apps/v1:StatefulSet";

/** Of the first generation, from the secret that the mocks give. */
const TOKEN = deriveToken("5e".repeat(32), 1);

const CONFIG = {
    gateway: { name: "Test", subnet: "10.213.77.0/24" },
    sandboxes: {
        assistant: { application: "openclaw", hostPort: 18789, secretEnv: { KEY: "hidden-value" } },
        tool: { image: "busybox:1.37.0", running: false },
    },
};

describe("the running gateway", () => {
    it("is one container with its identity, address, data and ports", async () => {
        const { recorded } = await run(CONFIG);
        const container = inputs(recorded, CONTAINER);
        expect(container).toMatchObject({
            name: "openshell-cluster-Test",
            hostname: "openshell-test",
            image: "sha256:of-rancher/k3s:v1.35.4-k3s1",
            entrypoints: ["/bin/sh", "/usr/local/bin/sandbox-gateway-entrypoint"],
            command: ["server"],
            privileged: true,
            restart: "unless-stopped",
            networkMode: "bridge",
            networksAdvanced: [{ name: "openshell-cluster-Test", ipv4Address: "10.213.77.2" }],
            volumes: [
                { volumeName: "openshell-cluster-Test", containerPath: "/var/lib/rancher/k3s" },
            ],
            tmpfs: { "/run": "", "/var/run": "" },
            wait: true,
            waitTimeout: 300,
            destroyGraceSeconds: 60,
        });
        // Docker's own choice: with cgroup v2 host's would put pods outside of every limit, and with v1
        // a privileged container may have no other.
        expect(container).not.toHaveProperty("cgroupnsMode");
        expect(container["ports"]).toHaveLength(21);
        expect((container["ports"] as object[])[0]).toEqual({
            internal: 6443,
            external: 16443,
            ip: "127.0.0.1",
            protocol: "tcp",
        });
        // Durations are compared as text with what Docker gives back: all five, none derived.
        expect(Object.keys(container["healthcheck"] as object).sort()).toEqual([
            "interval",
            "retries",
            "startPeriod",
            "tests",
            "timeout",
        ]);
    });

    it("that did not get healthy is made again by the next run", async () => {
        const register = vi.spyOn(MockMonitor.prototype, "registerResource");
        await run(CONFIG);
        const asked = register.mock.calls.map(([request]) => request as RegisterResourceRequest);
        register.mockRestore();
        const ofContainer = asked.filter((request) => request.getType() === CONTAINER);
        expect(ofContainer.map((request) => request.getReplaceonchangesList())).toEqual([
            ["#initerror"],
        ]);
    });

    it("gets its files as secrets, except the scripts", async () => {
        const { recorded } = await run(CONFIG);
        const { uploads } = inputs<{
            uploads: { file: string; content: string; permissions?: string }[];
        }>(recorded, CONTAINER);
        expect(uploads.map(({ file }) => file)).toEqual([
            "/usr/local/bin/sandbox-gateway-entrypoint",
            "/usr/local/lib/sandbox-gateway/report.sh",
            "/usr/local/lib/sandbox-gateway/machine.sh",
            "/usr/local/lib/sandbox-gateway/dns.sh",
            "/usr/local/lib/sandbox-gateway/isolate.sh",
            "/usr/local/lib/sandbox-gateway/restart.sh",
            "/usr/local/lib/sandbox-gateway/room.sh",
            "/usr/local/lib/sandbox-gateway/watch.sh",
            "/usr/local/lib/sandbox-gateway/health.sh",
            "/etc/sandbox-gateway/manifests/00-sandbox-gateway-administrators.yaml",
            "/etc/sandbox-gateway/manifests/sandbox-gateway-limits.yaml",
            "/etc/rancher/k3s/config.yaml",
            "/etc/rancher/node/password",
            "/etc/sandbox-gateway/tls/server-ca.crt",
            "/etc/sandbox-gateway/tls/server-ca.key",
            "/etc/sandbox-gateway/tls/client-ca.crt",
            "/etc/sandbox-gateway/tls/client-ca.key",
        ]);
        expect(uploads.slice(11).every(({ permissions }) => permissions === "0600")).toBe(true);
        expect(uploads[11]?.content).toContain('node-name: "openshell-test"');
        expect(isSecret(find(recorded, CONTAINER).inputs["uploads"])).toBe(true);
    });

    it("is reached with a kubeconfig that names nothing of the container", async () => {
        const { recorded } = await run(CONFIG);
        const provider = find(recorded, "pulumi:providers:kubernetes").inputs;
        expect(plain(provider)).toMatchObject({
            clusterIdentifier: "sandbox-gateway/Test",
            skipUpdateUnreachable: "false",
            enableServerSideApply: "true",
            enableSecretMutable: "true",
            enableConfigMapMutable: "true",
        });
        expect(plain(provider)).not.toHaveProperty("deleteUnreachable");
        const kubeconfig = JSON.parse(plain(provider["kubeconfig"]) as string) as {
            clusters: { cluster: { server: string } }[];
        };
        expect(kubeconfig.clusters[0]?.cluster.server).toBe("https://127.0.0.1:16443");
        expect(isSecret(provider["kubeconfig"])).toBe(true);
    });

    it("mounts the folder of image archives read-only where k3s imports from", async () => {
        const { recorded } = await run({
            ...CONFIG,
            gateway: { ...CONFIG.gateway, imageArchives: "archives" },
        });
        expect(inputs(recorded, CONTAINER)["volumes"]).toContainEqual({
            hostPath: `${process.cwd()}/archives`,
            containerPath: "/var/lib/rancher/k3s/agent/images/host",
            readOnly: true,
        });
    });
});

describe("the stopped gateway", () => {
    it("has a keeper in place of the container, and everything else keeps its name", async () => {
        const running = await run(CONFIG);
        const stopped = await run({ ...CONFIG, running: false });
        const keys = (recorded: Recorded[]) =>
            recorded.map(({ type, name }) => `${type} ${name}`).sort();
        expect(
            keys(running.recorded).filter((key) => !keys(stopped.recorded).includes(key)),
        ).toEqual([`${CONTAINER} gateway-k3s`]);
        expect(
            keys(stopped.recorded).filter((key) => !keys(running.recorded).includes(key)),
        ).toEqual([`${CONTAINER} gateway-keeper`]);
    });

    it("is held in Docker by a container that uses volume, network and image, and can do nothing", async () => {
        const { recorded } = await run({ ...CONFIG, running: false });
        const { labels } = inputs(recorded, "docker:index/volume:Volume");
        expect(inputs(recorded, CONTAINER)).toEqual({
            name: "openshell-keeper-Test",
            labels: [
                ...(labels as object[]),
                { label: "sandbox-gateway.dev/ports", value: "16443-16443,18789-18808" },
            ],
            hostname: "keeper",
            image: "sha256:of-rancher/k3s:v1.35.4-k3s1",
            entrypoints: ["/bin/sh", "-c"],
            command: ["trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done"],
            user: "65534:65534",
            readOnly: true,
            capabilities: { drops: ["ALL"] },
            securityOpts: ["no-new-privileges"],
            restart: "unless-stopped",
            networkMode: "bridge",
            networksAdvanced: [{ name: "openshell-cluster-Test", ipv4Address: "10.213.77.254" }],
            volumes: [
                {
                    volumeName: "openshell-cluster-Test",
                    containerPath: "/var/lib/rancher/k3s",
                    readOnly: true,
                },
            ],
            memory: 32,
            memorySwap: -1,
            logDriver: "json-file",
            logOpts: { "max-size": "1m", "max-file": "1" },
        });
    });

    it("takes what is stored for true, and scales every sandbox to zero", async () => {
        const { recorded } = await run({ ...CONFIG, running: false });
        expect(inputs(recorded, "pulumi:providers:kubernetes")["skipUpdateUnreachable"]).toBe(
            "true",
        );
        const sets = recorded.filter(({ type }) => type === STATEFUL_SET);
        expect(sets.map((r) => (r.inputs["spec"] as { replicas: number }).replicas)).toEqual([
            0, 0,
        ]);
    });
});

describe("a sandbox", () => {
    it("runs its agent on a workspace under the name the claim template gives it", async () => {
        const { recorded } = await run(CONFIG);
        expect(
            inputs(recorded, "kubernetes:core/v1:PersistentVolumeClaim", "assistant-workspace"),
        ).toMatchObject({
            metadata: { name: "workspace-assistant-0", namespace: "sandboxes" },
            spec: {
                accessModes: ["ReadWriteOnce"],
                storageClassName: "sandbox-workspace",
                resources: { requests: { storage: "2Gi" } },
            },
        });
        const { metadata, spec } = inputs<{
            metadata: { name: string };
            spec: {
                replicas: number;
                volumeClaimTemplates: unknown[];
                template: { spec: { initContainers: object[]; containers: object[] } };
            };
        }>(recorded, STATEFUL_SET, "assistant-agent");
        expect(metadata.name).toBe("assistant");
        expect(spec.replicas).toBe(1);
        expect(spec.volumeClaimTemplates).toHaveLength(1);
        expect(spec.template.spec).toMatchObject({
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        });
        const [gate, seeding, ...others] = spec.template.spec.initContainers;
        expect(others).toEqual([]);
        expect(gate).toMatchObject({
            name: "gate",
            image: "rancher/mirrored-library-busybox:1.37.0",
            command: ["/bin/sh", "/opt/sandbox-gateway/gate.sh"],
            args: ["10.213.77.2", "6443"],
            terminationMessagePolicy: "FallbackToLogsOnError",
            securityContext: {
                runAsNonRoot: true,
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
            },
        });
        expect(seeding).toMatchObject({
            name: "workspace-init",
            image: "ghcr.io/openclaw/openclaw:2026.9.6",
            securityContext: { runAsUser: 0, capabilities: { drop: ["ALL"] } },
            volumeMounts: expect.arrayContaining([
                { name: "workspace", mountPath: "/workspace-pvc" },
            ]) as unknown,
        });
        expect(spec.template.spec.containers).toHaveLength(1);
        expect(spec.template.spec.containers[0]).toMatchObject({
            name: "agent",
            args: [
                "/sandbox/.openclaw/tmp/openclaw-*/gateway*.lock",
                "--",
                "node",
                "/app/openclaw.mjs",
                "gateway",
                "run",
            ],
            livenessProbe: { httpGet: { path: "/healthz", port: 18789 } },
            resources: { limits: { memory: "2Gi" } },
            securityContext: {
                allowPrivilegeEscalation: false,
                runAsNonRoot: true,
                runAsUser: 1000,
            },
        });
    });

    it("keeps secrets in its Secret, out of the pod and the ConfigMap", async () => {
        const { recorded } = await run(CONFIG);
        const secret = find(recorded, "kubernetes:core/v1:Secret", "assistant-secret").inputs;
        expect(isSecret(secret["stringData"])).toBe(true);
        expect(plain(secret["stringData"])).toEqual({
            KEY: "hidden-value",
            OPENCLAW_GATEWAY_TOKEN: TOKEN,
        });
        const others = recorded.filter(({ type }) => type !== "kubernetes:core/v1:Secret");
        expect(JSON.stringify(others)).not.toContain("hidden-value");
        const workload = find(recorded, STATEFUL_SET, "assistant-agent").inputs;
        expect(JSON.stringify(workload)).not.toContain(TOKEN);
    });

    it("has another token in each generation, and rolls its pod for it", async () => {
        const before = await run(CONFIG);
        const after = await run({
            ...CONFIG,
            sandboxes: { tool: { ...CONFIG.sandboxes.tool, tokenGeneration: 2 } },
        });
        const parts = ({ recorded }: { recorded: Recorded[] }) => [
            plain(find(recorded, "kubernetes:core/v1:Secret", "tool-secret").inputs["stringData"]),
            JSON.stringify(inputs(recorded, STATEFUL_SET, "tool-agent")),
            inputs(recorded, "random:index/randomBytes:RandomBytes", "tool-token"),
        ];
        const [[secret, set, seed], [newSecret, newSet, newSeed]] = [parts(before), parts(after)];
        expect(newSecret).toEqual({ SANDBOX_TOKEN: deriveToken("5e".repeat(32), 2) });
        expect(newSecret).not.toEqual(secret);
        expect(newSet).not.toBe(set);
        expect(newSeed).toEqual(seed);
    });

    it("is published on its fixed port, with the origins OpenClaw then needs", async () => {
        const { recorded, outputs } = await run(CONFIG);
        expect(inputs(recorded, "kubernetes:core/v1:Service")["spec"]).toMatchObject({
            type: "NodePort",
            ports: [{ port: 18789, nodePort: 18789 }],
        });
        const { data } = inputs<{ data: Record<string, string> }>(
            recorded,
            "kubernetes:core/v1:ConfigMap",
            "assistant-config",
        );
        expect(JSON.parse(data["openclaw.json"] ?? "")).toMatchObject({
            gateway: {
                controlUi: {
                    allowedOrigins: [
                        "http://127.0.0.1:18789",
                        "http://localhost:18789",
                        "http://assistant.localhost:18789",
                    ],
                },
            },
        });
        expect(outputs["sandboxes"]).toEqual(["assistant", "tool"]);
        const urls = outputs["urls"] as Record<string, pulumi.Output<string>>;
        expect(await value(urls["assistant"])).toBe("http://127.0.0.1:18789/");
        const tokens = outputs["tokenUrls"] as Record<string, pulumi.Output<string>>;
        expect(await value(tokens["assistant"])).toBe(`http://127.0.0.1:18789/#token=${TOKEN}`);
        expect(await pulumi.isSecret(tokens["assistant"] as pulumi.Output<string>)).toBe(true);
    });

    it("has a Secret that is never empty, which would be a change in every preview", async () => {
        const { recorded } = await run(CONFIG);
        const secret = find(recorded, "kubernetes:core/v1:Secret", "tool-secret").inputs;
        expect(plain(secret["stringData"])).toEqual({ SANDBOX_TOKEN: TOKEN });
    });

    it("has longer for its first start, in which images are pulled, unless it says otherwise", async () => {
        const register = vi.spyOn(MockMonitor.prototype, "registerResource");
        await run({
            ...CONFIG,
            sandboxes: {
                a: { image: "busybox:1.37.0" },
                b: { image: "busybox:1.37.0", startTimeoutSeconds: 40 },
            },
        });
        const asked = register.mock.calls.map(([request]) => request as RegisterResourceRequest);
        register.mockRestore();
        const timeouts = asked
            .filter((request) => request.getType() === STATEFUL_SET)
            .map((request) => request.getCustomtimeouts()?.toObject());
        expect(timeouts).toMatchObject([
            { create: "1200s", update: "300s" },
            { create: "40s", update: "40s" },
        ]);
    });

    it("stays at zero when it is suspended, and has no Service without an application", async () => {
        const { recorded } = await run(CONFIG);
        expect(inputs(recorded, STATEFUL_SET, "tool-agent")["spec"]).toMatchObject({ replicas: 0 });
        expect(recorded.filter(({ type }) => type === "kubernetes:core/v1:Service")).toHaveLength(
            1,
        );
    });
});

describe("every resource", () => {
    it("of Docker and Kubernetes has a provider of its own", async () => {
        const { recorded } = await run(CONFIG);
        const orphans = recorded.filter(
            ({ type, provider }) => /^(docker|kubernetes):/.test(type) && provider === "",
        );
        expect(orphans).toEqual([]);
    });

    it("of Kubernetes has a name that is given, not made up", async () => {
        const { recorded } = await run(CONFIG);
        const objects = recorded.filter(({ type }) => type.startsWith("kubernetes:"));
        expect(objects.length).toBeGreaterThan(10);
        for (const { inputs: of } of objects) {
            expect((of["metadata"] as { name: string }).name).toMatch(/^[a-z0-9-]+$/);
        }
    });

    it("registers in a first preview, when nothing is known yet", async () => {
        const { recorded } = await run(CONFIG, true);
        expect(recorded.filter(({ type }) => type === STATEFUL_SET)).toHaveLength(2);
    });
});

describe("a wrong configuration", () => {
    it("ends the program before anything is registered", async () => {
        const recorded = await record();
        pulumi.runtime.setAllConfig({ "sandbox-gateway:runing": "false" });
        await expect(runProgram()).rejects.toThrow(
            "the configuration is wrong, nothing was changed:\n  runing: got false; must be a key that the program has",
        );
        await drain();
        expect(recorded.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
    });
});
