/**
 * What only turns out to be wrong when it is tried: the resource concerned says so, everything else is
 * done, and the next `up` goes on. The steps build on one another.
 */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";
import { until } from "../support/steps";

/** Seconds a sandbox that cannot work is waited for. */
const startTimeoutSeconds = 20;

const claim = (storageClass?: string) => ({
    name: "data",
    mountPath: "/data",
    size: "1Gi",
    ...(storageClass === undefined ? {} : { storageClass }),
});

let stack: TestStack;

const config = (sandboxes: object) => ({
    gateway: { imageArchives: IMAGES },
    sandboxes: { sound: AGENT, ...sandboxes },
});

const wrong = (withoutShell: string) => ({
    "no-image": { ...AGENT, image: "127.0.0.1:1/nothing:1", startTimeoutSeconds },
    "no-class": { ...AGENT, volumeClaimTemplates: [claim("absent")], startTimeoutSeconds },
    "no-shell": { image: withoutShell, startTimeoutSeconds },
});

beforeAll(async () => {
    stack = await TestStack.create("wrong");
    stack.configure(config({}));
});

afterAll(async () => {
    await stack?.remove();
});

const up = (): Promise<Result> => stack.tryPulumi(["up", "--yes", "--skip-preview"]);

describe("a port that is taken", () => {
    it("is the container's error, and the next up goes on", async () => {
        const server = createServer();
        await new Promise<void>((resolve) =>
            server.listen(stack.ports.last, "127.0.0.1", () => resolve()),
        );
        const { status, stdout, stderr } = await up();
        await new Promise((resolve) => server.close(resolve));
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(/Container \(gateway-k3s\):\n +error: /);
        expect(stdout + stderr).toMatch(
            new RegExp(`127\\.0\\.0\\.1:${stack.ports.last}.*address already in use`),
        );
        await stack.up();
        expect(await stack.state("sound")).toBe("running");
    });
});

describe("an image that does not exist, a storage class that does not, an image without a shell", () => {
    it("are each the error of their sandbox, while another is made", async () => {
        stack.configure(config({ ...wrong(await stack.pauseImage()), late: AGENT }));
        const { status, stdout, stderr } = await up();
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(/StatefulSet \(no-image-agent\):\n +error: /);
        expect(stdout + stderr).toMatch(/StatefulSet \(no-class-agent\):\n +error: /);
        expect(stdout + stderr).toMatch(/StatefulSet \(no-shell-agent\):\n +error: /);
        expect(await stack.state("late")).toBe("running");
        expect(await stack.state("sound")).toBe("running");
    });

    it("are explained by the status, with what to do", async () => {
        let { sandboxes } = await stack.status();
        const detailOf = (name: string) => sandboxes.find(({ sandbox }) => sandbox === name);
        // The runs above may have ended before the kubelet got as far as each image.
        await until("each has got as far as it gets", 60, async () => {
            ({ sandboxes } = await stack.status());
            return ["no-image", "no-class", "no-shell"].every(
                (name) => detailOf(name)?.state === "not running",
            );
        });
        expect(detailOf("no-image")).toMatchObject({
            state: "not running",
            detail: expect.stringContaining("the image cannot be pulled") as string,
        });
        expect(detailOf("no-class")).toMatchObject({
            state: "not running",
            detail: expect.stringMatching(
                /^cannot be scheduled: .*(PersistentVolumeClaim|storageclass)/,
            ) as string,
        });
        expect(detailOf("no-shell")).toMatchObject({
            state: "not running",
            detail: "the image has no shell (/bin/sh), which seeding the workspace needs",
            next: expect.stringContaining("volumeClaimTemplates") as string,
        });
        expect(detailOf("sound")).toMatchObject({ state: "running" });
    });

    it("are mended, and the next up goes on", async () => {
        const local = JSON.parse(
            await stack.kubectl("get", "storageclass", "sandbox-workspace", "-o", "json"),
        ) as { provisioner: string; parameters: object };
        const absent = {
            ...{
                apiVersion: "storage.k8s.io/v1",
                kind: "StorageClass",
                metadata: { name: "absent" },
            },
            provisioner: local.provisioner,
            parameters: local.parameters,
            reclaimPolicy: "Retain",
            volumeBindingMode: "WaitForFirstConsumer",
        };
        await stack.apply(absent);
        const before = wrong(await stack.pauseImage());
        const mended = {
            "no-image": { ...AGENT, protect: false },
            "no-class": { ...before["no-class"], startTimeoutSeconds: 300 },
        };
        const unprotected = { ...before["no-shell"], protect: false };
        stack.configure(config({ ...mended, "no-shell": unprotected, late: AGENT }));
        expect((await up()).status).not.toBe(0);
        // Without its workspace nothing is seeded, and nothing needs a shell.
        const bypassing = { image: before["no-shell"].image, volumeClaimTemplates: [claim()] };
        stack.configure(config({ ...mended, "no-shell": bypassing, late: AGENT }));
        const refused = await stack.tryPulumi(["preview"]);
        expect(refused.stdout + refused.stderr).toContain(
            "sandboxes.no-shell.volumeClaimTemplates: got data; must stay workspace: a StatefulSet keeps its claims",
        );
        stack.configure(config({ ...mended, late: AGENT }));
        await stack.up();
        stack.configure(config({ ...mended, "no-shell": bypassing, late: AGENT }));
        await stack.up();
        for (const sandbox of ["no-image", "no-class", "no-shell", "late", "sound"]) {
            expect([sandbox, await stack.state(sandbox)]).toEqual([sandbox, "running"]);
        }
        await stack.up("--expect-no-changes");
    });
});

describe("claims of its own", () => {
    it("are mounted empty where they are asked for, and kept when the pod is not", async () => {
        expect(await stack.shell("no-class", "ls -A /data")).toBe("");
        const spec = JSON.stringify(await stack.pod("no-class"));
        expect(spec).not.toContain("workspace-init");
        await stack.shell("no-class", "echo kept > /data/kept");
        await stack.kubectl("-n", "sandboxes", "delete", "pod", "no-class-0");
        await stack.settled("no-class");
        expect(await stack.shell("no-class", "cat /data/kept")).toBe("kept\n");
    });
});
