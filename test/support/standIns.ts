/** Programs of a test's own, in front of everything on PATH, which note how they are called. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { vi } from "vitest";
import { Progress } from "../../steps/progress";

/** A folder of programs, and what was printed for people. */
export class StandIns {
    readonly folder = mkdtempSync(path.join(os.tmpdir(), "stand-ins-"));
    readonly progress: Progress;
    /** What people were told. */
    printed = "";

    constructor() {
        vi.stubEnv("PATH", `${this.folder}:${process.env["PATH"]}`);
        const out = new PassThrough();
        out.on("data", (data: Buffer) => (this.printed += data.toString()));
        this.progress = new Progress("/dev/null", out);
    }

    /** Makes a program; `script` is what it does after noting its call. */
    add(name: string, script: string): void {
        const text = `#!/bin/sh\necho "${name} $*" >>${this.folder}/calls\n${script}\n`;
        writeFileSync(path.join(this.folder, name), text, { mode: 0o755 });
    }

    /** The calls of all programs, in their order. */
    calls(): string[] {
        const file = path.join(this.folder, "calls");
        return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
    }

    remove(): void {
        vi.unstubAllEnvs();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
