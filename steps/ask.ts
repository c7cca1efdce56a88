/** Runs commands that only answer a question. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { plainLines } from "./text";

/** Seconds an answer may take; a daemon or a login helper that hangs must not hang the reader. */
const ANSWER_SECONDS = 30;

/** Bytes of an answer: a list of every volume of a large cluster. */
const ANSWER_MAX = 64 * 2 ** 20;

/**
 * What a command prints.
 *
 * @throws when it cannot be run, fails, or takes too long; `reasonOf` explains
 */
export async function ask([program = "", ...args]: readonly string[]): Promise<string> {
    const options = { timeout: ANSWER_SECONDS * 1000, maxBuffer: ANSWER_MAX };
    return (await promisify(execFile)(program, args, options)).stdout;
}

/** Why a command did not answer: in its own last words, where it has said something. */
export function reasonOf(error: unknown): string {
    const { killed, stderr, message } = error as Error & { killed?: boolean; stderr?: string };
    if (killed) {
        return `no answer within ${ANSWER_SECONDS} s`;
    }
    return plainLines(stderr ?? "").at(-1) ?? plainLines(message)[0] ?? "unknown";
}

/** Whether a command did not answer because there is no such program. */
export function isMissing(error: unknown): boolean {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
}
