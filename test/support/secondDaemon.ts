/** A Docker daemon beside the usual one, with nothing in it: for what a change of context must not confuse. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { attempt } from "./run";
import { until } from "./steps";

/** A daemon that runs. */
export interface SecondDaemon {
    /** As in DOCKER_HOST. */
    readonly host: string;
    /** Runs `docker` there. */
    docker(...args: string[]): Promise<string>;
    remove(): Promise<void>;
}

/** Starts one, without networks and rules of its own. */
export async function startDaemon(): Promise<SecondDaemon> {
    const folder = mkdtempSync(path.join(os.tmpdir(), "docker-second-"));
    const at = (name: string) => path.join(folder, name);
    const host = `unix://${at("docker.sock")}`;
    const own = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")];
    const bare = ["--bridge", "none", "--iptables=false", "--storage-driver", "vfs"];
    // In a network of its own: a daemon that is to have no bridge removes docker0, whosever it is.
    const apart = ["--net", "dockerd", "--host", host, ...own, ...bare];
    const daemon = spawn("unshare", apart, { stdio: "ignore" });
    const docker = (...args: string[]) => attempt("docker", ["--host", host, ...args]);
    await until("the second daemon answers", 60, async () => (await docker("info")).status === 0);
    return {
        host,
        docker: async (...args) => {
            const { status, stdout, stderr } = await docker(...args);
            if (status !== 0) {
                throw new Error(`docker ${args.join(" ")} on the second daemon: ${stderr}`);
            }
            return stdout;
        },
        remove: async () => {
            daemon.kill("SIGTERM");
            await once(daemon, "exit");
            rmSync(folder, { recursive: true, force: true });
        },
    };
}
