import { execFileSync } from "node:child_process";
import {
    chmodSync,
    existsSync,
    linkSync,
    lstatSync,
    mkdirSync,
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
import { createServer } from "node:net";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NOTE, real, Seeding, SENTINEL } from "../support/seeding";
import { shells, type Shell } from "../support/shells";

const IS_ROOT = process.getuid?.() === 0;

let seeding: Seeding;
let source: string;
let target: string;

/** @param shell with busybox's own tar, find and so on, where it is busybox's */
function prepare(shell?: Shell): void {
    seeding = new Seeding(shell);
    ({ source, target } = seeding);
}

afterEach(() => seeding.remove());

describe.each(shells())("seeding under $name", (shell) => {
    beforeEach(() => prepare(shell));

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
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });

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
        expect(seeding.sentinel()).toBe(`image=image:1\nfiles=${names.length + 7}\n`);
    });

    it.runIf(IS_ROOT)("keeps owners by number", () => {
        writeFileSync(path.join(source, "theirs"), "");
        execFileSync("chown", ["12345:23456", path.join(source, "theirs")]);
        expect(seeding.run().status).toBe(0);
        expect(statSync(path.join(target, "theirs"))).toMatchObject({ uid: 12345, gid: 23456 });
    });

    it("copies a sparse file of a size that the disk may not have", () => {
        const file = path.join(source, "sparse");
        writeFileSync(file, "");
        truncateSync(file, 64 * 2 ** 20);
        expect(seeding.run().status).toBe(0);
        expect(statSync(path.join(target, "sparse")).size).toBe(64 * 2 ** 20);
    });

    it("gives an empty workspace when the image has nothing", () => {
        expect(seeding.run().status).toBe(0);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=0\n");
    });

    it("gives an empty workspace when the image has no such folder", () => {
        rmSync(source, { recursive: true });
        expect(seeding.run().status).toBe(0);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=0\n");
    });

    it("does not take an image's own sentinel for ours", () => {
        writeFileSync(path.join(source, SENTINEL), "image=other\n");
        writeFileSync(path.join(source, "a"), "a");
        expect(seeding.run().status).toBe(0);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=1\n");
        expect(existsSync(path.join(target, "a"))).toBe(true);
    });
});

describe("seeding", () => {
    beforeEach(() => prepare());

    it("copies forty thousand files with names of sixty characters, and counts them", () => {
        for (let i = 0; i < 40_000; i++) {
            writeFileSync(path.join(source, `${i} `.padEnd(60, "n")), "");
        }
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
        expect(readdirSync(target)).toHaveLength(40_001);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=40000\n");
    }, 240_000);

    it.runIf(IS_ROOT)("names device nodes, which no workspace can hold, and copies nothing", () => {
        mkdirSync(path.join(source, "dev"));
        execFileSync("mknod", [path.join(source, "dev", "null"), "c", "1", "3"]);
        expect(seeding.run()).toEqual({
            status: 1,
            stderr: `seed: image image:1 has device nodes in ${source}, which no workspace can hold: ./dev/null ; remove them from the image\n`,
        });
        expect(readdirSync(target)).toEqual([]);
    });

    it("copies pipes, and leaves sockets out, by name", async () => {
        execFileSync("mkfifo", [path.join(source, "pipe")]);
        const server = createServer();
        const socket = path.join(source, "socket");
        await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
        const { status, stderr } = seeding.run();
        server.close();
        expect(status).toBe(0);
        expect(stderr).toContain("./socket: socket ignored");
        expect(readdirSync(target).sort()).toEqual([SENTINEL, "pipe"]);
        expect(lstatSync(path.join(target, "pipe")).isFIFO()).toBe(true);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=1\n");
    });

    it("says that it could not count, rather than nothing, when the image has no find", () => {
        writeFileSync(path.join(source, "a"), "a");
        const bin = path.join(seeding.folder, "few");
        mkdirSync(bin);
        for (const name of ["tar", "rm", "tr", "wc", "sync", "mv"]) {
            symlinkSync(real(name), path.join(bin, name));
        }
        expect(seeding.run(undefined, bin)).toEqual({ status: 0, stderr: "" });
        expect(readFileSync(path.join(target, "a"), "utf8")).toBe("a");
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=unknown\n");
    });
});

