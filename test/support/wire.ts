/** What goes over the networks of a gateway: its pods' among one another, and its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { run } from "./run";

/** A tap on every interface of a gateway. */
export class Wire {
    private readonly heard: Buffer[] = [];

    private constructor(private readonly process: ChildProcess) {
        process.stdout?.on("data", (chunk: Buffer) => this.heard.push(chunk));
    }

    /** Begins to listen. Needs root and tcpdump. */
    static async tap(container: string): Promise<Wire> {
        const pid = await run("docker", ["inspect", "--format", "{{.State.Pid}}", container]);
        const inside = ["--net", "--target", pid.trim()];
        const dump = ["tcpdump", "-i", "any", "-n", "-s", "0", "-U", "-w", "-"];
        const process = spawn("nsenter", [...inside, ...dump], {
            stdio: ["ignore", "pipe", "pipe"],
        });
        const wire = new Wire(process);
        // It says so when it does.
        await once(process.stderr as NodeJS.ReadableStream, "data");
        return wire;
    }

    /** Ends it. @returns every packet, as bytes */
    async stop(): Promise<Buffer> {
        if (this.process.exitCode === null && this.process.signalCode === null) {
            this.process.kill("SIGINT");
            await once(this.process, "close");
        }
        return Buffer.concat(this.heard);
    }
}
