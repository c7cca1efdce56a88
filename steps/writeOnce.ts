/** Files that are made once and never again. */
import { linkSync, rmSync, writeFileSync } from "node:fs";

/**
 * Writes a file whole or not at all, and never over one that is there or that another run makes
 * meanwhile.
 *
 * @param mode permissions @default 0644
 * @returns false when the file is there already, which is left as it is
 */
export function writeOnce(file: string, content: string, mode = 0o644): boolean {
    const temporary = `${file}.${process.pid}`;
    try {
        writeFileSync(temporary, content, { mode, flush: true });
        linkSync(temporary, file);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
            throw error;
        }
        return false;
    } finally {
        rmSync(temporary, { force: true });
    }
}
