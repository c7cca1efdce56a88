/**
 * Keeps an uncaught error from taking half a minute and gigabytes to be printed.
 *
 * Pulumi's SDK prints such an error in colours, and Node.js (20.20, 22) never ends colouring a line of
 * a stack that names a file right below the scope of a package, `node_modules/@pulumi/output.ts`. The
 * SDK's own source maps name its files so; every error that passes through an `apply` has one.
 */

/** A frame in a file right below a scope: after the scope's name there is no further separator. */
const ENDLESS = /[/\\]node_modules[/\\]@[^/\\]+[/\\][^/\\]*$/;

/** The stack of an error without the frames that cannot be coloured. */
export function withoutEndless(stack: string): string {
    return stack
        .split("\n")
        .filter((line) => !ENDLESS.test(line))
        .join("\n");
}

function mend(error: unknown): void {
    if (error instanceof Error && error.stack !== undefined) {
        error.stack = withoutEndless(error.stack);
    }
}

// In front of the SDK's own handlers, which print and end the program.
process.prependListener("unhandledRejection", mend);
process.prependListener("uncaughtException", mend);
