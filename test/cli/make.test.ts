/** What `make` refuses before it does anything. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { PULUMI_COMMANDS, TARGETS } from "../../cli/targets";
import { ROOT } from "../../machine/root";

const usage = readFileSync(path.join(ROOT, "cli", "usage.txt"), "utf8");

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
        expect(make("help", "")).toMatchObject({ status: 0, stderr: "", stdout: usage });
    });
});

describe("the targets of make", () => {
    /** Those that are no target of cli/make.ts. */
    const OTHERS = ["test", "test-vm", "help"];

    const makefile = readFileSync(path.join(ROOT, "Makefile"), "utf8");

    it("are the Makefile's and those of the usage text, in one order", () => {
        const targets = [...TARGETS.keys(), ...OTHERS];
        expect(/^\.PHONY: (.*)$/m.exec(makefile)?.[1]?.split(" ")).toEqual(targets);
        expect([...usage.matchAll(/^ {2}(\S+) +\S/gm)].map(([, name]) => name)).toEqual(targets);
    });

    it("are handed on by the Makefile, each by its name", () => {
        const [, names = ""] =
            /^(.*): \$\(PACKAGES\)\n\t@exec \$\(TSX\) cli\/make\.ts \$@$/m.exec(makefile) ?? [];
        expect(names.split(" ")).toEqual([...TARGETS.keys()]);
    });

    it.each(Object.entries(PULUMI_COMMANDS))("say what %s runs", (name, args) => {
        expect(usage).toMatch(new RegExp(`^ {2}${name} +pulumi ${args.join(" ")}( |$)`, "m"));
    });

    it("are listed where nothing is installed", () => {
        const folder = mkdtempSync(path.join(os.tmpdir(), "make-"));
        try {
            mkdirSync(path.join(folder, "cli"));
            for (const file of ["Makefile", path.join("cli", "usage.txt")]) {
                copyFileSync(path.join(ROOT, file), path.join(folder, file));
            }
            // Where the tests were started by make, it would say which folder it enters.
            const args = ["--no-print-directory"];
            const { stdout } = spawnSync("make", args, { cwd: folder, encoding: "utf8" });
            expect(stdout).toBe(usage);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });

    it("that are none are answered with the usage text", () => {
        expect(make("halt", "dev")).toMatchObject({ status: 64, stdout: usage });
    });
});
