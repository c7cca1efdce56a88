/** Numbered steps with elapsed times, a sign of life during long ones, and a log of everything. */
import { AsyncLocalStorage } from "node:async_hooks";
import { Commands, EndedError, type LastLine, type RunOptions } from "./commands";
import { Log } from "./log";

/** Seconds between two signs of life of a step. */
const HEARTBEAT_SECONDS = 10;

/** One run of several steps. */
export class Progress {
    /** Title and seconds of every step that has ended well. */
    readonly done: { readonly title: string; readonly seconds: number }[] = [];
    private readonly started = Date.now();
    private readonly log: Log;
    private readonly commands: Commands;
    private readonly steps = new AsyncLocalStorage<LastLine>();
    private readonly outside: LastLine = { lastLine: "" };
    private number = 0;
    /** How many calls of `together` are within each other now. */
    private depth = 0;

    /**
     * @param logFile file that gets every line of the commands that do not own the terminal
     * @param out where lines for people go
     */
    constructor(
        readonly logFile: string,
        private readonly out: NodeJS.WritableStream = process.stdout,
    ) {
        this.log = new Log(logFile, (error) =>
            out.write(`  the log ${logFile} is not written: ${error.message}\n`),
        );
        this.commands = new Commands(this.log, () =>
            this.print(`interrupted after ${this.elapsed()}; the same command goes on from here`),
        );
    }

    /** Runs one step; prints its number, title and result. `work` may return what to print. */
    async step<T>(
        title: string,
        work: () => Promise<T>,
        describe?: (result: T) => string,
    ): Promise<T> {
        this.commands.stopIfInterrupted();
        const number = ++this.number;
        const began = Date.now();
        const state: LastLine = { lastLine: "" };
        const heartbeat = setInterval(() => {
            const detail = state.lastLine ? `: ${state.lastLine.slice(0, 100)}` : "";
            this.print(`     ${title}, ${seconds(began)}${detail}`);
        }, HEARTBEAT_SECONDS * 1000);
        try {
            const result = await this.steps.run(state, work);
            this.commands.stopIfInterrupted();
            this.done.push({ title, seconds: (Date.now() - began) / 1000 });
            const detail = describe?.(result);
            this.print(
                `${String(number).padStart(3)}. ${title}${detail ? `: ${detail}` : ""} (${seconds(began)})`,
            );
            return result;
        } catch (error) {
            this.commands.stopIfInterrupted({ byUser: true });
            const verb = error instanceof EndedError ? "ended" : "FAILED";
            this.print(`${String(number).padStart(3)}. ${title}: ${verb} (${seconds(began)})`);
            throw error;
        } finally {
            clearInterval(heartbeat);
        }
    }

    /**
     * Does several things side by side; steps among them give their signs of life each for itself.
     * Once one fails, the commands of the others are ended.
     *
     * @returns when all have ended
     * @throws what the first of them has failed with
     */
    async together<T extends readonly unknown[]>(
        works: readonly [...{ [K in keyof T]: () => Promise<T[K]> }],
    ): Promise<T> {
        this.depth++;
        const results = await Promise.allSettled(
            works.map((work) =>
                work().catch((error: unknown) => {
                    this.commands.fail(error);
                    throw error;
                }),
            ),
        );
        this.depth--;
        const failure = this.commands.failed;
        if (this.depth === 0) {
            this.commands.recover();
        }
        return results.map((result) => {
            if (result.status === "rejected") {
                throw failure?.error ?? result.reason;
            }
            return result.value;
        }) as unknown as T;
    }

    /** A line for people, kept in the log as well unless it is secret. */
    print(line: string, { secret = false } = {}): void {
        this.out.write(`${line}\n`);
        if (!secret) {
            this.log.write(`${line}\n`);
        }
    }

    /** Time since the start, for the closing line. */
    elapsed(): string {
        return seconds(this.started);
    }

    /**
     * Runs a command to its end. Its output goes to the log, its last line to the sign of life.
     *
     * @returns its standard output
     * @throws StepError when it cannot be started, fails or takes too long
     */
    run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
        const state = this.steps.getStore() ?? this.outside;
        return this.commands.run([command, ...args], options, state);
    }

    /** Runs a command that owns the terminal, as if the user had typed it. @returns its status */
    attach(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
        return this.commands.attach([command, ...args], env);
    }

    /** Whether the user has asked for the end; a wait has to look. */
    get interrupted(): boolean {
        return this.commands.interrupted;
    }
}

function seconds(since: number): string {
    const elapsed = (Date.now() - since) / 1000;
    return elapsed < 60
        ? `${elapsed.toFixed(1)} s`
        : `${Math.floor(elapsed / 60)} min ${Math.round(elapsed % 60)} s`;
}
