/** Commands that only answer a question. */
import { output } from "./command";

/** Seconds an answer may take; over SSH it is slow, and a daemon or a login helper that hangs must not hang us. */
const ANSWER_SECONDS = 30;

/**
 * What a command prints.
 *
 * @param seconds how long it may take
 * @throws CommandError when it cannot be run, fails, or takes too long; `reasonOf` explains
 */
export function ask(words: readonly string[], seconds = ANSWER_SECONDS): Promise<string> {
    return output(words, { timeout: seconds });
}
