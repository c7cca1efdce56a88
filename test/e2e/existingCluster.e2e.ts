/** The same sandboxes in a cluster that is there already: one that this test starts, without Pulumi. */
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/steps";
import { hostAddress, parseSubnet, type Subnet } from "../../model/subnet";
import { gatewaySchema } from "../../settings/schema/gateway";
import { FakeCluster } from "../support/fakeCluster";
import { MODEL, startFakeModel, type FakeModel } from "../support/fakeModel";
import { run } from "../support/run";
import { AGENT, FRAGILE, OUTBOUND_IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

let stack: TestStack;

/** Of another person, who has called it the same. */
let second: TestStack;

/** The second one's model, on this machine. */
let model: FakeModel;

const config = (overrides: object = {}) => ({
    existingCluster: {
        kubeconfig: path.join(stack.folder, "kubeconfig"),
        context: "default",
        storageClass: "local-path",
        host: "127.0.0.1",
    },
    sandboxes: { agent: FRAGILE },
    ...overrides,
});

beforeAll(async () => {
    stack = await TestStack.create("existing");
    await startCluster();
    const kubeconfig = await run("docker", [
        "exec",
        stack.container,
        "cat",
        "/etc/rancher/k3s/k3s.yaml",
    ]);
    writeFileSync(
        path.join(stack.folder, "kubeconfig"),
        kubeconfig.replace("127.0.0.1:6443", `127.0.0.1:${stack.apiPort}`),
    );
    writeKubectl();
    stack.configure(config());
    second = await TestStack.create("second");
    model = await startFakeModel("sk-of-the-second");
});

afterAll(async () => {
    model?.close();
    await second?.remove();
    await stack?.remove();
});

/** A server under the stack's own names, so that its clean-up finds it. */
async function startCluster(): Promise<void> {
    const { first, last } = stack.ports;
    const { container, subnet } = stack;
    await run("docker", ["network", "create", "--subnet", subnet, container]);
    await run("docker", [
        ...["run", "--detach", "--name", container, "--hostname", container, "--privileged"],
        ...["--cgroupns", "host", "--network", container, "--tmpfs", "/run", "--tmpfs", "/var/run"],
        ...["--volume", `${container}:/var/lib/rancher/k3s`],
        ...["--volume", `${OUTBOUND_IMAGES}:/var/lib/rancher/k3s/agent/images/host:ro`],
        ...["--publish", `127.0.0.1:${stack.apiPort}:6443`],
        ...["--publish", `127.0.0.1:${first}-${last}:${first}-${last}`],
        gatewaySchema.parse({}).image,
        ...["server", "--service-node-port-range", `${first}-${last}`],
        ...["--kubelet-arg", "fail-cgroupv1=false"],
    ]);
    await until("the cluster answers", 120, async () => {
        return (await stack.tryKubectl("get", "--raw", "/readyz")).status === 0;
    });
    // k3s makes what is in its folder of manifests once the API answers.
    await until("the cluster has its storage class", 120, async () => {
        return (await stack.tryKubectl("get", "storageclass", "local-path")).status === 0;
    });
}

/** A kubectl on this machine: that of the k3s image, with the machine's network and the test's files. */
function writeKubectl(): void {
    const { folder } = stack;
    const host = process.env["DOCKER_HOST"];
    const run = `docker run --rm --network host --volume ${folder}:${folder}:ro --entrypoint k3s`;
    mkdirSync(bin());
    writeFileSync(
        path.join(bin(), "kubectl"),
        [
            "#!/bin/sh",
            host === undefined ? "unset DOCKER_HOST" : `export DOCKER_HOST=${host}`,
            `exec ${run} ${gatewaySchema.parse({}).image} kubectl "$@"`,
            "",
        ].join("\n"),
        { mode: 0o755 },
    );
}

const bin = () => path.join(stack.folder, "bin");

/** For `make`: our kubectl, and a Docker that does not answer, because it has no part in this. */
const environment = () => ({
    PATH: `${bin()}:${process.env["PATH"]}`,
    DOCKER_HOST: "tcp://127.0.0.1:1",
});

/** The second stack's configuration. */
const inSecond = (existing: object = {}, rest: object = {}) => ({
    existingCluster: {
        ...config().existingCluster,
        serviceType: "ClusterIP",
        ingressFrom: [{ namespace: "ingress", labels: { app: "controller" } }],
        ...existing,
    },
    sandboxes: { agent: { ...AGENT, inference: inference() } },
    ...rest,
});

const inference = () => ({
    baseUrl: `http://${hostAddress(parseSubnet(stack.subnet) as Subnet, 1)}:${model.port}/v1`,
    apiKey: model.key,
    model: MODEL,
});

/** A namespace with something running in it, of which this project knows nothing. */
async function makeForeign(): Promise<void> {
    await stack.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "theirs" } });
    const labels = { app: "theirs" };
    const containers = [{ name: "pause", image: await stack.pauseImage() }];
    await stack.apply({
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "theirs", namespace: "theirs" },
        spec: {
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers } },
        },
    });
}

