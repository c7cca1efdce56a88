/** Errors that end a run in a way that needs no stack trace. */

/** A step failed, and its message explains why. */
export class StepError extends Error {
    constructor(
        message: string,
        /** What to do next. */
        readonly hint?: string,
    ) {
        super(message);
    }
}

/** The user has ended the run: nothing more is started, and nothing needs an explanation. */
export class InterruptedError extends Error {}
