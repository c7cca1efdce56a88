/** The processes this host has started, none of which may outlive it. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";

/** Time a process has between the request to end and its end. */
const GRACE_MS = 2000;

/** How a process ended: its status, or the signal that killed it. */
export interface Ending {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
}

/** All running processes of one host. */
export class Children {
    private readonly running = new Map<ChildProcess, Promise<Ending>>();

    /**
     * Starts a process. It stays in the host's process group, which the engine kills as a whole
     * when it closes the host: even a host that is killed leaves nothing behind then.
     */
    start(
        command: string,
        args: readonly string[],
        options: SpawnOptions,
    ): { child: ChildProcess; ended: Promise<Ending> } {
        const child = spawn(command, args, options);
        const ended = new Promise<Ending>((resolve, reject) => {
            child.once("error", reject);
            // Not "exit": output may still be on its way then.
            child.once("close", (code, signal) => resolve({ code, signal }));
        });
        this.running.set(child, ended);
        const forget = () => this.running.delete(child);
        ended.then(forget, forget);
        return { child, ended };
    }

    /** Ends one process: asks as Ctrl-C does, then kills. */
    async stop(child: ChildProcess): Promise<void> {
        const ended = this.running.get(child);
        if (!ended) {
            return;
        }
        child.kill("SIGINT");
        const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
        // How it ended is for whoever started it.
        await ended.catch(() => undefined);
        clearTimeout(timer);
    }

    /** Ends every process. */
    async stopAll(): Promise<void> {
        await Promise.all([...this.running.keys()].map((child) => this.stop(child)));
    }
}
