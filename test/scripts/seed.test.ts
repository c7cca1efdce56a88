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
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { real, Seeding, SENTINEL } from "../support/seeding";
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

    it("copies five thousand files, and counts them", () => {
        for (let i = 0; i < 5000; i++) {
            writeFileSync(path.join(source, `file ${i}`), String(i));
        }
        expect(seeding.run()).toEqual({ status: 0, stderr: "" });
        expect(readdirSync(target)).toHaveLength(5001);
        expect(seeding.sentinel()).toBe("image=image:1\nfiles=5000\n");
    }, 120_000);

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
