/** Image archives beside which a run was killed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, it } from "vitest";
import { removeAbandoned } from "../provide/images";

it("copies that a killed run was making are removed, and nothing else", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "archives-"));
    const { pid } = spawnSync("true");
    const kept = [
        "a.tar",
        // Another run's, which is at work.
        `a.tar.${process.pid}`,
        // A person's own.
        "a.tar.old",
        `b.tar.${pid}`,
    ];
    try {
        for (const name of [...kept, `a.tar.${pid}`]) {
            writeFileSync(path.join(folder, name), "");
        }
        removeAbandoned(folder, "a.tar");
        expect(readdirSync(folder).sort()).toEqual([...kept].sort());
    } finally {
        rmSync(folder, { recursive: true });
    }
});
