import { describe, expect, it } from "vitest";
import {
    describeDaemon,
    recogniseDaemon,
    refusalOf,
    type ServerInfo,
    type ServerVersion,
} from "../../machine/docker/kind";

/** As Docker 20.10 on Debian 12 describes itself, shortened. */
const VERSION: ServerVersion = {
    Version: "20.10.24+dfsg1",
    Platform: { Name: "" },
    Components: [{ Name: "Engine" }, { Name: "containerd" }, { Name: "docker-init" }],
};
const INFO: ServerInfo = {
    Name: "laptop",
    OperatingSystem: "Debian GNU/Linux 12 (bookworm)",
    OSType: "linux",
    KernelVersion: "6.1.0-41-amd64",
    CgroupVersion: "1",
    CgroupDriver: "cgroupfs",
    SecurityOptions: ["name=seccomp,profile=default"],
    MemoryLimit: true,
    PidsLimit: true,
    CpuCfsQuota: true,
    MemTotal: 8 * 2 ** 30,
};

const ROOTLESS: ServerInfo = {
    ...INFO,
    CgroupVersion: "2",
    CgroupDriver: "systemd",
    SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"],
};
const PODMAN: ServerVersion = { Version: "5.4.2", Components: [{ Name: "Podman Engine" }] };

const IN_USER_NAMESPACE = ["v=2", "feature-gates=KubeletInUserNamespace=true"];

describe("a daemon is recognised", () => {
    it.each<[string, ServerVersion, Partial<ServerInfo>]>([
        ["Docker 20.10.24+dfsg1 answers", VERSION, {}],
        [
            "Docker Desktop (Docker 28.3.2) answers",
            { Version: "28.3.2", Platform: { Name: "Docker Desktop 4.43.1 (198352)" } },
            { OperatingSystem: "Docker Desktop", Name: "docker-desktop" },
        ],
        [
            "Colima (Docker 28.4.0) answers",
            { Version: "28.4.0", Platform: { Name: "Docker Engine - Community" } },
            { OperatingSystem: "Ubuntu 24.04.2 LTS", Name: "colima" },
        ],
        ["Colima (Docker 28.4.0) answers", { Version: "28.4.0" }, { Name: "colima-work" }],
        [
            "OrbStack (Docker 28.5.2) answers",
            { Version: "28.5.2" },
            { OperatingSystem: "OrbStack", Name: "orbstack" },
        ],
        [
            "Rancher Desktop (Docker 26.1.5) answers",
            { Version: "26.1.5" },
            { OperatingSystem: "Rancher Desktop WSL Distribution" },
        ],
        [
            "Docker 28.5.2, rootless, answers; no gateway was tried there yet, see docs/compatibility.md",
            { Version: "28.5.2" },
            ROOTLESS,
        ],
        [
            "Podman (5.4.2) answers; no gateway was tried there yet, see docs/compatibility.md",
            PODMAN,
            { SecurityOptions: ["name=seccomp,profile=default"] },
        ],
        [
            "Docker 28.5.2 answers",
            { Version: "28.5.2", Components: null },
            { SecurityOptions: null },
        ],
    ])("%s", (expected, version, info) => {
        expect(describeDaemon(recogniseDaemon(version, { ...INFO, ...info }))).toBe(expected);
    });
});

describe("what cannot work is refused", () => {
    const refusal = (info: Partial<ServerInfo>, version = VERSION, args: readonly string[] = []) =>
        refusalOf(recogniseDaemon(version, { ...INFO, ...info }), args);

    it.each<[string, Partial<ServerInfo>, ServerVersion, string]>([
        ["Windows containers", { OSType: "windows" }, VERSION, "windows containers"],
        ["an old Docker", {}, { Version: "19.03.15" }, "Docker is 19.03.15; 20.10 or newer"],
        [
            "remapped users",
            { SecurityOptions: ["name=seccomp,profile=default", "name=userns"] },
            VERSION,
            "userns-remap",
        ],
        ["a machine that is too small", { MemTotal: 2 * 2 ** 30 }, VERSION, "2.0 GiB of memory"],
        [
            "rootless without cgroup v2",
            { ...ROOTLESS, CgroupVersion: "1", CgroupDriver: "none" },
            VERSION,
            "cgroup v1 and the driver none",
        ],
        [
            "rootless without delegation",
            { ...ROOTLESS, CpuCfsQuota: false },
            VERSION,
            "the cgroup controllers cpu,",
        ],
        ["rootless unless the kubelet is told", ROOTLESS, VERSION, "/dev/kmsg"],
        ["rootless Podman unless the kubelet is told", ROOTLESS, PODMAN, "Podman is rootless"],
    ])("%s", (_, info, version, problem) => {
        const found = refusal(info, version);
        expect(found?.problem).toContain(problem);
        expect(found?.remedy).toBeTruthy();
    });

    it("says how a virtual machine is enlarged", () => {
        const small = { MemTotal: 2 * 2 ** 30 };
        expect(refusal({ ...small, Name: "colima" })?.remedy).toContain("colima start --memory 4");
        expect(refusal({ ...small, OperatingSystem: "Docker Desktop" })?.remedy).toContain(
            "Settings, Resources",
        );
    });

    it("gives a setting that lifts it", () => {
        expect(refusal(ROOTLESS)?.remedy).toContain(IN_USER_NAMESPACE[1]);
    });

    it.each<[string, Partial<ServerInfo>, ServerVersion, readonly string[]]>([
        ["Docker on cgroup v1", {}, VERSION, []],
        ["Docker on cgroup v2", { CgroupVersion: "2", CgroupDriver: "systemd" }, VERSION, []],
        ["rootless with a kubelet that is told", ROOTLESS, VERSION, IN_USER_NAMESPACE],
        ["Podman as root, whose versions are its own", {}, PODMAN, []],
        ["a daemon that says little", { OSType: undefined, MemTotal: undefined }, {}, []],
    ])("and nothing else: %s", (_, info, version, args) => {
        expect(refusal(info, version, args)).toBeUndefined();
    });
});
