import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plant, real, Seeding, SENTINEL, snapshot } from "../support/seeding";

const tar = real("tar");

/** Everything in the container dies at once. */
const KILLED = 128 + 9;

let seeding: Seeding;

beforeEach(() => {
    seeding = new Seeding();
    plant(seeding.source);
});

afterEach(() => seeding.remove());

/** The next start: it has to make the workspace whole, whatever was there before. */
function expectCompletion(): void {
    expect(seeding.run()).toEqual({ status: 0, stderr: "" });
    const planted = snapshot(seeding.source);
    expect(snapshot(seeding.target)).toEqual(planted);
    expect(seeding.sentinel()).toBe(`image=image:1\nfiles=${planted.length}\n`);
}

/** Bytes of the tree on its way from tar to tar. */
function archiveSize(): number {
    const archive = execFileSync(tar, ["-c", "-f", "-", "-C", seeding.source, "."]);
    return archive.length;
}

/**
 * Where to cut: the ends, and one place in every block of tar's, each at another distance from its
 * beginning, so that cuts fall between files, into headers and into contents.
 */
function cuts(): number[] {
    const size = archiveSize();
    const steps = Array.from(
        { length: Math.floor(size / 512) },
        (_, i) => i * 512 + ((i * 37) % 512),
    );
    return [...new Set([...steps, 1, 511, 512, 1024, size - 1, size])].sort((a, b) => a - b);
}

describe("a seeding that is killed", () => {
    it("after any number of bytes, is completed by the next start", () => {
        for (const bytes of cuts()) {
            seeding.emptyTarget();
            const bin = seeding.standIn(
                "tar",
                `case "$1" in -x) head -c ${bytes} | ${tar} "$@" 2>/dev/null; kill -9 0;; esac; exec ${tar} "$@"`,
            );
            expect({ bytes, ...seeding.run(bin) }).toEqual({ bytes, status: KILLED, stderr: "" });
            expect(seeding.sentinel()).toBeUndefined();
            expectCompletion();
        }
    });

    it("again and again, a little later each time, is completed in the end", () => {
        const seen = new Set<number>();
        for (const bytes of cuts()) {
            const bin = seeding.standIn(
                "tar",
                `case "$1" in -x) head -c ${bytes} | ${tar} "$@" 2>/dev/null; kill -9 0;; esac; exec ${tar} "$@"`,
            );
            expect(seeding.run(bin).status).toBe(KILLED);
            expect(seeding.sentinel()).toBeUndefined();
            seen.add(snapshot(seeding.target).length);
        }
        // It has been cut at many places of the tree, not only before and after it.
        expect(seen.size).toBeGreaterThan(10);
        expectCompletion();
    });

    it.each([
        ["before what was copied is on the disk", "sync", "kill -9 0"],
        ["before the sentinel has its name", "mv", "kill -9 0"],
    ])("%s, leaves no sentinel, and is completed", (_, program, script) => {
        expect(seeding.run(seeding.standIn(program, script)).status).toBe(KILLED);
        expect(seeding.sentinel()).toBeUndefined();
        expectCompletion();
    });

    it("when the sentinel has its name, is whole already", () => {
        const bin = seeding.standIn("mv", `${real("mv")} "$@"; kill -9 0`);
        expect(seeding.run(bin).status).toBe(KILLED);
        const planted = snapshot(seeding.source);
        expect(seeding.sentinel()).toBe(`image=image:1\nfiles=${planted.length}\n`);
        expectCompletion();
    });
});

describe("a seeding of which one half dies", () => {
    it.each([
        // The other half sees an end that may look like a good one.
        ["reading", (n: number) => `-c) ${tar} "$@" | head -c ${n}; kill -9 $$;;`],
        ["writing", (n: number) => `-x) head -c ${n} | ${tar} "$@"; kill -9 $$;;`],
    ])("%s, after any number of bytes, says so and is completed", (_, script) => {
        for (const bytes of cuts()) {
            seeding.emptyTarget();
            const bin = seeding.standIn(
                "tar",
                `case "$1" in ${script(bytes)} esac 2>/dev/null; exec ${tar} "$@"`,
            );
            const { status, stderr } = seeding.run(bin);
            expect({ bytes, status }).toEqual({ bytes, status: 1 });
            expect(stderr).toMatch(
                /seed: could not (read|write) .*; the next start tries again\n$/,
            );
            expect(seeding.sentinel()).toBeUndefined();
            expectCompletion();
        }
    });
});

describe("a disk that is full", () => {
    const expectFull = () => {
        const { status, stderr } = seeding.run();
        expect(status).toBe(1);
        expect(stderr).toContain(
            "seed: could not write the workspace of image:1 (is the disk full?); the next start tries again\n",
        );
        expect(seeding.sentinel()).toBeUndefined();
    };

    const disk = (options: string) =>
        seeding.mount(seeding.target, "-t", "tmpfs", "-o", `mode=0777,${options}`, "tmpfs");

    const grow = (options: string) =>
        execFileSync("mount", ["-o", `remount,${options}`, seeding.target], { stdio: "pipe" });

    it("is named, and the next start completes it when there is room", () => {
        fs.writeFileSync(path.join(seeding.source, "big"), "b".repeat(300_000));
        disk("size=128k");
        expectFull();
        // As often as the kubelet tries.
        expectFull();
        grow("size=8m");
        expectCompletion();
    });

    it("of names, as well", () => {
        disk("size=8m,nr_inodes=7");
        expectFull();
        grow("nr_inodes=1000");
        expectCompletion();
    });

    it.each([
        ["the note's text", "size=64k", "size=128k"],
        ["the note's name", "size=128k,nr_inodes=2", "nr_inodes=3"],
    ])("for nothing but %s, as well", (_, options, more) => {
        fs.rmSync(seeding.source, { recursive: true });
        fs.mkdirSync(seeding.source);
        fs.writeFileSync(path.join(seeding.source, "exact"), "e".repeat(64 * 1024));
        disk(options);
        expectFull();
        grow(more);
        expectCompletion();
    });

    it("but for the files and one note, is enough: the sentinel takes the note's place", () => {
        fs.rmSync(seeding.source, { recursive: true });
        fs.mkdirSync(seeding.source);
        fs.writeFileSync(path.join(seeding.source, "exact"), "e".repeat(64 * 1024));
        disk("size=68k,nr_inodes=3");
        expectCompletion();
    });
});

describe("an image that is read-only", () => {
    it("is copied, and left as it is", () => {
        const image = path.join(seeding.folder, "image");
        fs.mkdirSync(image);
        seeding.mount(image, "--bind", seeding.source);
        execFileSync("mount", ["-o", "remount,bind,ro", image], { stdio: "pipe" });
        const before = snapshot(seeding.source);
        seeding.source = image;
        expect(() => fs.writeFileSync(path.join(image, "new"), "")).toThrow("EROFS");
        expectCompletion();
        expect(snapshot(image)).toEqual(before);
        expect(fs.readdirSync(image)).not.toContain(SENTINEL);
    });
});

describe("an image without tar", () => {
    it("is named, with what to do", () => {
        const { status, stderr } = seeding.run(undefined, "/nowhere");
        expect(status).toBe(1);
        expect(stderr).toBe(
            `seed: image image:1 has no tar, which copying its ${seeding.source} into the workspace needs; add tar to the image, or remove ${seeding.source} from it\n`,
        );
    });
});