/** An Ingress controller as far as policies can tell, and a pod that is none. */
async function makePods(): Promise<void> {
    await stack.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "ingress" } });
    const command = ["/bin/sh", "-c", "sleep 3600"];
    for (const name of ["controller", "other"]) {
        await stack.apply({
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name, namespace: "ingress", labels: { app: name } },
            spec: { containers: [{ name, image: AGENT.image, command }] },
        });
    }
    const wait = ["wait", "--for=condition=Ready", "pod/controller", "pod/other"];
    await stack.kubectl("-n", "ingress", ...wait, "--timeout=120s");
}

/** Has the program make a namespace as an earlier version did. @returns how to undo it */
function asEarlierVersion(): () => void {
    const file = "components/cluster/namespace.ts";
    const name = stack.edit(file, "name: own?.name ?? NAMESPACE,", "name: NAMESPACE,");
    const mark = "...(own && { annotations: { [ANNOTATION_OWNER]: own.owner } }),";
    const unmarked = stack.edit(file, mark, "");
    return () => {
        unmarked();
        name();
    };
}

describe("an existing cluster", () => {
    it("gets the sandboxes, and nothing of a gateway", async () => {
        const undo = asEarlierVersion();
        const changes = await stack.preview();
        expect(changes.filter((change) => change.includes("docker:"))).toEqual([]);
        const { status, stdout, stderr } = await stack.make("up", environment());
        expect(stdout + stderr).toContain("cluster default (host 127.0.0.1), up after ");
        expect(status).toBe(0);
        const shell = `kubectl --kubeconfig ${stack.folder}/kubeconfig --context default -n sandboxes exec -it agent-0 -- sh`;
        expect(stdout).toContain(shell);
        await until("the page answers", 60, async () =>
            (await stack.page("agent")).includes("Test agent"),
        );
        // It goes on in the namespace that it has, which other stacks may have as well.
        undo();
        await stack.up("--expect-no-changes");
        expect(await stack.output("namespace")).toBe("sandboxes");
    });

    it("stops and starts them with their workspaces", async () => {
        await stack.shell("agent", "echo kept > /sandbox/kept");
        stack.configure(config({ running: false }));
        expect(await stack.preview()).toEqual([
            "update kubernetes:apps/v1:StatefulSet agent-agent",
        ]);
        await stack.up();
        stack.configure(config());
        await stack.up();
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
    });

    it("is not mistaken for another one, which has nothing of the stack", async () => {
        const before = await stack.pulumi(["stack", "export"]);
        const other = await FakeCluster.start();
        const kubeconfig = path.join(stack.folder, "kubeconfig-of-another");
        other.writeKubeconfig(kubeconfig, "default");
        stack.configure(config({ existingCluster: { ...config().existingCluster, kubeconfig } }));
        for (const target of ["heal", "up", "stop", "start", "destroy"]) {
            const { status, stdout, stderr } = await stack.make(target, environment());
            expect(stderr).toContain("got no namespace sandboxes; expected a namespace sandboxes");
            expect(stdout).not.toContain("$ pulumi");
            expect(status).not.toBe(0);
        }
        await other.close();
        const unanswered = await stack.make("heal", environment());
        expect(unanswered.stderr).toContain("cannot be asked whether it has the namespace");
        expect(unanswered.status).not.toBe(0);
        stack.configure(config());
        expect(await stack.pulumi(["stack", "export"])).toBe(before);
        expect((await stack.make("heal", environment())).status).toBe(0);
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
    });

    describe("with a second stack", () => {
        let namespace: string;

        /** What is in a namespace, and whether anything was written there. */
        const snapshot = async (of: string) => {
            const columns = "K:.kind,N:.metadata.name,U:.metadata.uid,G:.metadata.generation";
            const kinds = "deployments,statefulsets,persistentvolumeclaims,networkpolicies,secrets";
            return [
                await stack.kubectl("get", "namespace", of, "-o", "jsonpath={.metadata}"),
                await stack.kubectl("-n", of, "get", kinds, "-o", `custom-columns=${columns}`),
            ];
        };

        const claim = () =>
            stack.kubectl("-n", namespace, "get", "pvc", "-o", "jsonpath={..metadata.uid}");

        const file = () =>
            stack.kubectl("-n", namespace, "exec", "agent-0", "--", "cat", "/sandbox/kept");

        it.each([
            ["someone's", "theirs", ["preview"]],
            ["someone's", "theirs", ["up", "--yes", "--skip-preview"]],
            ["another stack's, of an earlier version", "sandboxes", ["preview"]],
        ])("is refused a namespace that is there, %s: %s, by %j", async (_, name, command) => {
            await makeForeign();
            const before = await snapshot(name);
            second.configure(inSecond({ namespace: name }));
            const { status, stdout, stderr } = await second.tryPulumi(command);
            expect(stdout + stderr).toContain(
                `cluster default: a namespace ${name} is there already, and is not this stack's`,
            );
            expect(status).not.toBe(0);
            expect(await snapshot(name)).toEqual(before);
        });

        it("has one of its own", async () => {
            second.configure(inSecond());
            const said = await second.up();
            expect(said).toContain(
                "storage class local-path of cluster default has the reclaim policy Delete",
            );
            namespace = await second.output("namespace");
            expect(namespace).toMatch(/^sandboxes-test-[0-9a-f]{8}$/);
            await stack.kubectl(
                ...["-n", namespace, "exec", "agent-0", "--"],
                ...["sh", "-c", "echo second > /sandbox/kept"],
            );
        });

        it("reaches its model through a proxy of its own, which has the key", async () => {
            const ask =
                'wget -q -O - --post-data "{}" "$INFERENCE_BASE_URL/chat/completions" 2>&1; env';
            const said = await stack.kubectl(
                ...["-n", namespace, "exec", "agent-0", "-c", "agent", "--", "sh", "-c", ask],
            );
            expect(said).toContain('"PO"');
            expect(said).not.toContain(model.key);
            expect(model.seen).toEqual([`Bearer ${model.key}`]);
        });

        it("takes up what it has made and could not note", async () => {
            const before = await claim();
            const { deployment } = JSON.parse(await second.pulumi(["stack", "export"])) as {
                deployment: { resources: { urn: string; type: string }[] };
            };
            const made = deployment.resources.find(({ type }) => type.endsWith(":Namespace"));
            const forget = ["state", "delete", "--force", "--target-dependents", "--yes"];
            await second.pulumi([...forget, made!.urn]);
            await second.up();
            expect(await claim()).toBe(before);
            expect(await file()).toBe("second\n");
        });

        it("is refused an object that someone else has put there", async () => {
            const own = { name: "late", namespace, labels: { app: "theirs" } };
            await stack.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: own });
            second.configure(
                inSecond(
                    {},
                    { sandboxes: { agent: { ...AGENT, inference: inference() }, late: AGENT } },
                ),
            );
            const { status, stdout } = await second.tryPulumi(["preview"]);
            expect(stdout).toContain(
                `namespace ${namespace} has a ConfigMap late already, which is not this stack's`,
            );
            expect(status).not.toBe(0);
        });

        it("keeps its namespace, whatever the key says then", async () => {
            second.configure(inSecond({ namespace: "another" }));
            const { status, stdout, stderr } = await second.tryPulumi(["preview"]);
            expect(stdout + stderr).toContain(
                `existingCluster.namespace: got "another"; must stay ${namespace}`,
            );
            expect(status).not.toBe(0);
        });

        it("is reached by the Ingress controller that it names, and by no other pod", async () => {
            await makePods();
            // By address: a static busybox resolves no names.
            const address = await stack.kubectl(
                ...["-n", namespace, "get", "service", "agent", "-o", "jsonpath={.spec.clusterIP}"],
            );
            const ask = (pod: string) => {
                const script = `timeout 4 wget -q -O - http://${address}:18789/healthz`;
                return stack.kubectl("-n", "ingress", "exec", pod, "--", "sh", "-c", script);
            };
            await until("the controller reaches it", 60, async () => {
                return (await ask("controller")).includes("ok");
            });
            await expect(ask("other")).rejects.toThrow();
        });

        it("leaves the first as it was when it is destroyed", async () => {
            const before = await snapshot("sandboxes");
            second.configure(inSecond({}, { protect: false }));
            await second.up();
            await second.pulumi(["destroy", "--yes", "--skip-preview"]);
            expect(await snapshot("sandboxes")).toEqual(before);
            expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
            const left = (await stack.kubectl("get", "namespaces", "-o", "name")).split("\n");
            expect(left).toContain("namespace/theirs");
            expect(left).not.toContain(`namespace/${namespace}`);
        });
    });

    it("is asked for the status of its sandboxes, with what a crashed one said last", async () => {
        expect(await stack.status(environment())).toMatchObject({
            cluster: {
                ...{ context: "default", host: "127.0.0.1", namespace: "sandboxes" },
                state: "running",
            },
            sandboxes: [
                {
                    sandbox: "agent",
                    url: expect.stringContaining("http:") as string,
                    // A busy machine may be too slow for a probe.
                    state: expect.stringMatching(/^(running|recovered)$/) as string,
                },
            ],
            kept: [],
        });
        await stack.shell("agent", "touch /sandbox/broken /sandbox/.agent/die");
        await until("the status says so", 60, async () => {
            const { sandboxes } = await stack.status(environment());
            return sandboxes[0]?.log?.at(-1) === "cannot work";
        });
    });

    it("is unknown when it does not answer, and so are its sandboxes", async () => {
        await run("docker", ["stop", "--time", "1", stack.container]);
        const { cluster, sandboxes } = await stack.status(environment());
        // Whether a namespace is there is unknown then, and none is made.
        second.configure(inSecond());
        const previewed = await second.tryPulumi(["preview"]);
        const updated = await second.tryPulumi(["up", "--yes", "--skip-preview"]);
        await run("docker", ["start", stack.container]);
        await until("the cluster answers", 120, async () => {
            return (await stack.tryKubectl("get", "--raw", "/readyz")).status === 0;
        });
        const unknown = { state: "unknown", detail: expect.stringContaining("refused") as string };
        expect(cluster).toMatchObject(unknown);
        expect(sandboxes).toMatchObject([unknown]);
        const message =
            /cluster default cannot be asked whether it has a Namespace sandboxes-test-/;
        expect(previewed.stdout + previewed.stderr).toMatch(message);
        expect(previewed.status).toBe(0);
        expect(updated.stdout + updated.stderr).toMatch(message);
        expect(updated.status).not.toBe(0);
    });

    it("is left as it was when they are destroyed", async () => {
        stack.configure(config({ protect: false }));
        await stack.up();
        await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await stack.kubectl("get", "namespaces", "-o", "name")).not.toContain("sandboxes");
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
    });
});
