/** Pure: paths as people write them. */
import * as os from "node:os";
import * as path from "node:path";

/** A leading `~/` is the user's home. */
export function expandHome(file: string): string {
    return file.replace(/^~(?=\/)/, os.homedir());
}

/** A folder in a container, in the one form that tells it from others: `/tmp` of `/tmp/` and `//tmp/.`. */
export function folder(mountPath: string): string {
    return path.posix.resolve("/", mountPath);
}
