/** Room on a gateway's disk, on a disk of its own: who is ended when there is none, and who never is. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DATA, GatewayRoot, OURS, RUN, TLS } from "../support/gatewayRoot";
import { shells } from "../support/shells";

const MIB = 1024 * 1024;

/** 64 MiB and 4096 files: of the reserve 4 MiB and 256 files, and short below twice that. */
const DISK = ["-t", "tmpfs", "-o", "size=64m,nr_inodes=4096", "tmpfs"];

const RESERVE = `${DATA}/.sandbox-gateway-reserve`;

const UID = "0a1b2c3d-0000-4000-8000-00000000000";

let root: GatewayRoot;
let writers: ChildProcess[];

describe.each(shells())("under $name", (shell) => {
    beforeEach(() => {
        root = new GatewayRoot(shell);
        root.mount(DATA, ...DISK);
        root.program("df", 'exec /bin/df "$@"');
        root.write("ready", "");
        root.enforce();
        writers = [];
        root.write("pods", "");
    });
    afterEach(() => {
        writers.forEach((writer) => writer.removeAllListeners().kill("SIGKILL"));
        root.remove();
    });

    /** A sandbox, as Kubernetes and the kernel tell of it. @param size that was asked for */
    const sandbox = (name: string, size: string) => {
        const writer = spawn("/bin/sleep", ["600"]);
        const uid = `${UID}${writers.push(writer)}`;
        const claim = `workspace-${name}-0`;
        root.write(
            "pods",
            `${root.read("pods")}Pod ${name}-0 ${uid}  ${claim}\nPersistentVolumeClaim ${claim} x ${size} \n`,
        );
        const group = `0::/kubepods/burstable/pod${uid}/agent\n`;
        root.write(`proc/${writer.pid}/cgroup`, group);
        writer.once("exit", () => root.write(`proc/${writer.pid}/cgroup`, "0::/\n"));
        const workspace = `${DATA}/storage/sandboxes/${claim}`;
        mkdirSync(root.at(workspace), { recursive: true });
        return { workspace, writer, uid };
    };

    const write = (name: string, mebibytes: number) =>
        root.write(name, "x".repeat(mebibytes * MIB));

    const patches = (calls: readonly string[]) => calls.filter((call) => call.includes("patch"));

    const ended = () => root.read(`${RUN}/warnings`)?.includes("was ended") === true;

    /** Some looks later. */
    const after = (looks: number) => {
        root.program(
            "sleep",
            'case $1 in [1-9]*) echo >>"$SANDBOX_GATEWAY_ROOT/looks" ;; esac; exec /bin/sleep 0.02',
        );
        return () => (root.read("looks") ?? "").length > looks;
    };

    it("a reserve is kept, and made once", async () => {
        await root.startAndStop("it is there", () => existsSync(root.at(RESERVE)));
        expect(statSync(root.at(`${RESERVE}/room`)).size).toBe(4 * MIB);
        expect(readdirSync(root.at(RESERVE))).toHaveLength(257);
        const { ino } = statSync(root.at(RESERVE));
        await root.startAndStop("it was looked at again", after(5));
        expect(statSync(root.at(RESERVE)).ino).toBe(ino);
    });

    it("none is made where it would leave too little", async () => {
        write(`${DATA}/images`, 50);
        await root.startAndStop("it was looked at", after(5));
        expect(existsSync(root.at(RESERVE))).toBe(false);
        expect(existsSync(root.at(`${RESERVE}.new`))).toBe(false);
    });

    it("of those who wrote more than they asked for, the one with most ends, and nobody else", async () => {
        const [modest, greedy, greedier] = [
            sandbox("modest", "2Gi"),
            sandbox("greedy", "4M"),
            sandbox("greedier", "8Mi"),
        ];
        write(`${modest.workspace}/data`, 18);
        write(`${greedy.workspace}/data`, 14);
        write(`${greedier.workspace}/data`, 26);
        const later = after(10);
        const { calls } = await root.startAndStop("one is ended", () => ended() && later());
        expect(greedier.writer.signalCode).toBe("SIGKILL");
        expect([modest.writer.signalCode, greedy.writer.signalCode]).toEqual([null, null]);
        const [first = ""] = patches(calls);
        expect(first).toMatch(
            /^kubectl -n sandboxes patch statefulset greedier --type=merge -p \{"metadata":\{"annotations":\{"sandbox-gateway\.dev\/ended":"8 the gateway's disk was nearly full, with \d MiB left, and it had written 26 MiB, and asked for 8 MiB"\}\},"spec":\{"replicas":0\}\} /,
        );
        // Once, although its pod is still there.
        expect(patches(calls)).toHaveLength(1);
        expect(statSync(root.at(`${greedier.workspace}/data`)).size).toBe(26 * MIB);
        expect(root.read(`${RUN}/warnings`)).toContain(
            "sandbox greedier was ended, and nothing of it was lost: the gateway's disk was nearly full",
        );
    });

    it("what it wrote elsewhere counts as well: /tmp, and files of its image", async () => {
        const [a, b] = [sandbox("a", "1Mi"), sandbox("b", "1Mi")];
        write(`${DATA}/images`, 20);
        write(`${a.workspace}/data`, 10);
        write(`var/lib/kubelet/pods/${b.uid}/volumes/kubernetes.io~empty-dir/tmp/data`, 20);
        const layer = `${root.at(DATA)}/snapshots/7/fs`;
        write(`${DATA}/snapshots/7/fs/data`, 28);
        root.write(
            `proc/${b.writer.pid}/mountinfo`,
            `1 2 0:3 / / rw - overlay overlay rw,lowerdir=/l,upperdir=${layer},workdir=/w\n`,
        );
        const { calls } = await root.startAndStop("one is ended", ended);
        expect(patches(calls)[0]).toContain("statefulset b ");
        expect(patches(calls)[0]).toContain("it had written 48 MiB, ");
        expect(a.writer.signalCode).toBe(null);
    });

    it("who keeps to what was asked for is left alone, and what is no sandbox; the reserve is given up", async () => {
        const [modest, other] = [sandbox("modest", "2Gi"), sandbox("other", "1Mi")];
        root.write(
            "pods",
            (root.read("pods") ?? "")
                .replace("  workspace-other-0", "  ")
                .replace(/workspace-other-0.*/, ""),
        );
        let filled = false;
        const { calls, stderr } = await root.startAndStop("it is given up", () => {
            if (!filled && existsSync(root.at(RESERVE))) {
                write(
                    `var/lib/kubelet/pods/${other.uid}/volumes/kubernetes.io~empty-dir/tmp/data`,
                    4,
                );
                write(`${modest.workspace}/data`, 59);
                filled = true;
            }
            return filled && !existsSync(root.at(RESERVE));
        });
        expect(patches(calls)).toEqual([]);
        expect([modest.writer.signalCode, other.writer.signalCode]).toEqual([null, null]);
        expect(stderr).toContain(
            "entrypoint: the disk of the volume the-volume is full: its reserve",
        );
    });

    it("one that has nearly all files ends", async () => {
        const [modest, greedy] = [sandbox("modest", "2Gi"), sandbox("greedy", "2Gi")];
        mkdirSync(root.at(`${modest.workspace}/files`));
        for (let i = 0; i < 3500; i++) {
            writeFileSync(root.at(`${greedy.workspace}/${i}`), "");
        }
        for (let i = 0; i < 300; i++) {
            writeFileSync(root.at(`${modest.workspace}/files/${i}`), "");
        }
        const { calls } = await root.startAndStop("one is ended", ended);
        expect(patches(calls)[0]).toContain("statefulset greedy ");
        expect(patches(calls)[0]).toContain(" files, more than an eighth of all");
        expect(modest.writer.signalCode).toBe(null);
    });

    it("one that nobody can be told of is held down all the same, as far as it is known", async () => {
        const { workspace, writer } = sandbox("greedy", "1Mi");
        write(`${workspace}/data`, 50);
        write(`${DATA}/more`, 7);
        root.write("silent", "");
        const { calls, stderr } = await root.startAndStop(
            "it is ended",
            () => writer.signalCode !== null,
        );
        expect(patches(calls)).toEqual([]);
        expect(writer.signalCode).toBe("SIGKILL");
        expect(stderr).not.toContain("was ended");
    });

    it("a start on a full disk begins with giving up the reserve", () => {
        root.used("f".repeat(64), "their key\n");
        mkdirSync(root.at(RESERVE));
        write(`${RESERVE}/room`, 4);
        root.mount(`${DATA}/server/manifests`, "-t", "tmpfs", "-o", "size=1m", "tmpfs");
        try {
            write(`${DATA}/data`, 60);
        } catch {
            // As much as there was.
        }
        root.write("etc/sandbox-gateway/tls/client-ca.crt", "another\n");
        // Not of a volume that is somebody else's.
        expect(root.enter().stderr).toContain("belongs to another gateway");
        expect(existsSync(root.at(RESERVE))).toBe(true);
        // In the room of what they take the place of.
        [`${DATA}/.sandbox-gateway`, `${TLS}/server-ca.key`].forEach((file) =>
            rmSync(root.at(file)),
        );
        root.used(OURS, "our key\n");
        const { status, stdout, stderr } = root.enter();
        expect(stderr).toContain("its reserve is given up");
        expect([status, stdout]).toEqual([3, "k3s server\n"]);
    });
});
