/** The daemon of the settings, the environment and Docker's contexts; `docker` is a stand-in. */
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { provideDocker, useDockerHost } from "../../machine/docker/daemon";
import { StepError } from "../../steps/errors";
import { StandIns } from "../support/standIns";

const SOCKET = "unix:///Users/u/.colima/default/docker.sock";

let standIns: StandIns;

beforeEach(() => {
    standIns = new StandIns();
    vi.stubEnv("DOCKER_HOST", undefined);
    vi.stubEnv("DOCKER_CONTEXT", "colima");
    // Whatever goes wrong here, nothing is installed or started on the machine of the test.
    vi.spyOn(process, "getuid").mockReturnValue(1000);
});

afterEach(() => {
    vi.restoreAllMocks();
    standIns.remove();
});

const CONTEXT = JSON.stringify([{ Name: "colima", Endpoints: { docker: { Host: SOCKET } } }]);

/** A `docker` whose context is Colima's. @param answers cases of a shell's `case` */
function docker(...answers: string[]): void {
    const cases = [`"context inspect") echo '${CONTEXT}' ;;`, ...answers];
    standIns.add("docker", `case "$*" in\n${cases.join("\n")}\n*) exit 64 ;;\nesac`);
}

const says = (version: object, info: object) => [
    `version*) echo '${JSON.stringify(version)}' ;;`,
    `info*) echo '${JSON.stringify(info)}' ;;`,
];

const refusal = async (work: Promise<unknown>): Promise<StepError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StepError);
    return error as StepError;
};

describe("useDockerHost", () => {
    it("has everything ask the daemon of the context in use", async () => {
        docker();
        expect((await useDockerHost()).host).toBe(SOCKET);
        expect(process.env["DOCKER_HOST"]).toBe(SOCKET);
        // The docker plugin would read it before DOCKER_HOST.
        expect(process.env["DOCKER_CONTEXT"]).toBeUndefined();
    });

    it("asks no context when the settings name the daemon", async () => {
        docker();
        await useDockerHost("ssh://user@server");
        expect(process.env["DOCKER_HOST"]).toBe("ssh://user@server");
        expect(standIns.calls()).toEqual([]);
    });

    it("says which context is not there", async () => {
        standIns.add("docker", `echo 'context "colima": context not found' >&2; exit 1`);
        const { message, hint } = await refusal(useDockerHost());
        expect(message).toContain('context "colima": context not found');
        expect(hint).toContain("docker context ls");
    });

    it("recognises Podman under the name of docker", async () => {
        standIns.add(
            "docker",
            `[ "$1" = --version ] && exec echo 'podman version 5.4.2'; echo 'Error: unrecognized command' >&2; exit 125`,
        );
        expect((await refusal(useDockerHost())).message).toContain("Podman's own command");
    });

    it("reads the context of config.json where there is no docker", async () => {
        const folder = path.join(standIns.folder, "config");
        mkdirSync(folder);
        writeFileSync(path.join(folder, "config.json"), '{"currentContext": "desktop-linux"}');
        vi.stubEnv("PATH", folder);
        vi.stubEnv("DOCKER_CONTEXT", undefined);
        vi.stubEnv("DOCKER_CONFIG", folder);
        expect((await refusal(useDockerHost())).message).toContain("context is desktop-linux");
    });
});

describe("provideDocker", () => {
    const provide = async (k3s = {}) =>
        provideDocker(await useDockerHost(), { k3s }, standIns.progress);

    it("names the daemon that answers, and who has named it", async () => {
        docker(...says({ Version: "28.4.0" }, { Name: "colima", OSType: "linux" }));
        expect(await provide()).toBe(
            `Colima (Docker 28.4.0) answers, at ${SOCKET} (Docker's context colima)`,
        );
    });

    it("ends at one that is named and does not answer, and says how it is started", async () => {
        docker(
            `*) echo 'Cannot connect to the Docker daemon at ${SOCKET}. Is the docker daemon running?' >&2; exit 1 ;;`,
        );
        const { message, hint } = await refusal(provide());
        expect(message).toContain(
            `no Docker daemon answers at ${SOCKET} (Docker's context colima): Cannot connect`,
        );
        expect(hint).toContain("colima start");
    });

    it("says that a user has no rights", async () => {
        docker(`*) echo 'permission denied while trying to connect' >&2; exit 1 ;;`);
        const { message, hint } = await refusal(provide());
        expect(message).toContain("this user may not use the Docker daemon");
        expect(hint).toContain("usermod -aG docker");
    });

    it("says that docker and the daemon are too far apart", async () => {
        docker(
            `*) echo 'Error response from daemon: client version 1.52 is too new. Maximum supported API version is 1.41' >&2; exit 1 ;;`,
        );
        expect((await refusal(provide())).message).toContain("do not understand each other");
    });

    it("refuses what cannot work, unless the settings provide for it", async () => {
        const info = {
            ...{ OSType: "linux", CgroupVersion: "2", CgroupDriver: "systemd" },
            SecurityOptions: ["name=rootless"],
        };
        docker(...says({ Version: "28.4.0" }, info));
        expect((await refusal(provide())).message).toContain("rootless");
        vi.stubEnv("DOCKER_HOST", undefined);
        const told = { "kubelet-arg": "feature-gates=KubeletInUserNamespace=true" };
        expect(await provide(told)).toContain("Docker 28.4.0, rootless, answers");
    });
});
