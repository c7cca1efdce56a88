import type * as fs from "node:fs";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cached, entryName, isCached, type Recipe } from "../../machine/cache";

let folder: string;
let recipe: Recipe;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "cache-"));
    vi.stubEnv("SANDBOX_GATEWAY_CACHE", path.join(folder, "cache"));
    writeFileSync(path.join(folder, "source"), "one");
    recipe = { name: "thing", files: [path.join(folder, "source")], parameters: ["p"] };
});

afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
});

const build = (text: string) =>
    vi.fn((entry: string) => {
        writeFileSync(path.join(entry, "made"), text);
        return Promise.resolve();
    });

const made = (entry: string) => readFileSync(path.join(entry, "made"), "utf8");

describe("cached", () => {
    it("builds once, and again when it was deleted", async () => {
        const first = build("a");
        const entry = await cached(recipe, first);
        expect(made(await cached(recipe, first))).toBe("a");
        expect(first).toHaveBeenCalledTimes(1);
        rmSync(entry, { recursive: true });
        expect(isCached(recipe)).toBe(false);
        await cached(recipe, first);
        expect(first).toHaveBeenCalledTimes(2);
    });

    it("keeps the first of two that build at once", async () => {
        const entry = await cached(recipe, async (mine) => {
            await cached(recipe, build("theirs"));
            writeFileSync(path.join(mine, "made"), "mine");
        });
        expect(made(entry)).toBe("theirs");
        expect(readdirSync(path.dirname(entry))).toHaveLength(1);
    });

    it("leaves nothing behind when the build fails", async () => {
        await expect(cached(recipe, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
        expect(readdirSync(path.join(folder, "cache"))).toEqual([]);
    });
});

describe("after a power cut", () => {
    afterEach(() => void vi.doUnmock("node:fs"));

    it.runIf(process.platform === "linux")(
        "an entry that has its name has its files: they are on the disk before",
        async () => {
            const events: string[] = [];
            vi.doMock("node:fs", async (original) => {
                const real = await original<typeof fs>();
                const fsyncSync = (descriptor: number) => {
                    events.push(path.basename(real.readlinkSync(`/proc/self/fd/${descriptor}`)));
                    real.fsyncSync(descriptor);
                };
                const renameSync = (from: string, to: string) => {
                    events.push("named");
                    real.renameSync(from, to);
                };
                return { ...real, fsyncSync, renameSync };
            });
            vi.resetModules();
            const watched = await import("../../machine/cache.js");
            await watched.cached(recipe, (entry) => {
                mkdirSync(path.join(entry, "deep"));
                writeFileSync(path.join(entry, "deep", "made"), "a");
                return Promise.resolve();
            });
            expect(events).toEqual([
                "made",
                "deep",
                expect.stringMatching(/^\.tmp-thing-/) as string,
                "named",
            ]);
        },
    );
});

describe("entryName", () => {
    it("changes with content, parameters and the right to execute, not with the place", () => {
        const before = entryName(recipe);
        expect(entryName({ ...recipe, parameters: ["q"] })).not.toBe(before);
        const copy = path.join(mkdtempSync(path.join(folder, "other-")), "source");
        writeFileSync(copy, "one");
        expect(entryName({ ...recipe, files: [copy] })).toBe(before);
        writeFileSync(copy, "one", { mode: 0o755 });
        rmSync(copy);
        writeFileSync(copy, "one", { mode: 0o755 });
        expect(entryName({ ...recipe, files: [copy] })).not.toBe(before);
        writeFileSync(path.join(folder, "source"), "two");
        expect(entryName(recipe)).not.toBe(before);
        expect(existsSync(path.join(folder, "cache"))).toBe(false);
    });
});
