/** Pure: paths in settings. */
import * as os from "node:os";
import * as path from "node:path";

/** A path with the user's home in place of a leading `~`. */
export function expandHome(file: string): string {
    return file.replace(/^~(?=\/|$)/, () => os.homedir());
}

/**
 * The absolute path that a setting means: `~` is the user's home, and a relative path begins in the
 * project's folder.
 *
 * @param root the project's folder. @default the working directory, which is the same for the program
 */
export function hostPath(file: string, root = process.cwd()): string {
    return path.resolve(root, expandHome(file));
}

/** The normal form of a folder in a container: `/tmp` for `/tmp/` and `//tmp/.`. */
export function folder(mountPath: string): string {
    return path.posix.resolve("/", mountPath);
}
