/** The disk of the virtual machine, with the node image in its Docker: made once, and kept. */
import { rmSync, statfsSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { cached, cacheRoot, entryName, type Recipe } from "../../machine/cache";
import { aptInstall } from "../provide/apt";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { MEMORY_MIB, VirtualMachine } from "./qemu";

/** Debian's name for where packages are newest: cgroup v2, and Docker several releases ahead. */
const SUITE = "sid";

/** Its kernel and systemd, Docker as a person would install it, ssh, and a resolver. */
const PACKAGES = [
    ...["systemd-sysv", "udev", "dbus", "linux-image-cloud-amd64", "initramfs-tools"],
    ...["docker.io", "docker-cli", "iptables", "ca-certificates"],
    ...["openssh-server", "dnsmasq-base", "iproute2", "procps", "kmod"],
];

const DISK_SIZE = "14G";

/** Programs of this machine, each with Debian's package of it. */
const TOOLS: Readonly<Record<string, string>> = {
    "qemu-system-x86_64": "qemu-system-x86",
    mmdebstrap: "mmdebstrap",
    mke2fs: "e2fsprogs",
    ssh: "openssh-client",
};

const GIB = 2 ** 30;

/** Bytes: the disk while it is made and once more, and what a run writes beside it. */
const DISK_NEEDED = 12 * GIB;

/** Bytes: the machine, and the engine with its plugins beside it. */
const MEMORY_NEEDED = MEMORY_MIB * 2 ** 20 + 2 * GIB;

/** Checks and installs what a virtual machine takes. @returns what was done, for people */
export async function provideTools(progress: Progress): Promise<string> {
    const { bavail, bsize } = statfsSync(os.tmpdir());
    if (bavail * bsize < DISK_NEEDED || os.totalmem() < MEMORY_NEEDED) {
        throw new StepError(
            `a virtual machine takes ${DISK_NEEDED / GIB} GiB of disk and ${MEMORY_NEEDED / GIB} GiB of memory; ${os.tmpdir()} has ${(bavail * bsize) / GIB} GiB free, the machine ${os.totalmem() / GIB} GiB`,
            "make room, or run it on a larger machine",
        );
    }
    const missing: string[] = [];
    for (const [program, debianPackage] of Object.entries(TOOLS)) {
        if (!(await isOnPath(program, progress))) {
            missing.push(debianPackage);
        }
    }
    if (process.getuid?.() !== 0 || !(await isOnPath("apt-get", progress))) {
        throw new StepError(
            "the disk of the virtual machine is made from Debian's packages, by root on Debian",
            `run it as root on a Debian machine${missing.length > 0 ? ` with ${missing.join(", ")}` : ""}`,
        );
    }
    if (missing.length === 0) {
        return "there";
    }
    await aptInstall(missing, progress);
    return `installed ${missing.join(", ")}`;
}

async function isOnPath(program: string, progress: Progress): Promise<boolean> {
    try {
        await progress.run("sh", ["-c", `command -v ${program}`]);
        return true;
    } catch (error) {
        if (progress.interrupted) {
            throw error;
        }
        return false;
    }
}

function rootRecipe(): Recipe {
    return {
        name: "vm-root",
        files: [path.join(__dirname, "rootfs"), path.join(__dirname, "guest")],
        parameters: [SUITE, DISK_SIZE, ...PACKAGES],
    };
}

/** A system without images. A newer state of the suite is read when the cache's entry is removed. */
export function provideRoot(progress: Progress): Promise<string> {
    return cached(rootRecipe(), async (folder) => {
        await progress.run(path.join(__dirname, "rootfs"), [
            ...["--suite", SUITE, "--packages", PACKAGES.join(" ")],
            ...["--size", DISK_SIZE, "--out", folder],
        ]);
    });
}

/**
 * The folder to boot from: the system, with the node image in its Docker.
 *
 * @param root folder of `provideRoot`
 * @param nodeImage name of the node image; the Docker daemon of this machine has it
 */
export async function provideDisk(
    root: string,
    nodeImage: string,
    progress: Progress,
): Promise<string> {
    const inspect = ["image", "inspect", "--format", "{{.Id}}", nodeImage];
    const id = (await progress.run("docker", inspect)).trim();
    const recipe: Recipe = {
        name: "vm-disk",
        files: [],
        parameters: [entryName(rootRecipe()), nodeImage, id],
    };
    return cached(recipe, async (folder) => {
        await progress.run("cp", ["--sparse=always", "-r", `${root}/.`, folder]);
        await loadNodeImage(nodeImage, folder, progress);
    });
}

/** Boots the new disk once, so that every later machine has the image in its Docker already. */
async function loadNodeImage(nodeImage: string, folder: string, progress: Progress): Promise<void> {
    const scratch = path.join(cacheRoot(), `${path.basename(folder)}.tar`);
    try {
        await progress.run("docker", ["save", "--output", scratch, nodeImage]);
        const console = path.join(path.dirname(progress.logFile), "vm-disk-console.log");
        const disk = { folder, kept: true, second: scratch };
        const machine = await VirtualMachine.boot(disk, console, progress);
        try {
            // As a disk it needs no way through ssh, whose encryption is emulated as well.
            await machine.connection.run("docker load --quiet </dev/vdb", { timeout: 1200 });
            await machine.connection.run("rm -rf /root/.ssh && sync");
        } catch (error) {
            machine.kill();
            throw error;
        }
        await machine.powerOff();
    } finally {
        rmSync(scratch, { force: true });
    }
}
