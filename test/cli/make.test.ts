/** What `make` refuses before it does anything. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = path.join(__dirname, "..", "..");

/** Runs a target where there is neither Docker nor pulumi. */
function make(target: string, STACK: string) {
    const folder = mkdtempSync(path.join(os.tmpdir(), "make-"));
    try {
        const args = ["--require", require.resolve("tsx/cjs"), "cli/make.ts", target];
        const env = { PATH: folder, HOME: folder, STACK };
        return spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
    } finally {
        rmSync(folder, { recursive: true });
    }
}

describe("a stack without a name", () => {
    it.each(["", " "])("is none, and not the one that pulumi has selected: %j", (name) => {
        const { status, stdout, stderr } = make("destroy", name);
        expect(stderr).toContain("error: STACK is empty; expected the name of a stack");
        expect(stdout).toBe("");
        expect(status).toBe(64);
    });

    it("is no hindrance to help", () => {
        expect(make("help", "")).toMatchObject({ status: 0, stderr: "" });
    });
});
