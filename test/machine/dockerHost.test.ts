import { describe, expect, it } from "vitest";
import { chooseDockerHost, mayProvide, startAdvice, type Choice } from "../../machine/docker/host";
import { StepError } from "../../steps/errors";

/** What `docker context inspect` prints, as version 28 does. */
const context = (name: string, docker: object, files: string[] = []) =>
    JSON.stringify([
        {
            ...{ Name: name, Metadata: {} },
            Endpoints: { docker: { SkipTLSVerify: false, ...docker } },
            TLSMaterial: files.length > 0 ? { docker: files } : {},
            Storage: {
                MetadataPath: "/home/u/.docker/contexts/meta/ab",
                TLSPath: "/home/u/.docker/contexts/tls/ab",
            },
        },
    ]);

const USUAL = context("default", { Host: "unix:///var/run/docker.sock" });
const COLIMA = context("colima", { Host: "unix:///Users/u/.colima/default/docker.sock" });
const SERVER = "ssh://user@server.example.org";

const choose = (choice: Partial<Choice>) => chooseDockerHost({ env: {}, ...choice });

const refusal = (choice: Partial<Choice>): StepError => {
    try {
        choose(choice);
    } catch (error) {
        return error as StepError;
    }
    throw new Error("it was not refused");
};

describe("the Docker daemon", () => {
    it.each<[string, Partial<Choice>, string, string, boolean]>([
        [
            "the usual one",
            { inspected: USUAL },
            "unix:///var/run/docker.sock",
            "Docker's default",
            true,
        ],
        [
            "the usual one where `docker` is not installed yet",
            {},
            "unix:///var/run/docker.sock",
            "Docker's default",
            true,
        ],
        [
            "the usual one by name, as `make env` gives it",
            { inspected: USUAL, env: { DOCKER_HOST: "unix:///var/run/docker.sock" } },
            "unix:///var/run/docker.sock",
            "Docker's default",
            true,
        ],
        [
            "that of the context in use",
            { inspected: COLIMA },
            "unix:///Users/u/.colima/default/docker.sock",
            "Docker's context colima",
            false,
        ],
        [
            // Where it is set, `docker` says that its context is the default one.
            "that of DOCKER_HOST",
            { inspected: context("default", { Host: SERVER }), env: { DOCKER_HOST: SERVER } },
            SERVER,
            "DOCKER_HOST",
            false,
        ],
        [
            "that of DOCKER_HOST without `docker`, whatever context there is",
            { env: { DOCKER_HOST: SERVER }, currentContext: "colima" },
            SERVER,
            "DOCKER_HOST",
            false,
        ],
        [
            "that of the settings, before all others",
            { setting: SERVER, inspected: COLIMA, env: { DOCKER_HOST: "tcp://other:2375" } },
            SERVER,
            "gateway.dockerHost",
            false,
        ],
        [
            "the usual one when the default context is chosen by name",
            { env: { DOCKER_CONTEXT: "default" }, currentContext: "colima" },
            "unix:///var/run/docker.sock",
            "Docker's default",
            true,
        ],
    ])("is %s", (_, choice, host, namedBy, usual) => {
        expect(choose(choice)).toEqual({
            ...{ host, namedBy, usual },
            // Of the usual one nobody has to be told: the plugin goes there by itself.
            variables: usual && !choice.env?.["DOCKER_CONTEXT"] ? {} : { DOCKER_HOST: host },
        });
    });

    it("is given with the folder of its context's certificates", () => {
        const files = ["ca.pem", "cert.pem", "key.pem"];
        const inspected = context("safe", { Host: "tcp://server:2376" }, files);
        expect(choose({ inspected }).variables).toEqual({
            DOCKER_HOST: "tcp://server:2376",
            DOCKER_TLS_VERIFY: "1",
            DOCKER_CERT_PATH: "/home/u/.docker/contexts/tls/ab/docker",
        });
    });

    it.each<[string, Partial<Choice>, string]>([
        [
            "has not all certificates",
            { inspected: context("half", { Host: "tcp://server:2376" }, ["ca.pem"]) },
            "Docker's context half (tcp://server:2376) has of its certificates only ca.pem",
        ],
        [
            "does not verify",
            {
                inspected: context("lax", { Host: "tcp://server:2376", SkipTLSVerify: true }, [
                    "ca.pem",
                    "cert.pem",
                    "key.pem",
                ]),
            },
            "Docker's context lax (tcp://server:2376) does not verify",
        ],
        [
            "names no daemon",
            { inspected: JSON.stringify([{ Name: "kube", Endpoints: {} }]) },
            "Docker's context kube names no Docker daemon",
        ],
        [
            "cannot be read, in config.json",
            { currentContext: "colima" },
            "Docker's context is colima, and there is no `docker` on PATH",
        ],
        [
            "cannot be read, in DOCKER_CONTEXT",
            { env: { DOCKER_CONTEXT: "rootless" }, currentContext: "colima" },
            "Docker's context is rootless, and there is no `docker` on PATH",
        ],
    ])("is refused when its context %s", (_, choice, message) => {
        const error = refusal(choice);
        expect(error).toBeInstanceOf(StepError);
        expect(error.message).toContain(message);
        expect(error.hint).toBeTruthy();
    });
});

