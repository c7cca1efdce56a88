/** What end-to-end tests share, made once before the first of them. */
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { TestProject } from "vitest/node";
import { makeArchive } from "./makeArchive";

declare module "vitest" {
    interface ProvidedContext {
        /** Folder of the archive that programs and tools of ours are loaded from. */
        archive: string;
    }
}

/** Makes the archive. @returns what removes it again */
export default function setup(project: TestProject): () => void {
    const folder = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-archive-"));
    makeArchive(folder);
    project.provide("archive", folder);
    return () => rmSync(folder, { recursive: true, force: true });
}
