import { execFileSync, spawnSync } from "node:child_process";
import {
    chmodSync,
    existsSync,
    linkSync,
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    rmSync,
    statSync,
    symlinkSync,
    truncateSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SCRIPT = path.join(__dirname, "..", "..", "components", "scripts", "seed.sh");
const SENTINEL = ".workspace-initialized";
const IS_ROOT = process.getuid?.() === 0;

let folder: string;
let source: string;
let target: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "seed-"));
    source = path.join(folder, "source");
    target = path.join(folder, "target");
    mkdirSync(source);
    mkdirSync(target, { mode: 0o777 });
    chmodSync(target, 0o777);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the script as the init container does. `bin` stands in front of PATH. */
function seed(bin?: string, PATH = process.env["PATH"] ?? "") {
    const { status, stderr } = spawnSync("/bin/sh", [SCRIPT, "image:1", source, target], {
        encoding: "utf8",
        env: { PATH: bin ? `${bin}:${PATH}` : PATH, TMPDIR: folder },
    });
    return { status, stderr };
}

const sentinel = () => readFileSync(path.join(target, SENTINEL), "utf8");

/** A program that stands in front of the real one. */
function standIn(name: string, script: string): string {
    const bin = path.join(folder, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return bin;
}

describe("seeding", () => {
    it("copies what is in the image, with everything about it", () => {
        const old = new Date("2020-01-01T00:00:00Z");
        mkdirSync(path.join(source, "closed"));
        writeFileSync(path.join(source, "closed", "key"), "k", { mode: 0o600 });
        chmodSync(path.join(source, "closed"), 0o700);
        symlinkSync(".", path.join(source, "self"));
        symlinkSync("/nowhere", path.join(source, "dangling"));
        writeFileSync(path.join(source, "a"), "a");
        linkSync(path.join(source, "a"), path.join(source, "b"));
        writeFileSync(path.join(source, "setuid"), "", { mode: 0o755 });
        chmodSync(path.join(source, "setuid"), 0o4755);
        utimesSync(path.join(source, "a"), old, old);
        const names = [" lead", "new\nline", "-dash", ".hidden", "..odd", "*", "ü", "it's", 'a"b'];
        for (const name of names) {
            writeFileSync(path.join(source, name), name);
        }
        expect(seed()).toEqual({ status: 0, stderr: "" });

        const copied = readdirSync(target).filter((name) => name !== SENTINEL);
        expect(copied.sort()).toEqual(readdirSync(source).sort());
        for (const name of names) {
            expect(readFileSync(path.join(target, name), "utf8")).toBe(name);
        }
        const stat = (name: string) => lstatSync(path.join(target, name));
        expect(stat("closed").mode & 0o7777).toBe(0o700);
        expect(stat("closed/key").mode & 0o7777).toBe(0o600);
        expect(stat("setuid").mode & 0o7777).toBe(0o4755);
        expect(readlinkSync(path.join(target, "self"))).toBe(".");
        expect(readlinkSync(path.join(target, "dangling"))).toBe("/nowhere");
        expect(stat("a").mtimeMs).toBe(old.getTime());
        expect(stat("a").ino).toBe(stat("b").ino);
        // The storage's own mode is not the image's business.
        expect(statSync(target).mode & 0o7777).toBe(0o777);
        expect(sentinel()).toBe(`image=image:1\nfiles=${names.length + 7}\n`);
    });

    it.runIf(IS_ROOT)("keeps owners by number", () => {
        writeFileSync(path.join(source, "theirs"), "");
        execFileSync("chown", ["12345:23456", path.join(source, "theirs")]);
        expect(seed().status).toBe(0);
        expect(statSync(path.join(target, "theirs"))).toMatchObject({ uid: 12345, gid: 23456 });
    });

    it("copies five thousand files, and counts them", () => {
        for (let i = 0; i < 5000; i++) {
            writeFileSync(path.join(source, `file ${i}`), String(i));
        }
        expect(seed()).toEqual({ status: 0, stderr: "" });
        expect(readdirSync(target)).toHaveLength(5001);
        expect(sentinel()).toBe("image=image:1\nfiles=5000\n");
    }, 120_000);

    it("copies a sparse file of a size that the disk may not have", () => {
        const file = path.join(source, "sparse");
        writeFileSync(file, "");
        truncateSync(file, 64 * 2 ** 20);
        expect(seed().status).toBe(0);
        expect(statSync(path.join(target, "sparse")).size).toBe(64 * 2 ** 20);
    });

    it("gives an empty workspace when the image has nothing", () => {
        expect(seed().status).toBe(0);
        expect(sentinel()).toBe("image=image:1\nfiles=0\n");
    });

    it("gives an empty workspace when the image has no such folder", () => {
        rmSync(source, { recursive: true });
        expect(seed().status).toBe(0);
        expect(sentinel()).toBe("image=image:1\nfiles=0\n");
    });

    it("does not take an image's own sentinel for ours", () => {
        writeFileSync(path.join(source, SENTINEL), "image=other\n");
        writeFileSync(path.join(source, "a"), "a");
        expect(seed().status).toBe(0);
        expect(sentinel()).toBe("image=image:1\nfiles=1\n");
        expect(existsSync(path.join(target, "a"))).toBe(true);
    });
});

describe("a workspace that is seeded", () => {
    it("is left alone: what the user deleted stays deleted, what they wrote stays", () => {
        writeFileSync(path.join(source, "a"), "from the image");
        writeFileSync(path.join(source, "b"), "from the image");
        expect(seed().status).toBe(0);
        rmSync(path.join(target, "a"));
        writeFileSync(path.join(target, "b"), "mine");
        const before = statSync(path.join(target, SENTINEL)).mtimeMs;
        expect(seed()).toEqual({ status: 0, stderr: "" });
        expect(existsSync(path.join(target, "a"))).toBe(false);
        expect(readFileSync(path.join(target, "b"), "utf8")).toBe("mine");
        expect(statSync(path.join(target, SENTINEL)).mtimeMs).toBe(before);
    });

    it("needs no tool at all any more", () => {
        expect(seed().status).toBe(0);
        expect(seed(undefined, "/nowhere")).toEqual({ status: 0, stderr: "" });
    });
});

describe("a seeding that fails", () => {
    /** The real tar, found before anything stands in front of it. */
    const tar = execFileSync("/bin/sh", ["-c", "command -v tar"], { encoding: "utf8" }).trim();

    it.each([
        [
            "reading ends early",
            `case "$1" in -c) ${tar} "$@" | head -c 700; exit 2;; esac; exec ${tar} "$@"`,
        ],
        ["writing fails", `case "$1" in -x) exit 2;; esac; exec ${tar} "$@"`],
        ["reading is killed", `case "$1" in -c) kill -9 $$;; esac; exec ${tar} "$@"`],
    ])("when %s: leaves no sentinel, and the next start completes it", (_, script) => {
        writeFileSync(path.join(source, "a"), "a".repeat(5000));
        writeFileSync(path.join(source, "b"), "b");
        const { status, stderr } = seed(standIn("tar", script));
        expect(status).not.toBe(0);
        expect(stderr).toContain("the next start tries again");
        expect(existsSync(path.join(target, SENTINEL))).toBe(false);

        expect(seed().status).toBe(0);
        expect(readFileSync(path.join(target, "a"), "utf8")).toBe("a".repeat(5000));
        expect(readFileSync(path.join(target, "b"), "utf8")).toBe("b");
        expect(sentinel()).toContain("files=2");
    });

    it("killed before the rename, leaves no sentinel", () => {
        writeFileSync(path.join(source, "a"), "a");
        expect(seed(standIn("mv", "kill -9 $PPID")).status).not.toBe(0);
        expect(existsSync(path.join(target, SENTINEL))).toBe(false);
        expect(seed().status).toBe(0);
        expect(readdirSync(target).sort()).toEqual([SENTINEL, "a"]);
    });

    it("without tar says what the image lacks", () => {
        writeFileSync(path.join(source, "a"), "a");
        const { status, stderr } = seed(undefined, "/nowhere");
        expect(status).toBe(1);
        expect(stderr).toBe(
            `seed: image image:1 has no tar, which copying its ${source} into the workspace needs; add tar to the image, or remove ${source} from it\n`,
        );
    });
});
