/** Text of others, as it is safe and readable on a terminal; and commands, as they are typed. */
import { stripVTControlCharacters } from "node:util";
import { DEFAULT_STACK } from "../machine/environment";

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
    return words
        .map((word) =>
            /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
        )
        .join(" ");
}

/**
 * A target of make as it is typed for the stack that this run is about: without its name it would be
 * another's.
 */
export function makeTarget(target: string, stack = process.env["STACK"]): string {
    const isDefault = stack === undefined || stack === DEFAULT_STACK;
    return asCommand(["make", target, ...(isDefault ? [] : [`STACK=${stack}`])]);
}
