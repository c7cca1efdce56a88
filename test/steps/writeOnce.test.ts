import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeOnce } from "../../steps/writeOnce";
import { ROOT } from "../../machine/root";

let folder: string;
let file: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "write-once-"));
    file = path.join(folder, "file");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("writeOnce", () => {
    it("writes a file with its mode, and leaves nothing beside it", () => {
        expect(writeOnce(file, "mine", 0o600)).toBe(true);
        expect(readFileSync(file, "utf8")).toBe("mine");
        expect(statSync(file).mode & 0o777).toBe(0o600);
        expect(readdirSync(folder)).toEqual(["file"]);
    });

    it("leaves a file alone that is there", () => {
        writeFileSync(file, "theirs");
        expect(writeOnce(file, "mine")).toBe(false);
        expect(readFileSync(file, "utf8")).toBe("theirs");
        expect(readdirSync(folder)).toEqual(["file"]);
    });

    it("throws when it cannot write, and leaves nothing", () => {
        expect(() => writeOnce(path.join(folder, "none", "file"), "mine")).toThrow("ENOENT");
        expect(readdirSync(folder)).toEqual([]);
    });

    it.each(["writeFileSync", "linkSync"])(
        "killed in %s, leaves no file of that name, and can be done again",
        (call) => {
            const script = `
                const fs = require("node:fs");
                const { ${call}: real } = fs;
                fs.${call} = (target, content) => {
                    if (${JSON.stringify(call)} === "writeFileSync") real(target, content.slice(0, 2));
                    process.kill(process.pid, "SIGKILL");
                };
                require(${JSON.stringify(path.join(ROOT, "steps", "writeOnce.ts"))})
                    .writeOnce(${JSON.stringify(file)}, "mine");`;
            const tsx = path.join(ROOT, "node_modules", "tsx", "dist", "cjs", "index.cjs");
            const { signal, stderr } = spawnSync(process.execPath, ["-r", tsx, "-e", script], {
                encoding: "utf8",
            });
            expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
            expect(readdirSync(folder)).toHaveLength(1);
            expect(readdirSync(folder)).not.toContain("file");
            expect(writeOnce(file, "mine")).toBe(true);
            expect(readFileSync(file, "utf8")).toBe("mine");
        },
    );
});
