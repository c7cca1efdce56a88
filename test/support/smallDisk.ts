/** A disk of its own for one gateway's data, small enough to be filled. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { run } from "./run";

/** Room for k3s and its images, and for their files. */
const SIZE = "3G";
const FILES = 20_000;

/** A file system in a file, and a volume of Docker in it. */
export class SmallDisk {
    private readonly folder = mkdtempSync(path.join(os.tmpdir(), "small-disk-"));
    private readonly root = path.join(this.folder, "root");
    /** What the volume holds. */
    private readonly data = path.join(this.root, "data");

    private constructor(files: number) {
        const file = path.join(this.folder, "disk");
        const call = (program: string, ...args: string[]) =>
            execFileSync(program, args, { stdio: "pipe" });
        call("truncate", "--size", SIZE, file);
        // Nothing is kept back for root, as other file systems keep nothing.
        call("mkfs.ext4", "-q", "-m", "0", "-N", String(files), file);
        mkdirSync(this.root);
        call("mount", "-o", "loop", file, this.root);
        mkdirSync(this.data);
    }

    /** Makes it, with an empty volume of a name. @param files that it has room for */
    static async make(volume: string, files = FILES): Promise<SmallDisk> {
        const disk = new SmallDisk(files);
        const options = ["type=none", "o=bind", `device=${disk.data}`];
        const args = options.flatMap((option) => ["--opt", option]);
        await run("docker", ["volume", "create", ...args, volume]);
        return disk;
    }

    /**
     * Takes all room, and all room for further files, in a new folder of the volume.
     *
     * @param name below the volume
     */
    fill(name: string): void {
        const folder = path.join(this.data, name);
        mkdirSync(folder);
        // Before the room: the names of files take some, too.
        let files = 0;
        this.untilFull(() => {
            for (;;) {
                writeFileSync(`${folder}/${files++}`, "");
            }
        });
        const { bavail, bsize } = statfsSync(folder);
        // Quickly, without writing it; what the file system needs for itself differs.
        execFileSync("fallocate", ["-l", String((bavail - 4096) * bsize), `${folder}/0`]);
        this.untilFull(() =>
            execFileSync("dd", ["if=/dev/zero", `of=${folder}/1`, "bs=4k"], { stdio: "pipe" }),
        );
    }

    private untilFull(write: () => void): void {
        try {
            write();
        } catch (error) {
            const { stderr = "", message } = error as Error & { stderr?: Buffer };
            if (!/ENOSPC|No space left/.test(`${message}${stderr.toString()}`)) {
                throw error;
            }
            return;
        }
        throw new Error(`${this.root} has not become full`);
    }

    /** Removes it. The volume has to be gone. */
    remove(): void {
        execFileSync("umount", ["--lazy", this.root], { stdio: "pipe" });
        rmSync(this.folder, { recursive: true, force: true });
    }
}
