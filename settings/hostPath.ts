/** Pure: paths as people write them. */
import * as os from "node:os";
import * as path from "node:path";

/** A leading `~` is the user's home. */
export function expandHome(file: string): string {
    return file.replace(/^~(?=\/|$)/, () => os.homedir());
}

/**
 * A file or a folder on this machine, as every key takes it: with `~`, and relative to the project's
 * folder unless it begins at the root.
 *
 * @param root the project's folder. @default where the program runs, which is the same
 */
export function hostPath(file: string, root = process.cwd()): string {
    return path.resolve(root, expandHome(file));
}

/** A folder in a container, in the one form that tells it from others: `/tmp` of `/tmp/` and `//tmp/.`. */
export function folder(mountPath: string): string {
    return path.posix.resolve("/", mountPath);
}
