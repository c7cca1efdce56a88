/** Commands that answer a question, and daemons. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ask } from "../../steps/ask";
import { isMissing, output, reasonOf, startDaemon } from "../../steps/command";

let folder: string;

beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "command-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const failure = (work: Promise<unknown>) =>
    work.then(
        () => expect.fail("it has not failed"),
        (error: unknown) => error,
    );

const sh = (script: string) => ["sh", "-c", script];

describe("output", () => {
    it("is what a command prints, in its folder and its environment", async () => {
        const options = { cwd: folder, env: { PATH: process.env["PATH"], WORD: "gültig" } };
        expect(await output(sh("echo $WORD; pwd; echo no >&2"), options)).toBe(
            `gültig\n${folder}\n`,
        );
    });

    it("holds characters together that come in two parts", async () => {
        expect(await output(sh("printf '\\303'; sleep 0.1; printf '\\274'"))).toBe("ü");
    });

    it.each([
        ["its last words", "echo first >&2; printf '\\033[1mlast\\n' >&2; exit 3", "last"],
        ["itself, where it says nothing", "exit 3", "Command failed: sh -c exit 3"],
    ])("of a command that fails is none; the reason is %s", async (_, script, reason) => {
        expect(reasonOf(await failure(output(sh(script))))).toBe(reason);
    });

    it("of a command that fails is in the error all the same", async () => {
        const error = await failure(output(sh("echo part; echo why >&2; exit 1")));
        expect(error).toMatchObject({ stdout: "part\n", stderr: "why\n" });
    });

    it("of a program that is not there is none", async () => {
        const error = await failure(output(["/nowhere/program"]));
        expect(isMissing(error)).toBe(true);
        expect(reasonOf(error)).toBe("spawn /nowhere/program ENOENT");
        expect(isMissing(await failure(output(sh("exit 1"))))).toBe(false);
    });
});

it("an answer that does not come is not waited for", async () => {
    const error = await failure(ask(["sleep", "30"], 0.2));
    expect(reasonOf(error)).toBe("no answer within 0.2 s");
});

describe("a daemon", () => {
    it("writes into its log, which is its owner's, and has its own group", async () => {
        const log = path.join(folder, "log");
        const pid = startDaemon(sh("echo begun; ps -o pgid= -p $$; exec sleep 30"), log) as number;
        try {
            await vi.waitFor(() =>
                expect(readFileSync(log, "utf8")).toMatch(new RegExp(`^begun\\n *${pid}\\n$`)),
            );
            expect(statSync(log).mode & 0o777).toBe(0o600);
        } finally {
            process.kill(pid);
        }
    });

    it("that is not there ends nothing", () => {
        expect(startDaemon(["/nowhere/program"], path.join(folder, "log"))).toBeUndefined();
        expect(existsSync(path.join(folder, "log"))).toBe(true);
    });
});
