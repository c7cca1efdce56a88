/** The bundled language host under the real engine, which is the `pulumi` on PATH. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const PROGRAM = `
import * as fs from "node:fs";
import { spawn } from "node:child_process";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const mode = config.get("mode") ?? "";
function deep(): never {
    throw new Error("thrown on purpose");
}
console.log("on stdout");
if (mode === "throw") deep();
if (mode === "exit") process.exit(3);
if (mode === "forever") {
    const sleeper = spawn("sleep", ["600"]);
    fs.writeFileSync("pids.json", JSON.stringify([process.pid, process.ppid, sleeper.pid]));
    setInterval(() => 0, 1000);
}
export const plain = new pulumi.Stash("stash", { input: config.get("plain") ?? "none" }).output;
export const token = config.getSecret("token");
`;

const PACK = `
import { PolicyPack } from "@pulumi/policy";

new PolicyPack("pack", {
    policies: [
        {
            name: "stash-not-bad",
            description: "A stash holds nothing bad.",
            enforcementLevel: "mandatory",
            validateResource: (args, report) => {
                if (args.type === "pulumi:index:Stash" && args.props.input === "bad") {
                    report("the stash must not be bad");
                }
            },
        },
    ],
});
`;

const TSCONFIG = {
    compilerOptions: {
        target: "es2022",
        module: "nodenext",
        moduleResolution: "nodenext",
        strict: true,
        types: ["node"],
    },
};

const scratch = fs.mkdtempSync(join(tmpdir(), "language-host-e2e-"));
const folder = join(scratch, "program");
const env = {
    ...process.env,
    PATH: [join(scratch, "bin"), process.env["PATH"]].join(delimiter),
    PULUMI_HOME: join(scratch, "home"),
    PULUMI_BACKEND_URL: `file://${join(scratch, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "x",
    PULUMI_SKIP_UPDATE_CHECK: "true",
};

beforeAll(async () => {
    for (const name of ["bin", "home", "state", "program", "program/pack"]) {
        fs.mkdirSync(join(scratch, name));
    }
    await build({
        entryPoints: [join(__dirname, "../../toolchain/language-host/main.ts")],
        outfile: join(scratch, "bin/pulumi-language-nodejs"),
        bundle: true,
        platform: "node",
        target: "node20",
        logLevel: "error",
    });
    fs.chmodSync(join(scratch, "bin/pulumi-language-nodejs"), 0o755);
    write("Pulumi.yaml", "name: try\nruntime: nodejs\n");
    write("tsconfig.json", JSON.stringify(TSCONFIG));
    write("index.ts", PROGRAM);
    write(
        "package.json",
        JSON.stringify({
            name: "try",
            main: "index.ts",
            dependencies: {
                "@pulumi/policy": "1.21.0",
                "@pulumi/pulumi": "3.248.0",
                "@types/node": "20.19.43",
                typescript: "6.0.3",
            },
        }),
    );
    write("pack/PulumiPolicy.yaml", "runtime: nodejs\nmain: index.ts\n");
    write("pack/package.json", JSON.stringify({ name: "pack", version: "1.0.0" }));
    write("pack/tsconfig.json", JSON.stringify(TSCONFIG));
    write("pack/index.ts", PACK);
    await pulumi("stack", "init", "dev");
});

afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

it("says what to do before the packages are installed", async () => {
    const { status, output } = await pulumi("preview");
    expect(status).not.toBe(0);
    expect(output).toContain("Have you run npm install or yarn install?");
});

it("installs them with pulumi install", async () => {
    const { status, output } = await pulumi("install");
    expect(output).toContain("Finished installing dependencies");
    expect(status).toBe(0);
    expect(fs.existsSync(join(folder, "node_modules/@pulumi/pulumi/package.json"))).toBe(true);
});

it("runs a program with config and secrets", async () => {
    await pulumi("config", "set", "plain", "hello");
    await pulumi("config", "set", "--secret", "token", "s3cret");
    const up = await pulumi("up", "--yes", "--skip-preview");
    expect(up.output).toContain("on stdout");
    expect(up.output).not.toContain("s3cret");
    expect(up.status).toBe(0);
    const masked = await pulumi("stack", "output", "--json");
    expect(JSON.parse(masked.output)).toEqual({ plain: "hello", token: "[secret]" });
    const shown = await pulumi("stack", "output", "--json", "--show-secrets");
    expect(JSON.parse(shown.output)).toEqual({ plain: "hello", token: "s3cret" });
});

it("previews no change", async () => {
    const { output } = await pulumi("preview", "--json");
    expect(JSON.parse(output)).toMatchObject({ changeSummary: { same: 2 } });
});

it("lists what the program depends on", async () => {
    const { output } = await pulumi("about", "--json");
    const about = JSON.parse(output) as Record<string, unknown>;
    expect(about["runtime"]).toMatchObject({ language: "nodejs", version: process.version });
    expect(about["dependencies"]).toContainEqual({ name: "@pulumi/policy", version: "1.21.0" });
});

it("shows the stack trace of a program that throws", async () => {
    const { status, output } = await preview("throw");
    expect(status).not.toBe(0);
    expect(output).toContain("failed with an unhandled exception");
    expect(output).toContain("Error: thrown on purpose");
    // The line of the source, not of what it was compiled to.
    expect(output).toMatch(/at deep \(.*index\.ts:9:11\)/);
    expect(output).not.toContain("non-zero exit code");
});

it("shows the status of a program that exits by itself", async () => {
    const { status, output } = await preview("exit");
    expect(status).not.toBe(0);
    expect(output).toContain("Program exited with non-zero exit code: 3");
});

it("shows errors of types", async () => {
    write("index.ts", `${PROGRAM}\nconst wrong: number = "text";\n`);
    const { status, output } = await preview("");
    write("index.ts", PROGRAM);
    expect(status).not.toBe(0);
    expect(output).toContain("TS2322: Type 'string' is not assignable to type 'number'");
});

it("runs policy packs", async () => {
    const args = ["preview", "--policy-pack", join(folder, "pack")];
    const good = await pulumi(...args, "--config", "plain=good");
    expect(good.output).toMatch(/pack@v1\.0\.0/);
    expect(good.status).toBe(0);
    const bad = await pulumi(...args, "--config", "plain=bad");
    expect(bad.output).toContain("the stash must not be bad");
    expect(bad.status).not.toBe(0);
});

it.each(["SIGINT", "SIGKILL"] as const)(
    "leaves no process when the engine gets a %s",
    async (signal) => {
        fs.rmSync(join(folder, "pids.json"), { force: true });
        const args = ["preview", "--non-interactive", "--config", "mode=forever"];
        const engine = spawn("pulumi", args, { cwd: folder, env, stdio: "ignore" });
        const ended = once(engine, "exit");
        const pids = await vi.waitFor(
            () => JSON.parse(fs.readFileSync(join(folder, "pids.json"), "utf8")) as number[],
            { timeout: 60_000, interval: 100 },
        );
        expect(pids.filter(isRunning)).toHaveLength(3);
        engine.kill(signal);
        await ended;
        await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), {
            timeout: 10_000,
            interval: 100,
        });
    },
);

function preview(mode: string) {
    return pulumi("preview", "--non-interactive", "--config", `mode=${mode}`);
}

function pulumi(...args: string[]): Promise<{ status: number; output: string }> {
    return new Promise((resolve, reject) => {
        const options = { cwd: folder, env, timeout: 300_000 };
        execFile("pulumi", ["--color=never", ...args], options, (error, stdout, stderr) => {
            if (error && typeof error.code !== "number") {
                reject(new Error(`pulumi ${args.join(" ")}: ${error.message}\n${stdout}${stderr}`));
                return;
            }
            // What a machine reads is on stdout alone.
            const output = args.includes("--json") ? stdout : stdout + stderr;
            // The SDK colours stack traces whatever the engine is told.
            resolve({ status: Number(error?.code ?? 0), output: stripVTControlCharacters(output) });
        });
    });
}

function write(file: string, text: string): void {
    fs.writeFileSync(join(folder, file), text);
}

function isRunning(pid: number): boolean {
    try {
        // A zombie has ended; its parent is only slow to take note.
        return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
        return false;
    }
}
