/** What the record does not show: the 5.2.0 stand-in on a real daemon, call by call. */

import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Obj } from "../plugins/host/values";
import { docker, dockerQuietly, provideImage } from "./record/daemon";
import { Recorder } from "./record/recorder";

const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";
const IMAGE = "docker:index/remoteImage:RemoteImage";

const MAIN = join(__dirname, "../../toolchain/plugins/docker/main.ts");
const RUN = ["--import", "tsx", MAIN];
/** Names of this run; two runs at once must not meet. */
const id = `plug-${randomBytes(4).toString("hex")}`;
const image = `${id}:1`;
const FOREVER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"];
const DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"];

let plugin: Recorder;
let base: { remove(): void };
const folder = mkdtempSync(join(tmpdir(), "plug-"));

beforeAll(async () => {
    base = provideImage(image);
    plugin = await Recorder.start(process.execPath, RUN);
}, 60_000);

afterAll(async () => {
    await plugin.stop();
    for (const each of docker("ps", "-aq", "--filter", `name=${id}`).split("\n")) {
        dockerQuietly("rm", "-f", "-v", each);
    }
    dockerQuietly("network", "rm", id);
    dockerQuietly("volume", "rm", "-f", id);
    dockerQuietly("image", "rm", `${id}-tag:1`);
    base.remove();
    rmSync(folder, { recursive: true });
}, 60_000);

/** Check, then Create, as the engine does. */
async function create(token: string, news: Obj, by = plugin) {
    const { inputs = {}, failures } = await by.check(token, news);
    expect(failures).toEqual([]);
    const answer = await by.create(token, inputs);
    return { ...answer, inputs, outputs: answer.outputs ?? {}, id: answer.id ?? "" };
}

async function createContainer(name: string, more: Obj, by = plugin) {
    return create(CONTAINER, { name: `${id}-${name}`, image, command: FOREVER, ...more }, by);
}

interface Made {
    readonly id: string;
    readonly outputs: Obj;
    readonly inputs: Obj;
}

async function removeContainer(made: Made): Promise<number> {
    const start = Date.now();
    const answer = await plugin.del(CONTAINER, made.id, made.outputs, made.inputs);
    expect(answer).toEqual({});
    expect(docker("ps", "-aq", "--no-trunc", "--filter", `id=${made.id}`)).toBe("");
    return Date.now() - start;
}

/** The next diff after a refresh. */
async function driftOf(made: Made) {
    const read = await plugin.read(CONTAINER, made.id, made.outputs, made.inputs);
    const state = read.outputs ?? {};
    const change = await plugin.diff(CONTAINER, made.id, state, read.inputs ?? {}, made.inputs);
    return { state, inputs: read.inputs ?? {}, ...change };
}

