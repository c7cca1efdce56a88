/** Numbered steps with elapsed times, a sign of life during long ones, and a log of everything. */
import { AsyncLocalStorage } from "node:async_hooks";
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import * as path from "node:path";

/** Seconds between two signs of life of a step. */
const HEARTBEAT_SECONDS = 10;

/** A step failed in a way that its message explains; no stack trace helps. */
export class StepError extends Error {
    constructor(
        message: string,
        /** What to do next. */
        readonly hint?: string,
    ) {
        super(message);
    }
}

/** The user has ended the run: nothing more is to be started, and nothing needs an explanation. */
export class InterruptedError extends Error {}

/** It was ended because what ran beside it has failed: that failure is the one to tell of. */
class EndedError extends Error {}

/** How a command is run. */
export interface RunOptions {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Seconds after which it is ended. @default never */
    readonly timeout?: number;
    /** Its output is secret: keep it out of the log. @default false */
    readonly quiet?: boolean;
}

/** One run of several steps. */
export class Progress {
    private readonly started = Date.now();
    private readonly log: WriteStream;
    private readonly children = new Set<ChildProcess>();
    private readonly steps = new AsyncLocalStorage<{ lastLine: string }>();
    private readonly outside = { lastLine: "" };
    private number = 0;
    /** Title and seconds of every step that has ended well. */
    readonly done: { readonly title: string; readonly seconds: number }[] = [];
    /** How many calls of `together` are within each other now. */
    private depth = 0;
    /** What the first of several failed with, until the others have ended. */
    private failure: { readonly error: unknown } | undefined;
    private signal: NodeJS.Signals | undefined;
    private hasLog = true;

