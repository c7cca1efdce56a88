/** A virtual machine of QEMU: no way out of it but ssh on loopback. */
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { until } from "../../steps/wait";
import { Connection, makeKey, publicKey } from "./ssh";

/** What a machine is started from. */
export interface Disk {
    /** Folder with root.img, vmlinuz and initrd.img. */
    readonly folder: string;
    /** Whether what the machine writes is kept in root.img. @default false, it goes with the machine */
    readonly kept?: boolean;
    /** A file that the machine sees as its second disk, read-only. @default none */
    readonly second?: string;
}

/** Memory of the machine, in MiB: two gateways with their pods. */
export const MEMORY_MIB = 5120;

/** Seconds until ssh answers; measured 76 under emulation on two busy cores. */
const BOOT_SECONDS = 600;

/** Seconds for an orderly end. */
const END_SECONDS = 180;

/** How the machine's processors are made, as options of QEMU. */
export function accelerator(cpuinfo: string, kvm: boolean): readonly string[] {
    // The device alone says little: inside another machine it may be there and run no kernel that
    // does not know of it.
    return kvm && /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo)
        ? ["-accel", "kvm", "-cpu", "host"]
        : ["-accel", "tcg,thread=multi", "-cpu", "max"];
}

/** The whole command line. */
export function commandLine(
    disk: Disk,
    given: {
        readonly accelerator: readonly string[];
        readonly sshPort: number;
        readonly publicKey: string;
        readonly console: string;
    },
): string[] {
    const credential = Buffer.from(`${given.publicKey}\n`).toString("base64");
    const file = (name: string) => path.join(disk.folder, name);
    const drive = (source: string, more: string) =>
        `file=${source.replaceAll(",", ",,")},format=raw,if=virtio,${more}`;
    return [
        ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
        ...["-machine", "q35", ...given.accelerator, "-smp", "2", "-m", `${MEMORY_MIB}M`],
        ...["-kernel", file("vmlinuz"), "-initrd", file("initrd.img")],
        "-append",
        [
            ...["root=/dev/vda", "rw", "console=ttyS0", "net.ifnames=0", "mitigations=off"],
            // systemd itself gives the key to root: it is in no image.
            `systemd.set_credential_binary=ssh.authorized_keys.root:${credential}`,
        ].join(" "),
        ...["-drive", drive(file("root.img"), `cache=unsafe,snapshot=${disk.kept ? "off" : "on"}`)],
        ...(disk.second === undefined ? [] : ["-drive", drive(disk.second, "readonly=on")]),
        ...["-device", "virtio-rng-pci"],
        // Restricted: nothing in it reaches this machine or anything beyond.
        "-netdev",
        `user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:${given.sshPort}-:22`,
        ...["-device", "virtio-net-pci,netdev=lan,romfile="],
        ...["-serial", `file:${given.console}`],
    ];
}

/** A machine that runs. */
export class VirtualMachine {
    /** What QEMU has said. */
    private said = "";

    private constructor(
        /** Removed with the machine; for sockets and the like. */
        readonly folder: string,
        private readonly process: ChildProcess,
        /** File of the private key of its root. */
        readonly key: string,
        /** Port of its ssh on 127.0.0.1. */
        readonly sshPort: number,
        readonly connection: Connection,
    ) {}

    /**
     * Starts one and waits until it answers.
     *
     * @param console file that gets what the machine says on its console
     * @throws StepError when it does not come up
     */
    static async boot(disk: Disk, console: string, progress: Progress): Promise<VirtualMachine> {
        // Short: the path of a socket has little room.
        const folder = mkdtempSync(path.join(os.tmpdir(), "vm-"));
        const key = await makeKey(folder, progress);
        const sshPort = await freePort();
        const args = commandLine(disk, {
            accelerator: accelerator(readFileSync("/proc/cpuinfo", "utf8"), kvmIsUsable()),
            sshPort,
            publicKey: publicKey(key),
            console,
        });
        // Below everything else: a machine that is emulated takes all it gets.
        const child = spawn("nice", ["-n", "19", "qemu-system-x86_64", ...args], {
            stdio: ["ignore", "ignore", "pipe"],
        });
        const connection = new Connection(folder, key, sshPort);
        const machine = new VirtualMachine(folder, child, key, sshPort, connection);
        child.on("error", (error) => (machine.said += error.message));
        child.stderr.on("data", (data: Buffer) => (machine.said += data.toString()));
        try {
            await machine.connection.open(
                BOOT_SECONDS,
                () => machine.runs && !progress.interrupted,
            );
        } catch (error) {
            machine.kill();
            throw new StepError(
                `the virtual machine does not come up: ${(error as Error).message} ${machine.said}`.trim(),
                `see ${console}`,
            );
        }
        return machine;
    }

    /** How it has ended, when not by `kill`. @returns undefined while it runs */
    get end(): string | undefined {
        const { exitCode, signalCode } = this.process;
        return this.runs
            ? undefined
            : `QEMU has ended by ${signalCode ?? `status ${exitCode}`} ${this.said}`.trim();
    }

    /** Whether it has not ended. */
    get runs(): boolean {
        return this.process.exitCode === null && this.process.signalCode === null;
    }

    /** Ends it in order, so that its disk is whole. */
    async powerOff(): Promise<void> {
        await this.connection.attempt("systemctl poweroff", { timeout: 60 });
        try {
            await until("the virtual machine ends", END_SECONDS, () => !this.runs);
        } finally {
            this.kill();
        }
    }

    /** Ends it at once. */
    kill(): void {
        this.connection.close();
        this.process.kill("SIGKILL");
        rmSync(this.folder, { recursive: true, force: true });
    }
}

function kvmIsUsable(): boolean {
    try {
        accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
        return true;
    } catch {
        return false;
    }
}

/** A port of loopback that nothing listens on now. */
async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
}
