/**
 * A gateway that is replaced in place, and one that Docker stops: the sandboxes get their grace, and
 * are back when it is said that they are. The steps build on one another.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortHash } from "../../model/names";
import { gatewaySchema } from "../../settings/schema/gateway";
import { until } from "../support/steps";
import { collect, type Evidence } from "../support/evidence";
import { attempt, run } from "../support/run";
import { AGENT, FRAGILE, IMAGES } from "../support/sandboxes";
import { TestStack, withoutGateway } from "../support/stack";

const IMAGE = gatewaySchema.parse({}).image;

/** The same programs in an image of this run's own: under another name alone it would be the same. */
const OTHER_IMAGE = `sandbox-gateway/e2e-k3s:${process.pid}`;

let stack: TestStack;

const config = (gateway: object = {}, fragile: object = {}) => ({
    gateway: { imageArchives: IMAGES, ...gateway },
    sandboxes: { fragile: { ...FRAGILE, ...fragile }, sound: AGENT },
});

beforeAll(async () => {
    const input = `FROM ${IMAGE}\nLABEL sandbox-gateway.test=${process.pid}\n`;
    await run("docker", ["build", "--tag", OTHER_IMAGE, "-"], { input });
    stack = await TestStack.create("replace");
    stack.configure(config());
    await stack.up();
});

afterAll(async () => {
    await stack?.remove();
    await attempt("docker", ["rmi", OTHER_IMAGE]);
});

/** The container alone is replaced; each sandbox is updated so far that it is awaited. */
const REPLACED = [
    "replace docker:index/container:Container gateway-k3s",
    "update kubernetes:apps/v1:StatefulSet fragile-agent",
    "update kubernetes:apps/v1:StatefulSet sound-agent",
];

describe.each([
    ["settings", { tlsSans: ["agents.example.org"] }, []],
    [
        "image",
        { image: OTHER_IMAGE },
        [
            `create docker:index/remoteImage:RemoteImage gateway-image-${shortHash(OTHER_IMAGE)}`,
            `delete docker:index/remoteImage:RemoteImage gateway-image-${shortHash(IMAGE)}`,
        ],
    ],
])("a change of the gateway's %s", (_, gateway, images) => {
    let before: Evidence;

    it("is previewed as the replacement of the container", async () => {
        await stack.shell("fragile", "date > /sandbox/kept-$(date +%s%N)");
        before = await collect(stack, "fragile");
        stack.configure(config(gateway));
        expect(withoutGateway(await stack.preview())).toEqual([...images, ...REPLACED].sort());
    });

    it("ends when the sandboxes are ready again, with data and identities equal", async () => {
        await stack.up();
        // At once, without waiting: that is what `up` has done.
        expect(await stack.state("fragile")).toBe("running");
        expect(await stack.state("sound")).toBe("running");
        expect(await collect(stack, "fragile")).toEqual(before);
        await changesNothing();
    });
});

/**
 * A second `up` changes nothing. Version 4.25 of the Kubernetes provider may record of an update what
 * its watch still shows of before: then the record alone is brought up to date, by one more `up`.
 */
async function changesNothing(): Promise<void> {
    const changes = withoutGateway(await stack.preview());
    if (changes.length > 0) {
        expect(changes).toEqual([
            expect.stringMatching(
                /^update kubernetes:apps\/v1:StatefulSet (fragile|sound)-agent$/,
            ) as string,
        ]);
        const pods = async () => [await stack.pod("fragile"), await stack.pod("sound")];
        const lives = (await pods()).map(({ metadata }) => metadata.uid);
        await stack.up();
        expect((await pods()).map(({ metadata }) => metadata.uid)).toEqual(lives);
    }
    await stack.up("--expect-no-changes");
}

describe("a sandbox that does not come back", () => {
    it("is reported, and does not hold back the other", async () => {
        await stack.shell("fragile", "touch /sandbox/broken");
        stack.configure(config({}, { startTimeoutSeconds: 40 }));
        const { status, stdout, stderr } = await stack.tryPulumi(["up", "--yes", "--skip-preview"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(/StatefulSet \(fragile-agent\):\n +error: /);
        expect(stdout + stderr).not.toMatch(/StatefulSet \(sound-agent\)/);
        expect(await stack.state("fragile")).toBe("not running");
        expect(await stack.state("sound")).toBe("running");
    });

    it("is awaited again by the next up, once it is mended", async () => {
        const workspace = "/var/lib/rancher/k3s/storage/sandboxes/workspace-fragile-0";
        await run("docker", ["exec", stack.container, "rm", `${workspace}/broken`]);
        stack.configure(config());
        await stack.up();
        // It was started again by the kubelet, after it had failed.
        expect(await stack.state("fragile")).toBe("recovered");
        await stack.up("--expect-no-changes");
    });
});

describe("a gateway that Docker stops", () => {
    const out = "/var/lib/rancher/k3s/out";

    it("gives every pod its own grace and its preStop, and waits for no more", async () => {
        await stack.shell("sound", "echo before > /sandbox/mark");
        const slow = {
            ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "slow" } },
            spec: {
                terminationGracePeriodSeconds: 20,
                containers: [
                    {
                        name: "slow",
                        image: AGENT.image,
                        securityContext: { runAsUser: 0 },
                        command: [
                            ...["/bin/sh", "-c"],
                            "trap 'sleep 3; echo ended >/out/term; exit 0' TERM; while :; do sleep 0.1; done",
                        ],
                        lifecycle: {
                            preStop: {
                                exec: { command: ["/bin/sh", "-c", "sleep 2; echo pre >/out/pre"] },
                            },
                        },
                        volumeMounts: [{ name: "out", mountPath: "/out" }],
                    },
                ],
                volumes: [{ name: "out", hostPath: { path: out, type: "DirectoryOrCreate" } }],
            },
        };
        await stack.apply(slow);
        await stack.kubectl("wait", "--for=condition=Ready", "pod/slow", "--timeout=60s");
        // Whatever takes longer is killed, and ends with 137.
        await run("docker", ["stop", "--time", "40", stack.container]);
        const format = ["--format", "{{.State.ExitCode}}"];
        expect(await run("docker", ["inspect", ...format, stack.container])).toBe("0\n");
    });

    it("comes back with its sandboxes", async () => {
        await run("docker", ["start", stack.container]);
        await until("the sandboxes are back", 120, async () => {
            return (await stack.shell("sound", "cat /sandbox/mark")) === "before\n";
        });
        const files = [`${out}/pre`, `${out}/term`];
        const said = await run("docker", ["exec", stack.container, "cat", ...files]);
        expect(said).toBe("pre\nended\n");
    });
});
