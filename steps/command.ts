/**
 * Runs programs: the one place of make's tools that starts any.
 *
 * The libraries for this (execa, tinyexec, nano-spawn) end the program that they have started and not what that has
 * started in turn; execa, a module of ECMAScript like the others, cannot be loaded through `tsx/cjs` besides.
 */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { plainLines } from "./text";

/** How a command is run. */
export interface CommandOptions {
    /** @default the folder of this process */
    readonly cwd?: string | undefined;
    /** @default the environment of this process */
    readonly env?: NodeJS.ProcessEnv | undefined;
    /** Seconds after which the command is ended. @default never */
    readonly timeout?: number | undefined;
}

/** How a command has ended. */
export interface Ended {
    /** Exit status; 128 and more for a signal. */
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
    /** Whether it was ended because it took too long. */
    readonly timedOut: boolean;
}

/** A command that could not be run, has failed, or took too long. */
export class CommandError extends Error {
    constructor(
        message: string,
        readonly stdout: string,
        readonly stderr: string,
        /** Why it could not be started, such as ENOENT. @default it was */
        readonly code?: string,
    ) {
        super(message);
    }
}

/** A command that runs. */
export class Command {
    /** Settles once the command and all that hold its output have ended; rejects when it cannot be started. */
    readonly ended: Promise<Ended>;
    private readonly child: ChildProcess;

    /**
     * Starts it.
     *
     * @param kind `group`: in a process group of its own, and so without the terminal; `child`: within our group,
     *   so that Ctrl-C reaches it; `attached`: it owns our terminal
     */
    constructor(
        readonly words: readonly [program: string, ...args: string[]],
        private readonly kind: "group" | "child" | "attached",
        { cwd, env = process.env, timeout }: CommandOptions = {},
        listen: { stdout?: (data: string) => void; stderr?: (data: string) => void } = {},
    ) {
        const [program, ...args] = words;
        const stdio: SpawnOptions["stdio"] =
            kind === "attached" ? "inherit" : ["ignore", "pipe", "pipe"];
        this.child = spawn(program, args, { cwd, env, stdio, detached: kind === "group" });
        this.ended = this.wait(timeout, listen);
    }

    /** Whether it owns our terminal. */
    get isAttached(): boolean {
        return this.kind === "attached";
    }

    /** Ends it, and what it has started where it has a group of its own. */
    kill(signal: NodeJS.Signals): void {
        const { pid } = this.child;
        if (this.kind !== "group") {
            this.child.kill(signal);
        } else if (pid !== undefined) {
            try {
                process.kill(-pid, signal);
            } catch {
                // It has ended by itself.
            }
        }
    }

    private wait(
        timeout: number | undefined,
        listen: { stdout?: (data: string) => void; stderr?: (data: string) => void },
    ): Promise<Ended> {
        const said = { stdout: "", stderr: "" };
        for (const name of ["stdout", "stderr"] as const) {
            // Text: a character may come in two parts.
            this.child[name]?.setEncoding("utf8").on("data", (data: string) => {
                said[name] += data;
                listen[name]?.(data);
            });
        }
        let timedOut = false;
        const timer =
            timeout &&
            setTimeout(() => {
                timedOut = true;
                this.kill("SIGTERM");
            }, timeout * 1000);
        return new Promise<Ended>((resolve, reject) => {
            this.child.on("error", ({ message, code }: NodeJS.ErrnoException) =>
                reject(new CommandError(message, "", "", code)),
            );
            this.child.on("close", (code, signal) =>
                resolve({ status: code ?? (signal === "SIGINT" ? 130 : 143), ...said, timedOut }),
            );
        }).finally(() => clearTimeout(timer));
    }
}

/**
 * Runs a command to its end, without the terminal's input.
 *
 * @returns its standard output
 * @throws CommandError when it cannot be run, fails or takes too long; `reasonOf` explains
 */
export async function output(
    words: readonly string[],
    options: CommandOptions = {},
): Promise<string> {
    const [program = "", ...args] = words;
    const command = new Command([program, ...args], "child", options);
    const { status, stdout, stderr, timedOut } = await command.ended;
    if (timedOut) {
        throw new CommandError(`no answer within ${options.timeout} s`, stdout, "");
    }
    if (status !== 0) {
        throw new CommandError(`Command failed: ${words.join(" ")}`, stdout, stderr);
    }
    return stdout;
}

/** Why a command has not done what it should: in its own last words, where it has said something. */
export function reasonOf(error: unknown): string {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    return plainLines(stderr ?? "").at(-1) ?? plainLines(message)[0] ?? "unknown";
}

/** Whether a command was not run because there is no such program. */
export function isMissing(error: unknown): boolean {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/**
 * Starts a daemon, which outlives this process and the terminal. That it cannot be started is seen by its not
 * answering.
 *
 * @param log file that gets what it says, for its owner alone
 * @returns its process id @default it could not be started
 */
export function startDaemon(words: readonly string[], log: string): number | undefined {
    const [program = "", ...args] = words;
    const file = openSync(log, "a", 0o600);
    const daemon = spawn(program, args, { detached: true, stdio: ["ignore", file, file] });
    daemon.on("error", () => undefined);
    daemon.unref();
    closeSync(file);
    return daemon.pid;
}
