import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hideSalt } from "../../cli/stack/saltFilter";

const FILE = "Pulumi.dev.yaml";

let folder: string;

const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
        cwd: folder,
        encoding: "utf8",
    });

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "salt-"));
    git("init", "--quiet");
    writeFileSync(path.join(folder, ".gitattributes"), "Pulumi.*.yaml filter=pulumi-salt\n");
    writeFileSync(path.join(folder, FILE), "config:\n  a: 1\n");
    git("add", ".");
    git("commit", "--quiet", "--message", "first");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a salt does not make a checkout look changed", async () => {
    appendFileSync(path.join(folder, FILE), "encryptionsalt: v1:abc\n");
    await hideSalt({ root: folder, stack: "dev" });
    expect(git("status", "--short")).toBe("");
});

it("any other change shows, without the salt, and is not staged", async () => {
    appendFileSync(path.join(folder, FILE), "  b: 2\nencryptionsalt: v1:abc\n");
    await hideSalt({ root: folder, stack: "dev" });
    expect(git("status", "--short")).toBe(` M ${FILE}\n`);
    expect(git("diff")).toContain("+  b: 2");
    expect(git("diff")).not.toContain("encryptionsalt");
});

it("is no concern outside git", async () => {
    rmSync(path.join(folder, ".git"), { recursive: true });
    await expect(hideSalt({ root: folder, stack: "dev" })).resolves.toBeUndefined();
});