describe("Container", () => {
    it("takes every kind of input, and a refresh finds no difference", async () => {
        writeFileSync(join(folder, "source"), "from disk");
        const made = await createContainer("all", {
            entrypoints: ["sh", "-c"],
            command: ["trap 'exit 0' TERM; while :; do sleep 1; done"],
            hostname: "all-host",
            domainname: "example.org",
            envs: ["B=2", "A=1"],
            labels: [
                { label: "b", value: "2" },
                { label: "a", value: "1" },
            ],
            // Which host ports is left to the daemon.
            ports: [{ internal: 443 }, { internal: 80, ip: "127.0.0.1" }],
            uploads: [
                { file: "/up/base64", contentBase64: Buffer.from("raw").toString("base64") },
                { file: "/up/source", source: join(folder, "source"), permissions: "0600" },
                { file: "/up/owned", content: "o", owner: "12", group: "34" },
            ],
            tmpfs: { "/scratch": "size=1m" },
            mounts: [{ type: "tmpfs", target: "/mounted" }],
            volumes: [{ hostPath: folder, containerPath: "/host", readOnly: true }],
            capabilities: { adds: ["CAP_NET_ADMIN"] },
            devices: [{ hostPath: "/dev/null", containerPath: "/dev/nothing" }],
            dns: ["127.0.0.1"],
            ulimits: [{ name: "nofile", soft: 512, hard: 1024 }],
            logOpts: { "max-size": "1m" },
            logDriver: "json-file",
            stopSignal: "SIGTERM",
            stopTimeout: 3,
            init: true,
            user: "0",
            workingDir: "/tmp",
            shmSize: 32,
            ipcMode: "private",
            securityOpts: ["no-new-privileges"],
            groupAdds: ["7"],
            memory: 64,
            memorySwap: 128,
            memoryReservation: 32,
            cpuShares: 512,
            healthcheck: { tests: ["CMD", "true"], interval: "1m0s", timeout: "5s", retries: 3 },
        });
        expect(made.error).toBeUndefined();
        const inside = docker("exec", `${id}-all`, "sh", "-c", "cat /up/*; hostname; ls -ln /up");
        expect(inside).toContain("rawofrom disk");
        expect(inside).toContain("all-host");
        expect(inside).toMatch(/-rw------- .* source/);
        expect(inside).toMatch(/ 12 +34 .* owned/);
        expect((await driftOf(made)).detailed).toEqual({});
        await removeContainer(made);
    });

    it("a duration that Docker prints differently is a difference, as with the real plugin", async () => {
        const healthcheck = { tests: ["CMD", "true"], interval: "60s", timeout: "5s" };
        const made = await createContainer("durations", { healthcheck });
        expect((await driftOf(made)).detailed).toEqual({
            "healthcheck.interval": "UPDATE_REPLACE",
        });
        await removeContainer(made);
    });

    it("killed without ports: the next update starts it in place", async () => {
        const made = await createContainer("killed", {});
        docker("kill", `${id}-killed`);
        const drift = await driftOf(made);
        expect(drift.detailed).toEqual({ mustRun: "UPDATE" });
        const updated = await plugin.update(
            CONTAINER,
            made.id,
            drift.state,
            drift.inputs,
            made.inputs,
        );
        expect(updated.outputs).toMatchObject({ mustRun: true, exitCode: null });
        expect(docker("inspect", "-f", "{{.State.Running}}", `${id}-killed`)).toBe("true");
        await removeContainer(made);
    });

    it("is stopped with the grace it asks for, and without one at once", async () => {
        const command = [
            "sh",
            "-c",
            "trap 'sleep 1; touch /host/bye; exit 0' TERM; while :; do sleep 1; done",
        ];
        const volumes = [{ hostPath: folder, containerPath: "/host" }];
        await removeContainer(await createContainer("hasty", { command, volumes }));
        expect(existsSync(join(folder, "bye"))).toBe(false);
        const took = await removeContainer(
            await createContainer("patient", { command, volumes, destroyGraceSeconds: 20 }),
        );
        expect(existsSync(join(folder, "bye"))).toBe(true);
        expect(took).toBeLessThan(15_000);
    }, 60_000);

    it("that ends at once without wait is an error with its id", async () => {
        const made = await createContainer("ends", { command: ["sh", "-c", "exit 3"] });
        expect(made.error).toContain(`container ${id}-ends exited after creation with code 3`);
        expect(made.initId).toMatch(/^[0-9a-f]{64}$/);
        dockerQuietly("rm", "-f", `${id}-ends`);
    });

    it("attach waits for the end, logs keeps what it printed", async () => {
        const command = ["sh", "-c", "echo one; echo two; exit 4"];
        const made = await createContainer("job", {
            command,
            attach: true,
            logs: true,
            mustRun: false,
        });
        expect(made.outputs).toMatchObject({ containerLogs: "one\ntwo\n", exitCode: 4 });
        await removeContainer(made);
    });

    it("wait without a health check fails with an id when its time is up", async () => {
        const made = await createContainer("unchecked", { wait: true, waitTimeout: 1 });
        expect(made.error).toContain("container failed to be in healthy state");
        expect(made.initId).toMatch(/^[0-9a-f]{64}$/);
        dockerQuietly("rm", "-f", `${id}-unchecked`);
    });
});

