/**
 * Keeps a stack's encryption salt out of git's sight.
 *
 * Pulumi writes the salt of a passphrase into `Pulumi.<stack>.yaml`. It belongs to the passphrase of
 * this machine, not into the repository, and would leave every checkout changed. A clean filter drops
 * the line whenever git reads the file; every other change of the file shows as usual.
 */
import { execFileSync } from "node:child_process";

/** Named in .gitattributes. */
const FILTER = "pulumi-salt";

/** Defines the filter in the checkout's own git configuration; nothing happens outside git. */
export function installSaltFilter(root: string): void {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: root, stdio: "ignore" });
    try {
        git("rev-parse", "--git-dir");
        git("config", `filter.${FILTER}.clean`, "sed -e /^encryptionsalt:/d");
    } catch {
        // No git, or not a checkout: nothing looks at the file.
    }
}
