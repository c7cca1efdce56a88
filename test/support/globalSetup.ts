/** What end-to-end tests share, made once before the first of them. */
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { TestProject } from "vitest/node";
import { compileProgram } from "./project";

declare module "vitest" {
    interface ProvidedContext {
        /** Folder of the compiled program. */
        compiledProgram: string;
    }
}

/** Compiles the program. @returns what removes it again */
export default function setup(project: TestProject): () => void {
    const folder = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-program-"));
    compileProgram(folder);
    project.provide("compiledProgram", folder);
    return () => rmSync(folder, { recursive: true, force: true });
}
