/** Settings of the gateway that most leave alone: what each makes of the container, and nothing else. */
import * as pulumi from "@pulumi/pulumi";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { POD_GRACE_SECONDS } from "../../model/constants";
import { issueAuthority } from "../../components/gateway/pki";
import { find, isSecret, plain } from "../support/mocks";
import { inputs, run, value } from "../support/program";

const CONTAINER = "docker:index/container:Container";
const STATEFUL_SET = "kubernetes:apps/v1:StatefulSet";
const REVISION = "sandbox-gateway.dev/gateway-revision";

const withGateway = (gateway: object, rest: object = {}) => ({
    gateway: { name: "Test", subnet: "10.213.77.0/24", ...gateway },
    sandboxes: { tool: { image: "busybox:1.37.0" } },
    ...rest,
});

const folder = mkdtempSync(path.join(os.tmpdir(), "gateway-options-"));
const pem = path.join(folder, "ca.pem");

afterAll(() => rmSync(folder, { recursive: true }));

afterEach(() => {
    vi.restoreAllMocks();
});

const container = async (gateway: object) =>
    inputs<Record<string, unknown>>((await run(withGateway(gateway))).recorded, CONTAINER);

/** Authorities and the like, made once. */
const identity = new Map<string, unknown>();

/** The digest that a sandbox carries of the gateway's container. */
async function revision(gateway: object, rest: object = {}): Promise<string> {
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
        for (const option of ["cpuShares", "dns", "gpus", "memory", "memorySwap"]) {
            expect(made).not.toHaveProperty(option);
        }
        expect(made["envs"]).toEqual([
            "SANDBOX_GATEWAY_VOLUME=openshell-cluster-Test",
            "SANDBOX_GATEWAY_ADDRESS=10.213.77.2",
            "SANDBOX_GATEWAY_PODS=10.42.0.0/16",
            "SANDBOX_GATEWAY_BRIDGE=10.213.77.1",
            "SANDBOX_GATEWAY_LOCAL_PORTS=10250 6443 18789:18808",
            "SANDBOX_GATEWAY_DRAIN_SECONDS=50",
        ]);
    });

    it("has the time for a drain, and then for k3s to end as slowly as its stand-in does", async () => {
        const server = readFileSync(
            path.join(__dirname, "../../toolchain/go/k3s/server.go"),
            "utf8",
        );
        const seconds = (name: string) => {
            const [, number = "1"] = new RegExp(
                `\\t${name} += (?:(\\d+) \\* )?time\\.Second\n`,
            ).exec(server) ?? [NaN, "no"];
            return Number(number);
        };
        // Most components side by side, then the API server, then its datastore.
        const end = seconds("componentDelay") + 3 * seconds("patience");
        const { stopTimeout, destroyGraceSeconds, envs } = await container({});
        const drain = Number(/DRAIN_SECONDS=(\d+)/.exec(String(envs))?.[1]);
        expect(drain).toBeGreaterThan(POD_GRACE_SECONDS);
        expect(drain + end).toBeLessThan(stopTimeout as number);
        expect(destroyGraceSeconds).toBe(stopTimeout);
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
        const clear = await run(withGateway({ env: { TZ: "UTC" } }));
        expect(isSecret(find(clear.recorded, CONTAINER).inputs["envs"])).toBe(false);
        expect(inputs(clear.recorded, CONTAINER)["envs"]).toContain("TZ=UTC");
        const secret = await run(withGateway({ secretEnv: { HTTPS_PROXY: "http://u:p@x" } }));
        expect(isSecret(find(secret.recorded, CONTAINER).inputs["envs"])).toBe(true);
        expect(inputs(secret.recorded, CONTAINER)["envs"]).toContain("HTTPS_PROXY=http://u:p@x");
    });

    const INSIDE =
        "localhost,127.0.0.0/8,10.42.0.0/16,10.43.0.0/16,.svc,.cluster.local,10.213.77.0/24,openshell-test";

    it.each([
        ["alone", { HTTPS_PROXY: "http://proxy:3128" }, INSIDE],
        [
            "with exceptions of the user's own, in any case",
            { http_proxy: "http://proxy:3128", no_proxy: "lan, 10.42.0.0/16" },
            `lan,10.42.0.0/16,${INSIDE.replace("10.42.0.0/16,", "")}`,
        ],
    ])("is kept from talking to itself through a proxy (%s)", async (_, env, exceptions) => {
        for (const gateway of [{ env }, { secretEnv: env }]) {
            const envs = (await container(gateway))["envs"] as string[];
            expect(envs.filter((variable) => /^no_proxy=/i.test(variable)).sort()).toEqual([
                `NO_PROXY=${exceptions}`,
                `no_proxy=${exceptions}`,
            ]);
        }
    });

    it("asks other DNS servers when it is told to", async () => {
        expect((await container({ dns: ["192.168.7.1", "192.168.7.2"] }))["dns"]).toEqual([
            "192.168.7.1",
            "192.168.7.2",
        ]);
    });

    it("trusts further authorities, by files that Go reads beside the public ones", async () => {
        const { cert } = await issueAuthority("a company");
        writeFileSync(pem, `a comment\n${cert}`);
        expect((await container({ caCertificates: [pem] }))["uploads"]).toContainEqual({
            file: "/etc/ssl/certs/sandbox-gateway-1.pem",
            content: cert,
        });
    });

    it.each([
        ["holds no certificate", "nothing"],
        ["holds something else", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
    ])("is refused by the preview with a file of authorities that %s", async (_, content) => {
        writeFileSync(pem, content);
        await expect(run(withGateway({ caCertificates: [pem] }))).rejects.toThrow(
            /gateway\.caCertificates\[0\]: got ".*ca\.pem"; must be a file of certificates in PEM form \(.+\); for example/,
        );
    });

    it("takes image archives from a path of the user's, and as it was given for the state", async () => {
        const volumes = async (imageArchives: string) =>
            (await container({ imageArchives }))["volumes"];
        expect(await volumes("~/archives")).toContainEqual(
            expect.objectContaining({ hostPath: path.join(os.homedir(), "archives") }),
        );
        const { recorded } = await run(withGateway({ imageArchives: "my archives" }));
        expect(inputs(recorded, "sandbox-gateway:index:Gateway")["imageArchives"]).toBe(
            "my archives",
        );
        await expect(run(withGateway({ imageArchives: "a:b" }))).rejects.toThrow(
            /gateway\.imageArchives: got ".*\/a:b"; must be a folder without `:` in its path/,
        );
    });

    it.each<[string, object, string]>([
        ["on this machine", {}, "http://a.localhost:18800/"],
        [
            "on a Docker host elsewhere",
            { dockerHost: "ssh://u@server.lan", apiHost: "server.lan" },
            "http://server.lan:18800/",
        ],
        ["behind a socket", { dockerHost: "unix:///run/d.sock" }, "http://a.localhost:18800/"],
        // Browsers look for names below localhost at 127.0.0.1.
        ["at another loopback", { bindAddress: "127.0.0.2" }, "http://127.0.0.2:18800/"],
        ["elsewhere", { bindAddress: "192.168.7.2" }, "http://192.168.7.2:18800/"],
    ])("gives URLs that lead to where it is published: %s", async (_, gateway, url) => {
        vi.spyOn(pulumi.log, "warn").mockResolvedValue();
        const { outputs } = await run(
            withGateway(
                { bindAddress: "0.0.0.0", ...gateway },
                { sandboxes: { a: { image: "x:1", application: { port: 80 } } } },
            ),
        );
        const urls = outputs["urls"] as Record<string, pulumi.Output<string>>;
        expect(await value(urls["a"])).toBe(url);
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
        expect(JSON.stringify(uploads)).toContain("server.example.org");
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
        ["DNS servers", { dns: ["192.168.7.1"] }],
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

describe("the administrator's certificate", () => {
    /** What is made of one of them. */
    const made = async (gateway: object, name: "admin" | "person-admin" = "person-admin") => {
        const { recorded, outputs } = await run({ gateway });
        const { replacementTrigger, inputs: stash } = find(
            recorded,
            "pulumi:index:Stash",
            `gateway-identity-${name}`,
        );
        const { input } = plain(stash) as { input: { cert: string } };
        const { uploads } = inputs<{ uploads: { file: string; content: string }[] }>(
            recorded,
            CONTAINER,
        );
        const binding = uploads.find(({ file }) => file.endsWith("-administrators.yaml"));
        const provider = inputs<{ kubeconfig: string }>(recorded, "pulumi:providers:kubernetes");
        const given = await value(outputs["kubeconfig"] as pulumi.Output<string>);
        const cert = Buffer.from(input.cert).toString("base64");
        return {
            trigger: replacementTrigger as string,
            subject: new X509Certificate(input.cert).subject,
            binding: JSON.parse(binding?.content ?? "") as unknown,
            isProviders: provider.kubeconfig.includes(cert),
            isGiven: given?.includes(cert),
        };
    };

    it.each(["admin", "person-admin"] as const)(
        "is renewed with the quarter, and with its generation: %s",
        async (name) => {
            const first = await made({}, name);
            expect(first.trigger).toMatch(/^\d{4}-Q[1-4]$/);
            expect((await made({ credentialsGeneration: 1 }, name)).trigger).toBe(first.trigger);
            const second = await made({ credentialsGeneration: 2 }, name);
            expect(second.trigger).toBe(`${first.trigger}/2`);
        },
    );

    it.each([
        [{}, 1],
        [{ credentialsGeneration: 7 }, 7],
    ])(
        "for people is of the group that the gateway binds, and of no other: %j",
        async (gateway, n) => {
            const group = `sandbox-gateway:administrators:${n}`;
            const { subject, binding, isGiven, isProviders } = await made(gateway);
            expect(subject).toBe(`O=${group}\nCN=system:admin`);
            expect([isGiven, isProviders]).toEqual([true, false]);
            expect(binding).toMatchObject({
                kind: "ClusterRoleBinding",
                metadata: { name: "sandbox-gateway:administrators" },
                roleRef: { kind: "ClusterRole", name: "cluster-admin" },
                subjects: [{ kind: "Group", name: group }],
            });
        },
    );

    it("of Pulumi's own is one that every gateway knows, and is given to nobody", async () => {
        const { subject, isGiven, isProviders } = await made({ credentialsGeneration: 2 }, "admin");
        expect(subject).toBe("O=system:masters\nCN=system:admin");
        expect([isGiven, isProviders]).toEqual([false, true]);
    });

    it.each([0, 1.5, "2"])("has no generation %j", async (credentialsGeneration) => {
        await expect(run({ gateway: { credentialsGeneration } })).rejects.toThrow(
            "gateway.credentialsGeneration: got ",
        );
    });
});