    /**
     * @param logFile file that gets every line of the commands that do not own the terminal
     * @param out where lines for people go
     */
    constructor(
        readonly logFile: string,
        private readonly out: NodeJS.WritableStream = process.stdout,
    ) {
        // What commands say may name more than others on the machine need to know.
        try {
            mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
        } catch (error) {
            this.loseLog(error as Error);
        }
        this.log = createWriteStream(logFile, { mode: 0o600 }).on("error", (error) =>
            this.loseLog(error),
        );
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
            process.on(signal, () => this.interrupt(signal));
        }
    }

    /** Runs one step; prints its number, title and result. `work` may return what to print. */
    async step<T>(
        title: string,
        work: () => Promise<T>,
        describe?: (result: T) => string,
    ): Promise<T> {
        this.stopIfInterrupted();
        const number = ++this.number;
        const began = Date.now();
        const state = { lastLine: "" };
        const heartbeat = setInterval(() => {
            const detail = state.lastLine ? `: ${state.lastLine.slice(0, 100)}` : "";
            this.print(`     ${title}, ${seconds(began)}${detail}`);
        }, HEARTBEAT_SECONDS * 1000);
        try {
            const result = await this.steps.run(state, work);
            this.stopIfInterrupted();
            this.done.push({ title, seconds: (Date.now() - began) / 1000 });
            const detail = describe?.(result);
            this.print(
                `${String(number).padStart(3)}. ${title}${detail ? `: ${detail}` : ""} (${seconds(began)})`,
            );
            return result;
        } catch (error) {
            this.stopIfInterrupted({ byUser: true });
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
                    this.endOthers(error);
                    throw error;
                }),
            ),
        );
        this.depth--;
        const failure = this.failure;
        if (this.depth === 0) {
            this.failure = undefined;
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

    /** Seconds since the start, for the closing line. */
    elapsed(): string {
        return seconds(this.started);
    }

    /**
     * Runs a command to its end. Its output goes to the log, its last line to the sign of life.
     *
     * @returns its standard output
     * @throws StepError when it cannot be started, fails or takes too long
     */
    async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
        this.stopIfInterrupted();
        const state = this.steps.getStore() ?? this.outside;
        this.log.write(`$ ${[command, ...args].join(" ")}\n`);
        // A group of its own: ending it ends what it started.
        const child = spawn(command, args, {
            cwd: options.cwd,
            env: options.env ?? process.env,
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
        this.children.add(child);
        let stdout = "";
        child.stdout.on("data", (data: Buffer) => {
            stdout += data.toString();
            if (!options.quiet) {
                this.receive(data, state);
            }
        });
        child.stderr.on("data", (data: Buffer) => this.receive(data, state));
        const timer =
            options.timeout &&
            setTimeout(() => killGroup(child, "SIGTERM"), options.timeout * 1000);
        try {
            const status = await ended(child);
            this.stopIfInterrupted();
            if (status !== 0) {
                throw new StepError(
                    `${command} ${args[0] ?? ""} failed with status ${status}: ${state.lastLine}`,
                );
            }
            return stdout;
        } finally {
            clearTimeout(timer);
            this.children.delete(child);
        }
    }

    /** Runs a command that owns the terminal, as if the user had typed it. Returns its status. */
    async attach(
        command: string,
        args: readonly string[],
        env: NodeJS.ProcessEnv,
    ): Promise<number> {
        this.stopIfInterrupted();
        this.log.write(`$ ${[command, ...args].join(" ")}\n`);
        const child = spawn(command, args, { env, stdio: "inherit" });
        this.children.add(child);
        try {
            return await ended(child);
        } finally {
            this.children.delete(child);
        }
    }

    /** Whether the user has asked for the end; a wait has to look. */
    get interrupted(): boolean {
        return this.signal !== undefined;
    }

    /** A full disk, or a folder of another user's, ends nothing that a run is in the middle of. */
    private loseLog(error: Error): void {
        if (this.hasLog) {
            this.hasLog = false;
            this.out.write(`  the log ${this.logFile} is not written: ${error.message}\n`);
        }
    }

    private receive(data: Buffer, state: { lastLine: string }): void {
        const text = data.toString();
        this.log.write(text);
        state.lastLine =
            text
                .trim()
                .split(/[\r\n]+/)
                .at(-1) || state.lastLine;
    }

    /** Ends the run at the next opportunity, once the user has asked for it or another step failed. */
    private stopIfInterrupted({ byUser = false } = {}): void {
        if (this.interrupted) {
            throw new InterruptedError(`interrupted by ${this.signal}`);
        }
        if (this.failure && !byUser) {
            throw new EndedError("ended, because what ran beside it has failed");
        }
    }

    private endOthers(error: unknown): void {
        if (this.failure) {
            return;
        }
        this.failure = { error };
        for (const child of this.children) {
            // A command that owns the terminal is not one of them.
            if (child.stdout) {
                killGroup(child, "SIGTERM");
            }
        }
    }

    /** Ctrl-C: ends what runs and says that the same command goes on from here. */
    private interrupt(signal: NodeJS.Signals): void {
        const first = this.signal === undefined;
        this.signal = signal;
        for (const child of this.children) {
            if (child.stdout) {
                killGroup(child, signal);
            } else if (signal === "SIGTERM") {
                // An attached command shares our terminal: Ctrl-C has reached it already.
                child.kill(signal);
            }
        }
        if (first) {
            this.print(`interrupted after ${this.elapsed()}; the same command goes on from here`);
        }
    }
}

/**
 * Status a command ended with; 128 and more for a signal.
 *
 * @throws StepError when it could not be started
 */
function ended(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
        child.on("error", (error: NodeJS.ErrnoException) =>
            reject(new StepError(`cannot run ${child.spawnfile}: ${error.message}`)),
        );
        child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
    });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
    if (child.pid === undefined) {
        return;
    }
    try {
        process.kill(-child.pid, signal);
    } catch {
        // It has ended by itself.
    }
}

function seconds(since: number): string {
    const elapsed = (Date.now() - since) / 1000;
    return elapsed < 60
        ? `${elapsed.toFixed(1)} s`
        : `${Math.floor(elapsed / 60)} min ${Math.round(elapsed % 60)} s`;
}
