/** Runs a command and gives back what it said. */
import { spawn } from "node:child_process";
import type { Step } from "../run/times";
import { timed } from "./steps";

/** How a command ended. */
export interface Result {
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** How a command is run. */
export interface Options {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Written to its standard input. */
    readonly input?: string;
    /** Seconds after which it is killed. @default 300 */
    readonly timeout?: number;
}

/** Runs a command; never throws because of its status. */
export function attempt(
    command: string,
    args: readonly string[],
    options: Options = {},
): Promise<Result> {
    return timed(stepOf(command), () => start(command, args, options));
}

/** What kind of step of a test the command is. */
function stepOf(command: string): Step {
    if (command === "pulumi") {
        return "pulumi";
    }
    return command === "docker" ? "docker" : "tools";
}

function start(command: string, args: readonly string[], options: Options): Promise<Result> {
    return new Promise((resolve, reject) => {
        const child = spawn(command, args, {
            cwd: options.cwd,
            env: options.env,
            timeout: (options.timeout ?? 300) * 1000,
            killSignal: "SIGKILL",
        });
        let stdout = "";
        let stderr = "";
        child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
        child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
        child.on("error", reject);
        child.on("close", (status) => resolve({ status: status ?? -1, stdout, stderr }));
        // It may have ended without reading.
        child.stdin.on("error", () => undefined);
        child.stdin.end(options.input ?? "");
    });
}

/**
 * Runs a command that has to succeed.
 *
 * @returns its standard output
 * @throws Error with everything it said
 */
export async function run(
    command: string,
    args: readonly string[],
    options: Options = {},
): Promise<string> {
    const { status, stdout, stderr } = await attempt(command, args, options);
    if (status !== 0) {
        throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stdout}\n${stderr}`);
    }
    return stdout;
}
