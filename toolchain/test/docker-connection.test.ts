import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
    checkProviderConfig,
    explain,
    hostOf,
    parseHost,
    registryAuths,
} from "../plugins/docker/client";
import { authFor, tagged } from "../plugins/docker/resources/image";
import { unframed } from "../plugins/docker/resources/waiting";
import { Recorder } from "./record/recorder";

describe("the connection", () => {
    it.each([
        ["unix:///run/docker.sock", { protocol: "unix", path: "/run/docker.sock" }],
        ["tcp://10.0.0.5", { protocol: "tcp", host: "10.0.0.5", port: 2375 }],
        ["tcp://[::1]:99", { protocol: "tcp", host: "::1", port: 99 }],
        ["https://build:2376", { protocol: "https", host: "build", port: 2376 }],
        ["ssh://me@build-host", { protocol: "ssh", host: "build-host", port: 22, user: "me" }],
    ])("%s", (host, endpoint) => {
        expect(parseHost(host)).toEqual(endpoint);
    });

    it.each(["build-host", "npipe:////./pipe/docker", "unix://relative", "tcp://"])(
        "not %s",
        (host) => {
            expect(() => parseHost(host)).toThrow(`docker host "${host}" is not understood`);
        },
    );

    it("is the provider's host, then DOCKER_HOST, then the usual socket", () => {
        const env = { DOCKER_HOST: "tcp://b" };
        expect(hostOf({ host: "tcp://a" }, env)).toBe("tcp://a");
        expect(hostOf({}, env)).toBe("tcp://b");
        expect(hostOf({}, {})).toBe("unix:///var/run/docker.sock");
    });

    it("refuses provider inputs that are not implemented", () => {
        const failures = checkProviderConfig({
            sshOpts: "[]",
            context: "x",
            host: "nope",
            version: "5.2.0",
        });
        expect(failures.map((f) => f.property).sort()).toEqual(["context", "host", "sshOpts"]);
        expect(checkProviderConfig({ host: "ssh://a@b", registryAuth: "[]" })).toEqual([]);
    });

    it("out of reach: what, where, and what to do", () => {
        const error = Object.assign(new Error("connect ENOENT /x.sock"), { code: "ENOENT" });
        const { message } = explain("Unable to create volume", error, "unix:///x.sock");
        expect(message).toBe(
            "Unable to create volume: cannot reach the Docker daemon at unix:///x.sock: " +
                'connect ENOENT /x.sock; check that the daemon runs ("docker info") or set ' +
                "docker:host or DOCKER_HOST",
        );
    });

    it("an answer of the daemon is its own words, whatever words they are", () => {
        const error = Object.assign(new Error("(HTTP code 500) ..."), {
            statusCode: 500,
            json: { message: "openssh socket hang up" },
        });
        expect(explain("Unable to start container", error, "h").message).toBe(
            "Unable to start container: Error response from daemon: openssh socket hang up",
        );
    });
});

describe("images", () => {
    it.each([
        ["a", "a:latest"],
        ["a:1", "a:1"],
        ["localhost:5000/a", "localhost:5000/a:latest"],
        ["a@sha256:1", "a@sha256:1"],
    ])("%s is pulled as %s", (name, expected) => {
        expect(tagged(name)).toBe(expected);
    });

    it("a login is used for its registry only", () => {
        const auths = registryAuths({
            registryAuth: JSON.stringify([
                { address: "https://r.example.com", username: "u", password: "p" },
            ]),
        });
        const login = { username: "u", password: "p", serveraddress: "https://r.example.com" };
        expect(authFor("r.example.com/a:1", auths)).toEqual(login);
        expect(authFor("other.example.com/a:1", auths)).toBeUndefined();
        expect(authFor("library/a", auths)).toBeUndefined();
    });
});

it("container logs lose the daemon's framing", () => {
    const frame = (stream: number, text: string) => {
        const header = Buffer.alloc(8);
        header[0] = stream;
        header.writeUInt32BE(text.length, 4);
        return Buffer.concat([header, Buffer.from(text)]);
    };
    expect(unframed(Buffer.concat([frame(1, "out\n"), frame(2, "err\n")]))).toBe("out\nerr\n");
});

describe("a daemon out of reach", () => {
    it("is no problem until it is needed, and then says where it was sought", async () => {
        const main = join(__dirname, "../../toolchain/plugins/docker/main.ts");
        const host = "unix:///nowhere.sock";
        const plugin = await Recorder.start(process.execPath, ["--import", "tsx", main], { host });
        const made = await plugin.create("docker:index/volume:Volume", { name: "a" });
        await plugin.stop();
        expect(made.error).toContain(
            `Unable to create volume: cannot reach the Docker daemon at ${host}`,
        );
        expect(made.error).toContain("set docker:host or DOCKER_HOST");
        expect(made.initId).toBeUndefined();
    });
});
