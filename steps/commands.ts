/** The commands of one run, and what ends all of them: Ctrl-C, or a failure beside them. */
import { Command, CommandError, type CommandOptions } from "./command";
import { InterruptedError, StepError } from "./errors";
import type { Log } from "./log";

/** How a command of a run is run. */
export interface RunOptions extends CommandOptions {
    /** Its output is secret: keep it out of the log. @default false */
    readonly quiet?: boolean;
}

/** What a step remembers of the commands it runs: the sign of life shows it, and so does a failure. */
export interface LastLine {
    lastLine: string;
}

/** It was ended because what ran beside it has failed: that failure is the one to report. */
export class EndedError extends Error {}

/** Commands that run, and whether further ones may be started. */
export class Commands {
    private readonly running = new Set<Command>();
    private signal: NodeJS.Signals | undefined;
    /** What the first of several failed with, until the others have ended. */
    private failure: { readonly error: unknown } | undefined;

    /**
     * Takes over the signals of this process.
     *
     * @param log gets what commands print that do not own the terminal
     * @param onInterrupt is called at the first signal
     */
    constructor(
        private readonly log: Log,
        private readonly onInterrupt: () => void,
    ) {
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
            process.on(signal, () => this.interrupt(signal));
        }
    }

    /** Whether the user has asked for the end. */
    get interrupted(): boolean {
        return this.signal !== undefined;
    }

    /**
     * Runs a command to its end, in a group of its own: what ends it ends what it has started.
     *
     * @param last gets its last line
     * @returns its standard output
     * @throws StepError when it cannot be started, fails or takes too long
     */
    async run(
        words: readonly [string, ...string[]],
        { quiet = false, ...options }: RunOptions,
        last: LastLine,
    ): Promise<string> {
        const receive = (text: string) => {
            this.log.write(text);
            last.lastLine =
                text
                    .trim()
                    .split(/[\r\n]+/)
                    .at(-1) || last.lastLine;
        };
        const listen = { stderr: receive, ...(quiet ? {} : { stdout: receive }) };
        const { status, stdout } = await this.start(words, () => {
            return new Command(words, "group", options, listen);
        });
        this.stopIfInterrupted();
        if (status !== 0) {
            const [program, arg = ""] = words;
            throw new StepError(`${program} ${arg} failed with status ${status}: ${last.lastLine}`);
        }
        return stdout;
    }

    /** Runs a command that owns the terminal, as if the user had typed it. @returns its status */
    async attach(words: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<number> {
        const { status } = await this.start(words, () => new Command(words, "attached", { env }));
        return status;
    }

    /** Throws once the user has asked for the end, or a command beside has failed. @param byUser the first alone */
    stopIfInterrupted({ byUser = false } = {}): void {
        if (this.interrupted) {
            throw new InterruptedError(`interrupted by ${this.signal}`);
        }
        if (this.failure && !byUser) {
            throw new EndedError("ended, because what ran beside it has failed");
        }
    }

    /** Ends all commands but one that owns the terminal, and has none started. The first failure counts. */
    fail(error: unknown): void {
        if (this.failure) {
            return;
        }
        this.failure = { error };
        for (const command of this.running) {
            if (!command.isAttached) {
                command.kill("SIGTERM");
            }
        }
    }

    /** The first failure. @default there is none */
    get failed(): { readonly error: unknown } | undefined {
        return this.failure;
    }

    /** Lets commands be started again. */
    recover(): void {
        this.failure = undefined;
    }

    private async start(words: readonly string[], start: () => Command) {
        this.stopIfInterrupted();
        this.log.write(`$ ${words.join(" ")}\n`);
        const command = start();
        this.running.add(command);
        try {
            return await command.ended;
        } catch (error) {
            if (error instanceof CommandError) {
                throw new StepError(`cannot run ${words[0]}: ${error.message}`);
            }
            throw error;
        } finally {
            this.running.delete(command);
        }
    }

    private interrupt(signal: NodeJS.Signals): void {
        const first = this.signal === undefined;
        this.signal = signal;
        for (const command of this.running) {
            // One that owns our terminal has been reached by Ctrl-C already: a second one would be a demand.
            if (!command.isAttached || signal === "SIGTERM") {
                command.kill(signal);
            }
        }
        if (first) {
            this.onInterrupt();
        }
    }
}
