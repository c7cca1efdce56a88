/** Settings of the gateway that most leave alone: what each makes of the container, and nothing else. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { find, isSecret } from "../support/mocks";
import { inputs, run } from "../support/program";

const CONTAINER = "docker:index/container:Container";
const STATEFUL_SET = "kubernetes:apps/v1:StatefulSet";
const REVISION = "sandbox-gateway.dev/gateway-revision";

const withGateway = (gateway: object, rest: object = {}) => ({
    gateway: { name: "Test", subnet: "10.213.77.0/24", ...gateway },
    sandboxes: { tool: { image: "busybox:1.37.0" } },
    ...rest,
});

beforeEach(() => vi.resetModules());

const container = async (gateway: object) =>
    inputs<Record<string, unknown>>((await run(withGateway(gateway))).recorded, CONTAINER);

/** Authorities and the like, made once. */
const identity = new Map<string, unknown>();

/** The digest that a sandbox carries of the gateway's container. */
async function revision(gateway: object, rest: object = {}): Promise<string> {
    vi.resetModules();
    const { recorded } = await run(withGateway(gateway, rest), false, undefined, identity);
    const { metadata } = inputs<{ metadata: { annotations: Record<string, string> } }>(
        recorded,
        STATEFUL_SET,
    );
    return metadata.annotations[REVISION] as string;
}

describe("the gateway's container", () => {
    it("has none of the options by default", async () => {
        const made = await container({});
        for (const option of ["cpuShares", "gpus", "memory", "memorySwap"]) {
            expect(made).not.toHaveProperty(option);
        }
        expect(made["envs"]).toEqual([
            "SANDBOX_GATEWAY_VOLUME=openshell-cluster-Test",
            "SANDBOX_GATEWAY_IMAGE=rancher/k3s:v1.35.4-k3s1",
            "SANDBOX_GATEWAY_DRAIN_SECONDS=55",
        ]);
    });

    it("gets limits that Docker changes in place, and GPUs", async () => {
        expect(await container({ memory: "8Gi", cpuShares: 512, gpus: "device=0" })).toMatchObject({
            memory: 8192,
            memorySwap: 8192,
            cpuShares: 512,
            gpus: "device=0",
        });
    });

    it("knows further hosts beside the machine itself", async () => {
        expect(
            (await container({ hostAliases: { "models.lan": "192.168.7.20" } }))["hosts"],
        ).toEqual([
            { host: "host.docker.internal", ip: "host-gateway" },
            { host: "host.openshell.internal", ip: "host-gateway" },
            { host: "models.lan", ip: "192.168.7.20" },
        ]);
    });

    it("gets environment in clear, and as a whole secret once a part of it is", async () => {
        const clear = await run(withGateway({ env: { NO_PROXY: "10.0.0.0/8" } }));
        expect(isSecret(find(clear.recorded, CONTAINER).inputs["envs"])).toBe(false);
        expect(inputs(clear.recorded, CONTAINER)["envs"]).toContain("NO_PROXY=10.0.0.0/8");
        vi.resetModules();
        const secret = await run(withGateway({ secretEnv: { HTTPS_PROXY: "http://u:p@x" } }));
        expect(isSecret(find(secret.recorded, CONTAINER).inputs["envs"])).toBe(true);
        expect(inputs(secret.recorded, CONTAINER)["envs"]).toContain("HTTPS_PROXY=http://u:p@x");
    });

    it("publishes the API elsewhere only when it is asked to be reached there", async () => {
        const { recorded } = await run(
            withGateway({ apiHost: "server.example.org", bindAddress: "0.0.0.0" }),
        );
        const { ports, uploads } = inputs<{ ports: object[]; uploads: { content: string }[] }>(
            recorded,
            CONTAINER,
        );
        expect(ports[0]).toMatchObject({ internal: 6443, ip: "0.0.0.0" });
        expect(uploads[1]?.content).toContain('"server.example.org"');
        const provider = inputs<{ kubeconfig: string }>(recorded, "pulumi:providers:kubernetes");
        expect(provider.kubeconfig).toContain("https://server.example.org:16443");
    });

    it("keeps the API on loopback when the sandboxes are published everywhere, and warns", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue();
        expect((await container({ bindAddress: "0.0.0.0" }))["ports"]).toMatchObject([
            { internal: 6443, ip: "127.0.0.1" },
            ...Array.from({ length: 20 }, () => ({ ip: "0.0.0.0" })),
        ]);
        expect(warn.mock.calls.map(([message]) => message)).toEqual([
            expect.stringContaining("gateway.bindAddress is 0.0.0.0: whoever reaches this machine"),
        ]);
        warn.mockClear();
        vi.resetModules();
        await container({});
        expect(warn).not.toHaveBeenCalled();
        warn.mockRestore();
    });
});

describe("a gateway with GPUs", () => {
    it("runs the device plugin, and gives a sandbox what it asks for", async () => {
        const { recorded } = await run(
            withGateway(
                { gpus: "all" },
                { sandboxes: { tool: { image: "busybox:1.37.0", gpus: 2 } } },
            ),
        );
        expect(inputs(recorded, "kubernetes:apps/v1:DaemonSet")).toMatchObject({
            metadata: { name: "nvidia-device-plugin", namespace: "kube-system" },
        });
        expect(inputs(recorded, STATEFUL_SET)).toMatchObject({
            spec: {
                template: {
                    spec: {
                        runtimeClassName: "nvidia",
                        containers: [
                            { resources: { limits: { memory: "1Gi", "nvidia.com/gpu": "2" } } },
                        ],
                    },
                },
            },
        });
    });

    it("is not what others are", async () => {
        const { recorded } = await run(withGateway({}));
        expect(recorded.filter(({ type }) => type.endsWith(":DaemonSet"))).toEqual([]);
        expect(JSON.stringify(recorded)).not.toContain("nvidia");
    });
});

describe("the digest of the container on every sandbox", () => {
    it.each([
        ["image", { image: "rancher/k3s:v1.36.0-k3s1" }],
        ["a k3s setting", { k3s: { "kubelet-arg": ["v=2"] } }],
        ["registries", { registries: { mirrors: {} } }],
        ["environment", { env: { TZ: "UTC" } }],
        ["secret environment", { secretEnv: { A: "b" } }],
    ])("changes with %s, for the container is replaced then", async (_, gateway) => {
        const before = await revision({});
        expect(await revision({})).toBe(before);
        expect(await revision(gateway)).not.toBe(before);
    });

    it.each([
        ["memory", { memory: "8Gi" }, {}],
        ["weight", { cpuShares: 512 }, {}],
        ["a stop", {}, { running: false }],
    ])("stays with %s, which replaces nothing", async (_, gateway, rest) => {
        const before = await revision({});
        expect(before).toMatch(/^[0-9a-f]{16}$/);
        expect(await revision(gateway, rest)).toBe(before);
    });

    it("is no secret, and tells none", async () => {
        const { recorded } = await run(withGateway({ secretEnv: { A: "hidden-value" } }));
        const set = find(recorded, STATEFUL_SET).inputs;
        expect(isSecret(set["metadata"])).toBe(false);
        expect(JSON.stringify(set)).not.toContain("hidden-value");
    });
});
