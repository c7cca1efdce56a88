/** Changes to a file of others, made while it is built: no copy of it is kept here. */

/** One replacement, at the only place where `find` occurs. */
export interface Edit {
    readonly find: string;
    readonly replace: string;
}

/**
 * The text with all edits made, in order.
 *
 * @throws Error when a place is missing or there are several: the file is not the one that the edit
 * was written for
 */
export function applyEdits(text: string, edits: readonly Edit[], file: string): string {
    return edits.reduce((edited, { find, replace }) => {
        const parts = edited.split(find);
        const [before, after] = parts;
        if (parts.length !== 2 || before === undefined || after === undefined) {
            throw new Error(
                `${file}: expected one place with \`${find}\`, found ${parts.length - 1}; the edit in toolchain/go/builds.json was written for another version of it`,
            );
        }
        return before + replace + after;
    }, text);
}