describe("a workspace that is seeded", () => {
    beforeEach(() => prepare());

    it("is left alone: what the user deleted stays deleted, what they wrote stays", () => {
        writeFileSync(path.join(source, "a"), "from the image");
        writeFileSync(path.join(source, "b"), "from the image");
        expect(seeding.run().status).toBe(0);
        rmSync(path.join(target, "a"));
        writeFileSync(path.join(target, "b"), "mine");
        const before = statSync(path.join(target, SENTINEL)).mtimeMs;
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
        expect(existsSync(path.join(target, "a"))).toBe(false);
        expect(readFileSync(path.join(target, "b"), "utf8")).toBe("mine");
        expect(statSync(path.join(target, SENTINEL)).mtimeMs).toBe(before);
    });

    it("needs no tool at all any more", () => {
        expect(seeding.run().status).toBe(0);
        expect(seeding.run(undefined, "/nowhere")).toEqual({ status: 0, stderr: "" });
    });
});

describe.each(shells())("a workspace without the sentinel under $name", (shell) => {
    const FILES = ["AGENTS.md", "b"];
    const own = (name: string) => path.join(target, name);

    beforeEach(() => {
        prepare(shell);
        FILES.forEach((name) => writeFileSync(path.join(source, name), "from the image"));
    });

    it.each<[string, () => void]>([
        ["is empty", () => undefined],
        ["holds what its file system brings with it", () => mkdirSync(own("lost+found"))],
        [
            "holds part of a copy that was begun",
            () => {
                writeFileSync(own(NOTE), "");
                writeFileSync(own("b"), "from the");
            },
        ],
    ])("is filled when it %s", (_, fill) => {
        fill();
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
        FILES.forEach((name) => expect(readFileSync(own(name), "utf8")).toBe("from the image"));
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=2\n");
        expect(existsSync(own(NOTE))).toBe(false);
    });

    it.each<[string, () => void]>([
        ["a file of the image, edited", () => writeFileSync(own("AGENTS.md"), "mine")],
        ["a restored backup", () => writeFileSync(own("b"), "mine")],
        ["nothing but a hidden file", () => writeFileSync(own(".hidden"), "mine")],
        ["a name that begins with two dots", () => writeFileSync(own("..odd"), "mine")],
        ["a folder", () => mkdirSync(own("folder"))],
        ["a link that leads nowhere", () => symlinkSync("/nowhere", own("link"))],
        ["a folder in the note's place", () => mkdirSync(own(NOTE))],
        [
            "a link in the note's place",
            () => {
                writeFileSync(path.join(seeding.folder, "outside"), "mine");
                symlinkSync("../outside", own(NOTE));
            },
        ],
    ])("is kept as it is when it holds %s", (_, fill) => {
        fill();
        const names = readdirSync(target).filter((name) => name !== NOTE);
        expect(seeding.run()).toEqual({
            status: 0,
            stderr: `seed: the workspace holds files and no ${SENTINEL}: it is taken as it is, and nothing is copied from image:1\n`,
        });
        expect(readdirSync(target).sort()).toEqual([SENTINEL, ...names].sort());
        names
            .filter((name) => lstatSync(own(name)).isFile())
            .forEach((name) => expect(readFileSync(own(name), "utf8")).toBe("mine"));
        const outside = path.join(seeding.folder, "outside");
        expect(existsSync(outside) ? readFileSync(outside, "utf8") : "mine").toBe("mine");
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=kept\n");
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
    });

    it("because an agent has deleted it, stays as the agent left it", () => {
        expect(seeding.run().status).toBe(0);
        writeFileSync(own("AGENTS.md"), "mine");
        rmSync(own("b"));
        rmSync(own(SENTINEL));
        expect(seeding.run().status).toBe(0);
        expect(readFileSync(own("AGENTS.md"), "utf8")).toBe("mine");
        expect(existsSync(own("b"))).toBe(false);
    });

    it("but a link of that name is left alone", () => {
        symlinkSync("/nowhere", own(SENTINEL));
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
        expect(readdirSync(target)).toEqual([SENTINEL]);
    });
});
