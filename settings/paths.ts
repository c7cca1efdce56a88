/** Pure: paths as people write them. */
import * as os from "node:os";

/** A leading `~/` is the user's home. */
export function expandHome(file: string): string {
    return file.replace(/^~(?=\/)/, os.homedir());
}
