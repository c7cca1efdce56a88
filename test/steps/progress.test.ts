import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { InterruptedError, StepError } from "../../steps/errors";
import { Progress } from "../../steps/progress";

let folder: string;
let progress: Progress;
let out: PassThrough;

beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "progress-"));
    out = new PassThrough();
    progress = new Progress(path.join(folder, "log"), out);
});

it("keeps what commands say for the owner of the log", async () => {
    const log = path.join(folder, "a", "b", "log");
    await new Progress(log, out).run("true", []);
    // It is opened by itself, whenever that is.
    await expect.poll(() => existsSync(log)).toBe(true);
    const modes = [log, path.dirname(log)].map((file) => statSync(file).mode & 0o777);
    expect(modes).toEqual([0o600, 0o700]);
});

afterEach(() => {
    process.removeAllListeners("SIGINT");
    process.removeAllListeners("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
});

const printed = () => String(out.read() ?? "").replaceAll(/\(\d.*?\)/g, "(time)");
const sh = (script: string) => progress.run("sh", ["-c", script], { cwd: folder });

/** Two commands that wait for each other: run one after the other they would never end. */
const meet = (own: string, other: string) =>
    sh(`: >${own}; until [ -e ${other} ]; do sleep 0.01; done; echo ${own}`);

describe("together", () => {
    it("runs side by side and gives the results in order", async () => {
        const results = await progress.together([
            () => progress.step("first", () => meet("a", "b"), String),
            () => progress.step("second", () => meet("b", "a")),
        ]);
        expect(results).toEqual(["a\n", "b\n"]);
        expect(printed()).toContain("2. second (time)");
    }, 10_000);

    it("ends the others with what they started, and tells of the failure", async () => {
        const failing = progress.together([
            () =>
                progress.step("waits", () =>
                    sh(`(sleep 30; : >late) & echo $! >pid; : >started; wait`),
                ),
            () =>
                progress.step("fails", () =>
                    sh("until [ -e started ]; do sleep 0.01; done; echo because >&2; exit 3"),
                ),
        ]);
        await expect(failing).rejects.toThrow(new StepError("sh -c failed with status 3: because"));
        const child = Number(readFileSync(path.join(folder, "pid"), "utf8"));
        // One that has ended may still wait to be reaped: it runs no program then.
        expect(existsSync(`/proc/${child}/exe`)).toBe(false);
        expect(printed()).toBe("  2. fails: FAILED (time)\n  1. waits: ended (time)\n");
    }, 10_000);

    it("says which step failed when the failure came from within", async () => {
        const failing = progress.together([
            () =>
                progress.step("outer", () =>
                    progress.together([() => sh("echo inner; exit 1"), () => sh("sleep 30")]),
                ),
            () => progress.step("beside", () => sh("sleep 30")),
        ]);
        await expect(failing).rejects.toThrow("status 1: inner");
        expect(printed()).toContain("1. outer: FAILED (time)");
        await expect(progress.step("after", () => sh("echo again"))).resolves.toBe("again\n");
    }, 10_000);

    it("starts nothing more after a failure", async () => {
        let failed = () => {};
        const failure = new Promise<void>((resolve) => (failed = resolve));
        const failing = progress.together([
            () => Promise.reject(new Error("at once")),
            async () => {
                await failure;
                await sh(": >started");
            },
        ]);
        setImmediate(failed);
        await expect(failing).rejects.toThrow("at once");
        expect(existsSync(path.join(folder, "started"))).toBe(false);
    });
});

describe("a signal", () => {
    const signal = (name: "SIGINT" | "SIGTERM") => process.emit(name, name);
    const started = () =>
        vi.waitFor(() => expect(existsSync(path.join(folder, "started"))).toBe(true), 10_000);

    it("ends a command with what it has started, and nothing is started any more", async () => {
        const running = progress.step("waits", () =>
            sh("sh -c 'echo $$ >pid; : >started; exec sleep 30'; : >late"),
        );
        const refused = expect(running).rejects.toThrow(InterruptedError);
        await started();
        signal("SIGINT");
        await refused;
        const child = Number(readFileSync(path.join(folder, "pid"), "utf8"));
        expect(existsSync(`/proc/${child}/exe`)).toBe(false);
        await expect(sh(": >again")).rejects.toThrow(InterruptedError);
        expect(existsSync(path.join(folder, "again"))).toBe(false);
        expect(progress.interrupted).toBe(true);
        expect(printed()).toMatch(/^interrupted after .*; the same command goes on from here\n$/);
    });

    it("lets a command that owns the terminal end by itself, which Ctrl-C has reached already", async () => {
        const script = `cd ${folder}; trap 'echo got >>signals; exit 7' TERM INT; : >started; while :; do sleep 0.05; done`;
        const running = progress.attach("sh", ["-c", script], process.env);
        await started();
        signal("SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(existsSync(path.join(folder, "signals"))).toBe(false);
        signal("SIGTERM");
        expect(await running).toBe(7);
    });
});

describe("a command", () => {
    it("that takes too long is ended, and fails", async () => {
        const slow = progress.run("sh", ["-c", "echo begun; sleep 30"], { timeout: 0.2 });
        await expect(slow).rejects.toThrow(new StepError("sh -c failed with status 143: begun"));
    });

    it("that is not there says so", async () => {
        const missing = progress.run("/nowhere/program", []);
        await expect(missing).rejects.toThrow(
            new StepError("cannot run /nowhere/program: spawn /nowhere/program ENOENT"),
        );
    });

    it("whose output is secret leaves it out of the log, and what it complains of in", async () => {
        const log = path.join(folder, "log");
        const said = await progress.run(
            "sh",
            ["-c", "printf 'k%s\\n' ey; printf 'w%s\\n' hy >&2"],
            { quiet: true },
        );
        expect(said).toBe("key\n");
        await expect.poll(() => readFileSync(log, "utf8")).toContain("why");
        expect(readFileSync(log, "utf8")).not.toContain("key\n");
    });
});

describe("a log that cannot be written", () => {
    it.each(["/dev/full", "/dev/null/here/log"])("ends nothing: %s", async (log) => {
        const own = new Progress(log, out);
        own.print("a step");
        expect(await own.run("sh", ["-c", "sleep 0.1; echo done"])).toBe("done\n");
        own.print("another");
        await own.run("true", []);
        let said = "";
        // The disk answers when it can.
        await vi.waitFor(() => expect((said += printed())).toContain(log), { timeout: 30_000 });
        const lines = said.trim().split("\n");
        expect(lines.filter((line) => line.includes(log))).toEqual([
            expect.stringContaining(`the log ${log} is not written`),
        ]);
        expect(lines).toContain("another");
    });
});
