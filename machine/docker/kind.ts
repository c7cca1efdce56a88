/**
 * Pure: what kind of Docker daemon answers, and what is known not to work on it. The sources are in
 * docs/compatibility.md.
 */
import { compareVersions } from "../versions";

/** What is read of `docker version`, its half of the server. */
export interface ServerVersion {
    readonly Version?: string;
    readonly Platform?: { readonly Name?: string };
    readonly Components?: readonly { readonly Name?: string }[] | null;
}

/** What is read of `docker info`. */
export interface ServerInfo {
    readonly Name?: string;
    readonly OperatingSystem?: string;
    readonly OSType?: string;
    readonly KernelVersion?: string;
    readonly CgroupVersion?: string;
    readonly CgroupDriver?: string;
    readonly SecurityOptions?: readonly string[] | null;
    readonly MemoryLimit?: boolean;
    readonly PidsLimit?: boolean;
    readonly CpuCfsQuota?: boolean;
    /** Bytes of the daemon's machine, which may be a virtual one. */
    readonly MemTotal?: number;
}

/** A daemon, as it describes itself. */
export interface Daemon {
    readonly version: string;
    readonly kind:
        "Docker" | "Docker Desktop" | "Colima" | "OrbStack" | "Rancher Desktop" | "Podman";
    readonly rootless: boolean;
    readonly info: ServerInfo;
}

/** Why a gateway cannot be in a daemon, and what to do. */
export interface Refusal {
    readonly problem: string;
    readonly remedy: string;
}

/** The first Docker with `host-gateway`, which the container's hosts file has, and with cgroup v2. */
const OLDEST = "20.10";

/** Bytes of memory a gateway and one OpenClaw need. */
const MEMORY = 3 * 2 ** 30;

/** The kubelet's way to be in a user namespace: it goes on where only the real root may. */
const IN_USER_NAMESPACE = "KubeletInUserNamespace=true";

/** What answers. */
export function recogniseDaemon(version: ServerVersion, info: ServerInfo): Daemon {
    return {
        version: version.Version ?? "of unknown version",
        kind: kindOf(version, info),
        rootless: hasOption(info, "rootless"),
        info,
    };
}

function kindOf({ Components, Platform }: ServerVersion, info: ServerInfo): Daemon["kind"] {
    if (Components?.some(({ Name }) => Name === "Podman Engine")) {
        return "Podman";
    }
    const { OperatingSystem = "", Name = "", KernelVersion = "" } = info;
    if (OperatingSystem === "Docker Desktop" || Platform?.Name?.startsWith("Docker Desktop")) {
        return "Docker Desktop";
    }
    if (OperatingSystem === "OrbStack" || KernelVersion.includes("orbstack")) {
        return "OrbStack";
    }
    if (/^colima(-|$)/.test(Name)) {
        return "Colima";
    }
    return OperatingSystem.startsWith("Rancher Desktop") || Name === "lima-rancher-desktop"
        ? "Rancher Desktop"
        : "Docker";
}

function hasOption({ SecurityOptions }: ServerInfo, name: string): boolean {
    return (SecurityOptions ?? []).some((option) => option.split(",").includes(`name=${name}`));
}

/**
 * What is known not to work.
 *
 * @param kubeletArgs `gateway.k3s.kubelet-arg`
 * @returns undefined when nothing is
 */
export function refusalOf(daemon: Daemon, kubeletArgs: readonly string[]): Refusal | undefined {
    const { info, kind, version } = daemon;
    if (info.OSType !== undefined && info.OSType !== "linux") {
        return {
            problem: `the daemon runs ${info.OSType} containers; k3s is a Linux program`,
            remedy: "switch Docker Desktop to Linux containers",
        };
    }
    if (kind !== "Podman" && /^\d/.test(version) && compareVersions(version, OLDEST) < 0) {
        return {
            problem: `Docker is ${version}; ${OLDEST} or newer is needed, for \`host-gateway\` in the container's hosts file`,
            remedy: "update Docker",
        };
    }
    if (hasOption(info, "userns")) {
        return {
            problem:
                "the daemon remaps users (userns-remap), and Docker refuses privileged containers then; k3s needs one",
            remedy: "take `userns-remap` out of daemon.json, or use another daemon",
        };
    }
    if (daemon.rootless) {
        return rootlessRefusal(daemon, kubeletArgs);
    }
    return (info.MemTotal ?? MEMORY) < MEMORY ? memoryRefusal(daemon) : undefined;
}

/** A kubelet needs cgroups that it may divide, and has to be told that its root is not the real one. */
function rootlessRefusal(
    { info, kind }: Daemon,
    kubeletArgs: readonly string[],
): Refusal | undefined {
    if (info.CgroupVersion !== "2" || info.CgroupDriver === "none") {
        return {
            problem: `${kind} is rootless, with cgroup v${info.CgroupVersion ?? "1"} and the driver ${info.CgroupDriver ?? "none"}; a kubelet limits pods there only with cgroup v2 and systemd`,
            remedy: "use a rootful daemon, or boot with `systemd.unified_cgroup_hierarchy=1`",
        };
    }
    const missing = (
        [
            ["memory", info.MemoryLimit],
            ["pids", info.PidsLimit],
            ["cpu", info.CpuCfsQuota],
        ] as const
    )
        .filter(([, there]) => there === false)
        .map(([controller]) => controller);
    if (missing.length > 0) {
        return {
            problem: `${kind} is rootless, and systemd has not given it the cgroup controllers ${missing.join(", ")}, which a kubelet needs`,
            remedy: "give user@.service `Delegate=cpu cpuset io memory pids` (https://rootlesscontaine.rs/getting-started/common/cgroup2/), log in again, then run this again",
        };
    }
    return kubeletArgs.some((arg) => arg.includes(IN_USER_NAMESPACE))
        ? undefined
        : {
              problem: `${kind} is rootless; a kubelet ends there at once (/dev/kmsg: operation not permitted) unless it is told so`,
              remedy: `pulumi config set --path 'gateway.k3s.kubelet-arg[0]' feature-gates=${IN_USER_NAMESPACE}, then run this again; or use a rootful daemon`,
          };
}

function memoryRefusal({ info, kind }: Daemon): Refusal {
    const enlarge: Partial<Record<Daemon["kind"], string>> = {
        Colima: "`colima stop`, `colima start --memory 4`",
        "Docker Desktop": "Docker Desktop: Settings, Resources, Memory limit",
        "Rancher Desktop": "Rancher Desktop: Preferences, Virtual Machine, Memory",
        Podman: "`podman machine set --memory 4096`",
    };
    return {
        problem: `the daemon's machine has ${((info.MemTotal ?? 0) / 2 ** 30).toFixed(1)} GiB of memory; ${MEMORY / 2 ** 30} GiB are needed`,
        remedy: `give it more${enlarge[kind] ? ` (${enlarge[kind]})` : ""}, then run this again`,
    };
}

/** The daemon in a few words. */
export function describeDaemon(daemon: Daemon): string {
    const { kind, version, rootless } = daemon;
    const name =
        kind === "Docker"
            ? `Docker ${version}`
            : `${kind} (${kind === "Podman" ? "" : "Docker "}${version})`;
    return `${name}${rootless ? ", rootless," : ""} answers${kind === "Podman" || rootless ? "; no gateway was tried there yet, see docs/compatibility.md" : ""}`;
}
