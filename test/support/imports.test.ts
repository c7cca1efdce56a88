/** Imports of the project form no cycle, types included; that they go one way is lint's to say. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { findCycle, importsOf } from "./imports";

const ROOT = path.join(__dirname, "..", "..");

/** Every file of TypeScript that git knows or would add. */
function sources(): Map<string, string> {
    const list = ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"];
    const files = execFileSync("git", list, { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
    return new Map(
        files
            .filter((file) => existsSync(path.join(ROOT, file)))
            .map((file) => [file, readFileSync(path.join(ROOT, file), "utf8")]),
    );
}

describe("imports", () => {
    it("form no cycle in this project", () => {
        const imports = importsOf(sources());
        // They were found at all.
        expect(imports.get("index.ts")).toContain("components/index.ts");
        expect(findCycle(imports)).toBeUndefined();
    });

    it.each([
        ["of values", 'import { b } from "./b";', 'export { a } from "./a";'],
        ["of types", 'import type { B } from "./b";', 'import type { A } from "../x/a";'],
        ["by import()", 'void import("./b.js");', 'type A = typeof import("./a");'],
    ])("form one when they are %s", (_, a, b) => {
        const imports = importsOf(
            new Map([
                ["x/a.ts", a],
                ["x/b.ts", b],
            ]),
        );
        expect(findCycle(imports)).toEqual(["x/a.ts", "x/b.ts", "x/a.ts"]);
    });

    it("form none where two files need a third", () => {
        const imports = importsOf(
            new Map([
                ["a.ts", 'import "./b"; import "./c";'],
                ["b.ts", 'import "./c/index";'],
                ["c/index.ts", 'import * as path from "node:path";'],
            ]),
        );
        expect(findCycle(imports)).toBeUndefined();
    });
});