describe("a daemon that does not answer", () => {
    const advice = (
        host: string,
        namedBy = "DOCKER_HOST",
        platform: NodeJS.Platform = "linux",
        usual = false,
        release = "6.1.0-41-amd64",
    ) => startAdvice({ host, namedBy, usual, variables: {} }, { platform, release });

    it.each([
        ["unix:///home/u/.docker/desktop/docker.sock", "Docker's context desktop-linux", "Desktop"],
        ["unix:///Users/u/.docker/run/docker.sock", "DOCKER_HOST", "open Docker Desktop"],
        [
            "unix:///run/user/1000/docker.sock",
            "Docker's context rootless",
            "systemctl --user start docker",
        ],
        [
            "unix:///Users/u/.colima/default/docker.sock",
            "Docker's context colima",
            "(`colima start`)",
        ],
        [
            "unix:///Users/u/.colima/work/docker.sock",
            "Docker's context colima-work",
            "`colima start work`",
        ],
        ["unix:///Users/u/.colima/work/docker.sock", "DOCKER_HOST", "`colima start work`"],
        ["unix:///Users/u/.orbstack/run/docker.sock", "Docker's context orbstack", "orb start"],
        ["unix:///Users/u/.rd/docker.sock", "Docker's context rancher-desktop", "Rancher Desktop"],
        ["unix:///run/user/1000/podman/podman.sock", "DOCKER_HOST", "podman.socket"],
        ["ssh://user@server", "Docker's context server", "`ssh ssh://user@server docker version`"],
        ["tcp://10.0.0.1:2375", "Docker's context far", "Docker's context far names this one"],
    ])("at %s (%s) is started so: %s", (host, namedBy, expected) => {
        expect(advice(host, namedBy)).toContain(expected);
    });

    it("is a service of Linux, and a program of macOS", () => {
        const usual = "unix:///var/run/docker.sock";
        expect(advice(usual, "Docker's default", "linux", true)).toContain("sudo systemctl start");
        expect(advice(usual, "Docker's default", "darwin", true)).toContain("Docker Desktop");
        expect(advice(usual, "Docker's default", "darwin", true)).not.toContain("systemctl");
        const wsl = "6.6.87.2-microsoft-standard-WSL2";
        expect(advice(usual, "Docker's default", "linux", true, wsl)).toContain("WSL integration");
    });
});

describe("a daemon is installed or started", () => {
    const LINUX = { platform: "linux", release: "6.1.0-41-amd64" } as const;
    const WSL = { platform: "linux", release: "6.6.87.2-microsoft-standard-WSL2" } as const;
    const MACOS = { platform: "darwin", release: "24.6.0" } as const;
    const rootless = context("rootless", { Host: "unix:///run/user/1000/docker.sock" });

    it.each([
        [true, "the usual one, not installed", {}, LINUX, false],
        [true, "the usual one, installed", { inspected: USUAL }, LINUX, true],
        [true, "the usual one of WSL, installed", { inspected: USUAL }, WSL, true],
        // Docker Desktop brings it while it runs.
        [false, "the usual one of WSL, not installed", { inspected: USUAL }, WSL, false],
        [false, "the usual one of macOS", { inspected: USUAL }, MACOS, false],
        [false, "one that a context names", { inspected: rootless }, LINUX, true],
        [false, "one that DOCKER_HOST names", { env: { DOCKER_HOST: SERVER } }, LINUX, true],
        [false, "one that the settings name", { setting: SERVER }, LINUX, true],
    ])("%s: %s", (may, _, choice, machine, installed) => {
        expect(mayProvide(choose(choice), machine, installed)).toBe(may);
    });
});
