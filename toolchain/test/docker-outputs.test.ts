import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import { afterAll, describe, expect, it } from "vitest";
import { containerRules } from "../plugins/docker/rules/container";
import { formatDuration, parseDuration } from "../plugins/docker/rules/values";
import { containerOutputs } from "../plugins/docker/translate/outputs";
import { uploadArchive } from "../plugins/docker/translate/upload";
import type { Obj } from "../plugins/host/values";

describe("durations", () => {
    it.each([
        ["60s", "1m0s"],
        ["1m0s", "1m0s"],
        ["5s", "5s"],
        ["1h", "1h0m0s"],
        ["1.5s", "1.5s"],
        ["250ms", "250ms"],
        ["0s", "0s"],
        ["0", "0s"],
    ])("%s is read back as %s", (given, back) => {
        expect(formatDuration(parseDuration(given) ?? -1)).toBe(back);
    });

    it.each(["", "5", "s", "5 s", "-1s", "5d"])("%j is none", (text) => {
        expect(parseDuration(text)).toBeUndefined();
    });
});

describe("outputs of a container", () => {
    const live = (change: { running?: boolean; ports?: object; image?: string; config?: object }) =>
        ({
            Id: "abc",
            Name: "/c",
            Image: change.image ?? "sha256:1",
            Platform: "linux",
            State: { Running: change.running ?? true, ExitCode: 137 },
            Config: {
                Image: "a:1",
                Hostname: "h",
                Env: null,
                Tty: false,
                OpenStdin: false,
                ...change.config,
            },
            HostConfig: { RestartPolicy: { Name: "no" } },
            NetworkSettings: { Ports: change.ports ?? {}, Networks: {} },
        }) as unknown as Docker.ContainerInspectInfo;
    const outputs = (inspect: Docker.ContainerInspectInfo, inputs: Obj, state: Obj = {}) =>
        containerOutputs(containerRules("5.2.0"), inspect, inputs, state, "read");
    const published = {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "81" }],
        "443/tcp": [{ HostIp: "127.0.0.1", HostPort: "444" }],
    };
    const port = (internal: number, external: number) => ({
        internal,
        external,
        ip: "127.0.0.1",
        protocol: "tcp",
    });

    it("an image stays in the form the program uses", () => {
        expect(outputs(live({}), { image: "a:1" }).image).toBe("a:1");
        expect(outputs(live({}), { image: "sha256:1" }).image).toBe("sha256:1");
        expect(outputs(live({ image: "sha256:2" }), { image: "sha256:1" }).image).toBe("sha256:2");
    });

    it("ports come in the program's order", () => {
        const ports = [port(443, 444), port(80, 81)];
        expect(outputs(live({ ports: published }), { image: "a", ports }).ports).toEqual(ports);
    });

    it("a stopped container has no ports and does not fulfil mustRun", () => {
        const state = outputs(live({ running: false }), { image: "a", ports: [port(80, 81)] });
        expect(state).toMatchObject({ ports: [], mustRun: false, exitCode: 137 });
    });

    it("unless it is meant to be stopped", () => {
        const ports = [port(80, 81)];
        const inputs = { image: "a", ports, mustRun: false };
        expect(outputs(live({ running: false }), inputs, { ports })).toMatchObject({
            ports,
            mustRun: false,
        });
    });

    it("what an image brings along is no drift", () => {
        const config = { User: "node", WorkingDir: "/app", Env: ["A=1"] };
        const state = outputs(live({ config }), { image: "a" });
        expect(state).toMatchObject({ user: "", workingDir: "", envs: [] });
    });

    it("ports nobody asked for, of publishAllPorts, are no drift", () => {
        const inputs = { image: "a", publishAllPorts: true };
        expect(outputs(live({ ports: published }), inputs).ports).toEqual([]);
    });
});

describe("uploads", () => {
    const folder = mkdtempSync(join(tmpdir(), "upload-"));
    writeFileSync(join(folder, "source"), "from disk");
    afterAll(() => rmSync(folder, { recursive: true }));

    async function unpacked(upload: Obj) {
        const tar = extract();
        tar.end(await uploadArchive(upload));
        const files: object[] = [];
        for await (const entry of tar) {
            const chunks: Buffer[] = [];
            for await (const chunk of entry as AsyncIterable<Buffer>) {
                chunks.push(chunk);
            }
            const { name, mode, uid, gid } = entry.header;
            files.push({ name, mode, uid, gid, content: Buffer.concat(chunks).toString("latin1") });
        }
        return files;
    }

    it.each<[Obj, object]>([
        [{ content: "x" }, { content: "x", mode: 0o644, uid: 0, gid: 0 }],
        [{ content: "" }, { content: "" }],
        [{ content: "x", executable: true }, { mode: 0o744 }],
        [{ content: "x", executable: true, permissions: "0600" }, { mode: 0o600 }],
        [
            { content: "x", owner: "1000", group: "1001" },
            { uid: 1000, gid: 1001 },
        ],
        [{ contentBase64: "AP8=" }, { content: "\u0000\u00ff" }],
        [{ source: join(folder, "source") }, { content: "from disk" }],
    ])("%j", async (upload, expected) => {
        const [file, ...more] = await unpacked({ file: "/etc/app/x", ...upload });
        expect(file).toMatchObject({ name: "etc/app/x", ...expected });
        expect(more).toEqual([]);
    });

    it("a path longer than a tar header holds", async () => {
        const file = `/${"deep/".repeat(60)}file`;
        expect(await unpacked({ file, content: "x" })).toMatchObject([{ name: file.slice(1) }]);
    });

    it("a missing source says which", async () => {
        await expect(uploadArchive({ file: "/a", source: "/nope/x" })).rejects.toThrow(
            'upload of /a: cannot read source "/nope/x"',
        );
    });
});
