/** Which Docker daemons are not asked, because what is said to them goes over the network in clear. */
import { describe, expect, it } from "vitest";
import { plainDocker } from "../../config";
import { plainTransport } from "../../components/gateway/dockerTransport";
import { parseSettings } from "../../settings/parse";
import { chooseDockerHost } from "../../machine/docker/host";
import { run } from "../support/program";

const TLS = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" };

describe("a daemon", () => {
    it.each<[string | undefined, object]>([
        [undefined, {}],
        ["unix:///var/run/docker.sock", {}],
        ["ssh://user@server.example.org", {}],
        ["npipe:////./pipe/docker_engine", {}],
        ["tcp://127.0.0.1:2375", {}],
        ["tcp://localhost:2375", {}],
        ["tcp://[::1]:2375", {}],
        ["tcp://server:2376", TLS],
    ])("%s, with %j, is asked", (host, env) => {
        expect(plainTransport(host, env as never)).toBeUndefined();
    });

    it.each<[string, object]>([
        ["tcp://server:2375", {}],
        ["tcp://192.168.7.2", {}],
        ["tcp://127.example.org:2375", {}],
        ["tcp://localhost.example.org:2375", {}],
        ["tcp://[fe80::1]:2375", {}],
        ["http://server:2375", {}],
        // The plugin would go without.
        ["tcp://server:2376", { DOCKER_TLS_VERIFY: "1" }],
        // `docker` would.
        ["tcp://server:2376", { DOCKER_CERT_PATH: "/certs" }],
    ])("%s, with %j, is not", (host, env) => {
        expect(plainTransport(host, env as never)?.reason).toContain("without TLS");
    });
});

describe("make", () => {
    const context = JSON.stringify([
        { Name: "far", Endpoints: { docker: { Host: "tcp://server:2375" } } },
    ]);

    it.each([
        [{ setting: "tcp://server:2375", env: {} }, "gateway.dockerHost is tcp://server:2375"],
        [{ env: { DOCKER_HOST: "tcp://server:2375" } }, "DOCKER_HOST is tcp://server:2375"],
        [{ env: {}, inspected: context }, "Docker's context far is tcp://server:2375"],
    ])("names what has named it: %j", (choice, message) => {
        expect(() => chooseDockerHost(choice)).toThrow(`${message}, which must not be asked over`);
    });

    it("goes there with certificates", () => {
        const env = { ...TLS, DOCKER_HOST: "tcp://server:2376" };
        expect(chooseDockerHost({ env }).host).toBe("tcp://server:2376");
    });
});

describe("the program", () => {
    const problem = (raw: object, env: NodeJS.ProcessEnv) => {
        const found = plainDocker(parseSettings(raw).settings!, env);
        return found && [found.key, found.got];
    };
    const server = { gateway: { dockerHost: "tcp://server:2375" } };
    const existingCluster = { kubeconfig: "k", context: "c", storageClass: "s", host: "h" };

    it.each<[object, NodeJS.ProcessEnv, unknown]>([
        [server, {}, ["gateway.dockerHost", "tcp://server:2375"]],
        [server, TLS, undefined],
        [{}, { DOCKER_HOST: "tcp://a:2375" }, ["DOCKER_HOST", "tcp://a:2375"]],
        [{}, { DOCKER_HOST: "tcp://a:2375", DOCKER_CONTEXT: "b" }, undefined],
        [{ gateway: { dockerHost: "ssh://a" } }, { DOCKER_HOST: "tcp://a:2375" }, undefined],
        [{ existingCluster }, { DOCKER_HOST: "tcp://a:2375" }, undefined],
        [{}, {}, undefined],
    ])("%j with %j: %j", (raw, env, expected) => {
        expect(problem(raw, env)).toEqual(expected);
    });

    it("ends before anything is registered", async () => {
        await expect(run(server)).rejects.toThrow(
            'gateway.dockerHost: got "tcp://server:2375"; must not be asked over TCP without TLS',
        );
    });
});
