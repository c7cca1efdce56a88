/** Engines that run: here, in a container, and outside of the one that this is. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { findEngine, hasEngine, type Sought } from "../../cli/recovery/engines";
import { until } from "../../steps/wait";

describe("an engine", () => {
    /** A process under a name, as long as it is needed. */
    async function started(name: string, args: string[] = ["300"]) {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-"));
        const program = path.join(folder, name);
        fs.copyFileSync("/bin/sleep", program);
        const child = spawn(program, args, { stdio: "ignore" });
        await once(child, "spawn");
        return {
            pid: child.pid as number,
            end: async () => {
                if (child.exitCode === null && child.signalCode === null) {
                    child.kill("SIGKILL");
                    await once(child, "exit");
                }
                fs.rmSync(folder, { recursive: true });
            },
        };
    }

    it.each([
        ["pulumi", true],
        [".pulumi-wrapped", true],
        ["sleep", false],
    ])("is a process called %s: %s", async (name, expected) => {
        const { pid, end } = await started(name);
        try {
            await until("it is called so", 10, async () => (await hasEngine(pid)) === expected);
        } finally {
            await end();
        }
        expect(await hasEngine(pid)).toBe(false);
    });

    it.runIf(process.platform === "linux")(
        "is not what has ended and is not waited for",
        async () => {
            const folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-"));
            const program = path.join(folder, "pulumi");
            fs.copyFileSync("/bin/sleep", program);
            // A shell that becomes another program waits for none of its children.
            const script = `${program} 300 & echo $!; exec sleep 300`;
            const parent = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
            try {
                const [line] = (await once(parent.stdout, "data")) as [Buffer];
                const pid = Number(line.toString());
                const comm = `/proc/${parent.pid}/comm`;
                await until("the shell is another program", 10, () =>
                    fs.readFileSync(comm, "utf8").startsWith("sleep"),
                );
                await until("it is called so", 10, () => hasEngine(pid));
                process.kill(pid, "SIGKILL");
                await until("it has ended", 10, () =>
                    / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8")),
                );
                expect(() => process.kill(pid, 0)).not.toThrow();
                expect(await hasEngine(pid)).toBe(false);
            } finally {
                parent.kill("SIGKILL");
                fs.rmSync(folder, { recursive: true });
            }
        },
    );
});

/** Processes of their own, under the name of this machine. */
const APART = ["--pid", "--fork", "--kill-child", "--mount-proc"];

const NOW = () => new Date().toISOString();

describe.runIf(process.platform === "linux")("an engine with processes of its own", () => {
    it("is seen from outside by the number that it has for itself", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-"));
        const program = path.join(folder, "pulumi");
        fs.copyFileSync("/bin/sleep", program);
        // Under a number that is nobody's here.
        const script = `echo 30000 >/proc/sys/kernel/ns_last_pid; ${program} 300 & echo $!; wait`;
        const apart = spawn("unshare", [...APART, "sh", "-c", script], {
            stdio: ["ignore", "pipe", "ignore"],
        });
        try {
            const [line] = (await once(apart.stdout, "data")) as [Buffer];
            const sought = { pid: Number(line.toString()), timestamp: NOW() };
            expect(sought.pid).toBeGreaterThan(30000);
            expect(await hasEngine(sought.pid)).toBe(false);
            await until("it is seen", 10, async () => (await findEngine(sought)) === "runs");
            expect(await findEngine({ ...sought, pid: sought.pid + 1 })).not.toBe("runs");
        } finally {
            apart.kill("SIGKILL");
            await once(apart, "close");
            fs.rmSync(folder, { recursive: true });
        }
    });

    /** What it makes of a lock. */
    const findApart = (sought: Sought) => {
        const module = path.join(__dirname, "..", "..", "cli", "recovery", "engines.ts");
        const script = `require(${JSON.stringify(module)}).findEngine(${JSON.stringify(sought)}).then((sight) => process.stdout.write(sight))`;
        const tsx = require.resolve("tsx/cjs");
        const node = [process.execPath, "--require", tsx, "-e", script];
        return execFileSync("unshare", [...APART, ...node], { encoding: "utf8" });
    };

    it("takes none outside for gone", () => {
        expect(findApart({ pid: process.pid, timestamp: NOW() })).toBe("hidden");
    });

    it("takes its own for gone that run no more, and all from before this machine was started", () => {
        expect(findApart({ pid: 2, timestamp: NOW() })).toBe("gone");
        const timestamp = new Date(Date.now() - (os.uptime() + 3600) * 1000).toISOString();
        expect(findApart({ pid: process.pid, timestamp })).toBe("gone");
    });
});
