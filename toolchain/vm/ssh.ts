/**
 * A machine reached by the openssh client over one connection that everything shares: under
 * emulation each new one costs seconds.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createReadStream, readFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { until } from "../../steps/wait";

/** How a command on the machine ended. */
export interface Said {
    /** -1 when it was ended by us. */
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** How a command on the machine is run. */
export interface CommandOptions {
    /** File that its standard input is read from. @default none */
    readonly input?: string;
    /** Seconds after which it is ended. @default 300 */
    readonly timeout?: number;
}

/** A key made for one machine's life. @returns its file; the public half lies beside it as `.pub` */
export async function makeKey(folder: string, progress: Progress): Promise<string> {
    const key = path.join(folder, "key");
    await progress.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "vm", "-f", key]);
    return key;
}

/** The public half, as it stands in `authorized_keys`. */
export function publicKey(key: string): string {
    return readFileSync(`${key}.pub`, "utf8").trim();
}

/** The shared connection. */
export class Connection {
    private master: ChildProcess | undefined;

    /**
     * @param folder for its control socket
     * @param key file of the private key
     * @param port of the machine's ssh on 127.0.0.1
     */
    constructor(
        private readonly folder: string,
        private readonly key: string,
        private readonly port: number,
    ) {}

    /**
     * Connects, trying until the machine answers.
     *
     * @param seconds how long
     * @param alive whether there is still a machine to wait for
     */
    async open(seconds: number, alive: () => boolean): Promise<void> {
        await until("the machine answers by ssh", seconds, async () => {
            if (!alive()) {
                return true;
            }
            if (this.master === undefined || this.master.exitCode !== null) {
                this.master = spawn("ssh", ["-M", "-N", ...this.options(), "root@127.0.0.1"], {
                    stdio: "ignore",
                });
                this.master.on("error", () => {
                    // The check below fails, and the wait ends with its message.
                });
            }
            // A look is a process; ten a second would slow down what is waited for.
            await sleep(1000);
            return (await this.control("check")).status === 0;
        });
        if (!alive()) {
            throw new StepError("the machine has ended");
        }
    }

    /** Runs a shell command, whatever comes of it. */
    attempt(command: string, options: CommandOptions = {}): Promise<Said> {
        return this.ssh([...this.options(), "root@127.0.0.1", command], options);
    }

    /** Runs a shell command that has to succeed. @returns its standard output */
    async run(command: string, options: CommandOptions = {}): Promise<string> {
        const { status, stdout, stderr } = await this.attempt(command, options);
        if (status !== 0) {
            throw new StepError(
                `in the machine: ${command}: status ${status}: ${stdout}${stderr}`.trim(),
            );
        }
        return stdout;
    }

    /** Brings the machine's socket or port here. Both are `PATH` or `127.0.0.1:PORT`. */
    async forward(here: string, there: string): Promise<void> {
        const { status, stderr } = await this.control("forward", "-L", `${here}:${there}`);
        if (status !== 0) {
            throw new StepError(`cannot bring ${there} of the machine to ${here}: ${stderr}`);
        }
    }

    /** Ends the connection and everything that came over it. */
    close(): void {
        this.master?.kill();
    }

    private control(order: string, ...more: string[]): Promise<Said> {
        const args = ["-O", order, ...more, ...this.options(), "root@127.0.0.1"];
        return this.ssh(args, { timeout: 60 });
    }

    private options(): string[] {
        return [
            ...["-F", "none", "-i", this.key, "-p", String(this.port), "-l", "root"],
            ...["-o", `ControlPath=${path.join(this.folder, "ssh")}`],
            // It is ours, on loopback, and has made its own key a moment ago.
            ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
            ...["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
            // A machine that emulates two gateways may be silent for long.
            ...["-o", "ConnectTimeout=60", "-o", "StreamLocalBindUnlink=yes"],
        ];
    }

    private ssh(args: readonly string[], options: CommandOptions): Promise<Said> {
        return new Promise((resolve, reject) => {
            const child = spawn("ssh", args, {
                stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
                timeout: (options.timeout ?? 300) * 1000,
                killSignal: "SIGKILL",
            });
            let stdout = "";
            let stderr = "";
            child.stdout?.on("data", (data: Buffer) => (stdout += data.toString()));
            child.stderr?.on("data", (data: Buffer) => (stderr += data.toString()));
            child.on("error", (error) =>
                reject(new StepError(`cannot run ssh: ${error.message}`, "install openssh-client")),
            );
            child.on("close", (status) => resolve({ status: status ?? -1, stdout, stderr }));
            if (options.input !== undefined && child.stdin) {
                child.stdin.on("error", () => {
                    // The command has ended without reading it all; its status says why.
                });
                createReadStream(options.input).pipe(child.stdin);
            }
        });
    }
}
