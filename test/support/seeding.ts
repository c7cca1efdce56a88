/** A folder in which the seeding script runs as the init container runs it. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { SH, type Shell } from "./shells";

const SCRIPT = path.join(__dirname, "..", "..", "components", "sandbox", "scripts", "seed.sh");

/** A program's own path, found before anything stands in front of it. */
export function real(name: string): string {
    return execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
}

const SETSID = real("setsid");

/** What the script leaves in a workspace that is whole. */
export const SENTINEL = ".workspace-initialized";

/** What it leaves in one that it has begun to fill. */
export const NOTE = ".workspace-seeding";

/** How a run of the script ended. */
export interface Ended {
    /** 128 and the signal's number when it was killed. */
    readonly status: number;
    readonly stderr: string;
}

/** An image's `/sandbox`, an empty claim, and a place for temporary files. */
export class Seeding {
    readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "seed-"));
    /** The image's. A test may put a mount of it in its place. */
    source = path.join(this.folder, "source");
    /** The claim's. */
    readonly target = path.join(this.folder, "target");
    private readonly temporary = path.join(this.folder, "tmp");
    private readonly mounts: string[] = [];

    constructor(private readonly shell: Shell = SH) {
        fs.mkdirSync(this.source);
        fs.mkdirSync(this.temporary);
        this.emptyTarget();
    }

    /** Puts an empty claim in place, with the mode that storage gives it. */
    emptyTarget(): void {
        fs.rmSync(this.target, { recursive: true, force: true });
        fs.mkdirSync(this.target);
        fs.chmodSync(this.target, 0o777);
    }

    /** Runs the script. `bin` stands in front of PATH. */
    run(bin?: string, PATH = process.env["PATH"] ?? ""): Ended {
        // A group of its own: a stand-in that kills its group kills everything of the container.
        const { status, signal, stderr } = spawnSync(
            SETSID,
            [...this.shell.command, SCRIPT, "image:1", this.source, this.target],
            {
                encoding: "utf8",
                env: { PATH: bin ? `${bin}:${PATH}` : PATH, TMPDIR: this.temporary },
            },
        );
        return { status: status ?? 128 + (signal ? os.constants.signals[signal] : 0), stderr };
    }

    /** A program that stands in front of the real one. @returns its folder, for `run` */
    standIn(name: string, script: string): string {
        const bin = path.join(this.folder, "bin");
        fs.mkdirSync(bin, { recursive: true });
        fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return bin;
    }

    /** Mounts something on a folder, until the test is over. */
    mount(folder: string, ...args: string[]): void {
        execFileSync("mount", [...args, folder], { stdio: "pipe" });
        this.mounts.push(folder);
    }

    /** The sentinel's text. @returns undefined when there is none */
    sentinel(): string | undefined {
        const file = path.join(this.target, SENTINEL);
        return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
    }

    /** Removes everything. */
    remove(): void {
        for (const folder of this.mounts.reverse()) {
            // Lazily: whatever still looks into it, the folder is only itself again at once.
            execFileSync("umount", ["-l", folder], { stdio: "pipe" });
        }
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

/** Every kind of file that copying may get wrong, of which some are only right at the very end. */
export function plant(source: string): void {
    const at = (name: string) => path.join(source, name);
    const old = new Date("2020-01-01T00:00:00Z");
    fs.mkdirSync(at("closed"));
    fs.writeFileSync(at("closed/key"), "k".repeat(700), { mode: 0o600 });
    fs.chmodSync(at("closed"), 0o500);
    fs.mkdirSync(at("deep/er/est"), { recursive: true });
    for (let i = 0; i < 8; i++) {
        fs.writeFileSync(at(`deep/er/est/file ${i}`), String(i).repeat(i * 150));
    }
    fs.writeFileSync(at("a"), "a".repeat(3000), { mode: 0o444 });
    fs.linkSync(at("a"), at("hard"));
    fs.writeFileSync(at("setuid"), "#!", { mode: 0o755 });
    fs.chmodSync(at("setuid"), 0o4755);
    // Unpacked as empty files at first, because they lead out of the folder.
    fs.symlinkSync("/nowhere", at("out"));
    fs.symlinkSync("../../up", at("deep/up"));
    fs.symlinkSync(".", at("self"));
    fs.writeFileSync(at("new\nline"), "n");
    for (const name of ["deep/er", "deep", "a", "closed"]) {
        fs.utimesSync(at(name), old, old);
    }
}

/** Everything about every file below a folder, the sentinel left out: one line a file. */
export function snapshot(folder: string): string[] {
    const firstOf = new Map<number, string>();
    return namesIn(folder)
        .filter((name) => name !== SENTINEL && name !== NOTE)
        .map((name) => {
            const file = path.join(folder, name);
            const stat = fs.lstatSync(file);
            const first = firstOf.get(stat.ino) ?? name;
            firstOf.set(stat.ino, first);
            return JSON.stringify({
                name,
                mode: stat.mode.toString(8),
                owner: `${stat.uid}:${stat.gid}`,
                // A folder's size is its file system's business, a tar's times are whole seconds.
                size: stat.isDirectory() ? undefined : stat.size,
                time: Math.floor(stat.mtimeMs / 1000),
                linkedTo: first,
                content: contentOf(file, stat),
            });
        });
}

/** Every file below a folder, links not followed. */
function namesIn(folder: string): string[] {
    const entries = fs.readdirSync(folder, { withFileTypes: true });
    return entries
        .flatMap((entry) => [
            entry.name,
            ...(entry.isDirectory()
                ? namesIn(path.join(folder, entry.name)).map((name) => path.join(entry.name, name))
                : []),
        ])
        .sort();
}

function contentOf(file: string, stat: fs.Stats): string | undefined {
    if (stat.isSymbolicLink()) {
        return fs.readlinkSync(file);
    }
    return stat.isFile()
        ? createHash("sha256").update(fs.readFileSync(file)).digest("hex")
        : undefined;
}
