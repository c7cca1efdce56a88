/**
 * Keeps a stack's encryption salt out of git's sight.
 *
 * Pulumi writes the salt of a passphrase into `Pulumi.<stack>.yaml`. It belongs to the passphrase of
 * this machine, not into the repository, and would leave every checkout changed. A clean filter drops
 * the line whenever git reads the file; every other change of the file shows as usual.
 */
import { output } from "../../steps/command";
import { stackFileName } from "./stackFile";
import type { Checkout } from "../session";

/** Named in .gitattributes. */
const FILTER = "pulumi-salt";

/** Defines the filter in the checkout's own git configuration; nothing happens outside git. */
export async function hideSalt(checkout: Checkout): Promise<void> {
    const file = stackFileName(checkout);
    const git = (...args: string[]) => output(["git", ...args], { cwd: checkout.root });
    try {
        await git("config", `filter.${FILTER}.clean`, "sed -e /^encryptionsalt:/d");
        const inIndex = (await git("ls-files", "--stage", file)).split(/\s/)[1];
        // Git takes a file of another size for changed, without asking the filter. Where nothing but
        // the salt differs, entering the same content once more makes it note the new size.
        if (inIndex && (await git("hash-object", "--path", file, file)).trim() === inIndex) {
            await git("update-index", file);
        }
    } catch {
        // No git, or not a checkout: nothing looks at the file.
    }
}