describe("a cancelled wait", () => {
    it.each(["Cancel", "SIGTERM"])(
        "%s ends it promptly and keeps the id",
        async (how) => {
            const own = await Recorder.start(process.execPath, RUN);
            const healthcheck = {
                tests: ["CMD", "false"],
                interval: "1s",
                timeout: "5s",
                retries: 60,
            };
            const pending = createContainer(
                "cancelled",
                { healthcheck, wait: true, waitTimeout: 60 },
                own,
            );
            while (docker("ps", "-q", "--filter", `name=${id}-cancelled`) === "") {
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            const start = Date.now();
            const ended = how === "Cancel" ? own.cancel() : own.stop();
            const answer = await pending;
            expect(Date.now() - start).toBeLessThan(4000);
            expect(answer.error).toContain("cancelled while waiting for container");
            expect(answer.initId).toMatch(/^[0-9a-f]{64}$/);
            await ended;
            if (how === "Cancel") {
                await own.stop();
            }
            dockerQuietly("rm", "-f", `${id}-cancelled`);
        },
        30_000,
    );
});

describe("a cancelled delete", () => {
    it("does not wait for the grace, and the container can be deleted later", async () => {
        const own = await Recorder.start(process.execPath, RUN);
        const made = await createContainer("deaf", { command: DEAF, destroyGraceSeconds: 30 }, own);
        const pending = own.del(CONTAINER, made.id, made.outputs, made.inputs);
        await new Promise((resolve) => setTimeout(resolve, 500));
        const start = Date.now();
        await own.cancel();
        expect((await pending).error).toContain("cancelled while stopping container");
        expect(Date.now() - start).toBeLessThan(4000);
        await own.stop();
        docker("kill", made.id);
        await removeContainer(made);
    }, 30_000);
});

describe("Network and Volume", () => {
    it("an anonymous volume goes with its container, unless removeVolumes is false", async () => {
        const volumes = [{ containerPath: "/anonymous" }];
        const volumeOf = (name: string) =>
            docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", `${id}-${name}`);
        const gone = await createContainer("gone", { volumes });
        const kept = await createContainer("kept", { volumes, removeVolumes: false });
        const [first, second] = [volumeOf("gone"), volumeOf("kept")];
        await removeContainer(gone);
        await removeContainer(kept);
        expect(docker("volume", "ls", "-q", "--filter", `name=${first}`)).toBe("");
        expect(docker("volume", "ls", "-q", "--filter", `name=${second}`)).toBe(second);
        docker("volume", "rm", second);
    });

    it("a delete waits for the last user to go", async () => {
        const volume = await create(VOLUME, { name: id, labels: [{ label: "a", value: "b" }] });
        const network = await create(NETWORK, { name: id });
        expect(network.outputs.ipamConfigs).toHaveLength(1);
        const made = await createContainer("user", {
            networksAdvanced: [{ name: id, aliases: ["gw"] }],
            volumes: [{ volumeName: id, containerPath: "/data" }],
        });
        const pending = [
            plugin.del(NETWORK, network.id, network.outputs, network.inputs),
            plugin.del(VOLUME, volume.id, volume.outputs, volume.inputs),
        ];
        await new Promise((resolve) => setTimeout(resolve, 1500));
        expect(docker("volume", "ls", "-q", "--filter", `name=${id}`)).toBe(id);
        await removeContainer(made);
        expect(await Promise.all(pending)).toEqual([{}, {}]);
        expect(docker("volume", "ls", "-q", "--filter", `name=${id}`)).toBe("");
    }, 30_000);
});

describe("RemoteImage", () => {
    it("is removed unless keepLocally, and gone means gone", async () => {
        const name = `${id}-tag:1`;
        docker("tag", image, name);
        const made = await create(IMAGE, { name });
        expect(made.outputs.imageId).toMatch(/^sha256:/);
        expect(await plugin.del(IMAGE, made.id, made.outputs, made.inputs)).toEqual({});
        expect(await plugin.read(IMAGE, made.id, made.outputs, made.inputs)).toEqual({ id: "" });
        expect(await plugin.del(IMAGE, made.id, made.outputs, made.inputs)).toEqual({});
    });
});
