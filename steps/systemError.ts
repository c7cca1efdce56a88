/** Pure: what the operating system says of a file, in words that let a person mend it. */
import { StepError } from "./errors";

/** By code of Node's. */
const HINTS: Readonly<Record<string, string>> = {
    ENOSPC: "make room on that disk, then run this again: it goes on from here",
    EDQUOT: "make room within your quota, then run this again: it goes on from here",
    EROFS: "the disk can be read only: make it writable again (the kernel does that to one with errors: dmesg), then run this again",
    EACCES: "it is another user's, as after a `sudo make`: give it back (`sudo chown`), then run this again",
    EPERM: "it is another user's, or on a disk that cannot do this: give it back (`sudo chown`), or work on another disk",
};

/** Whether an error is the system's own. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
    const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
    return error instanceof Error && typeof code === "string" && typeof syscall === "string";
}

/** An error of the system as one that explains itself. @returns anything else as it is */
export function inWords(error: unknown): unknown {
    return isOfSystem(error) && !(error instanceof StepError)
        ? new StepError(
              error.message,
              HINTS[error.code ?? ""] ?? "see to that, then run this again",
          )
        : error;
}
