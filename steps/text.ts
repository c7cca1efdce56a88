/** Text of others, as it is safe and readable on a terminal; and commands, as they are typed. */
import { stripVTControlCharacters } from "node:util";

/**
 * The lines that say something. Control characters are left out: what an agent writes into its log
 * must not move the cursor of whoever reads it, or pass for something else.
 *
 * @param max characters of a line, which may hold a whole document. @default all
 */
export function plainLines(text: string, max = Infinity): string[] {
    return stripVTControlCharacters(text)
        .split(/[\r\n]+/)
        .map((line) =>
            line
                .replaceAll("\t", " ")
                .replace(/\p{Cc}/gu, "")
                .trimEnd(),
        )
        .filter((line) => line !== "")
        .map((line) => (line.length > max ? `${line.slice(0, max - 3)}...` : line));
}

/** The same in one line, for a cell of a table. */
export function oneLine(text: string): string {
    return stripVTControlCharacters(text)
        .replace(/[\s\p{Cc}]+/gu, " ")
        .trim();
}

/** A command as a person types it: words that a shell would take apart are quoted. */
export function asCommand(words: readonly string[]): string {
    return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(" ");
}

/** A text that a POSIX shell takes as it is. */
export function quoted(text: string): string {
    return `'${text.replaceAll("'", `'\\''`)}'`;
}
