/** The language host without an engine: how it runs programs and plugins, and how it ends them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { build } from "esbuild";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
    addLauncher,
    client,
    connect,
    eventually,
    folder,
    isGone,
    launched,
    launcherFile,
    output,
    pluginRequest,
    run,
    runRequest,
    scratch,
    unary,
    useLanguageHost,
} from "./language-host-harness";

useLanguageHost();

describe("Run", () => {
    it("starts the SDK's launcher with the official arguments and environment", async () => {
        addLauncher("run");
        vi.stubEnv("KEPT", "as it was");
        const request = runRequest(["--flag", "value"])
            .setMonitorAddress("monitor:2")
            .setOrganization("organization")
            .setProject("project")
            .setStack("dev")
            .setDryrun(true)
            .setParallel(16)
            .setConfigsecretkeysList(["project:token"]);
        request.getConfigMap().set("project:token", "s3cret").set("aws:a:b", "c");
        const response = await run(request);
        expect(response.toObject()).toEqual({ error: "", bail: false });
        const { argv, env, cwd } = launched("run");
        expect(argv.slice(2).join(" ")).toBe(
            `--monitor monitor:2 --engine engine:1 --organization organization --project project ` +
                `--root-directory ${folder} --stack dev --pwd ${folder} --parallel 16 --dry-run ` +
                `. --flag value`,
        );
        expect(JSON.parse(env["PULUMI_CONFIG"]!)).toEqual({
            "project:config:token": "s3cret",
            "aws:config:a:b": "c",
        });
        expect(env["PULUMI_CONFIG_SECRET_KEYS"]).toBe('["project:token"]');
        expect(env["PULUMI_NODEJS_TYPESCRIPT"]).toBe("true");
        expect(env["KEPT"]).toBe("as it was");
        expect(cwd).toBe(folder);
    });

    it("leaves out what the engine leaves out", async () => {
        addLauncher("run");
        await run(runRequest([]));
        expect(launched("run").argv.slice(2)).not.toContain("--dry-run");
        expect(launched("run").argv.slice(2)).not.toContain("--organization");
    });

    it("follows the project's options", async () => {
        addLauncher("run");
        const options = {
            typescript: false,
            tsconfig: "other.json",
            nodeargs: '--max-old-space-size=99 --title="a b"',
        };
        await run(runRequest([], options));
        const { execArgv, env } = launched("run");
        expect(execArgv).toEqual(["--max-old-space-size=99", "--title=a b"]);
        expect(env["PULUMI_NODEJS_TYPESCRIPT"]).toBeUndefined();
        expect(env["PULUMI_NODEJS_TSCONFIG_PATH"]).toBe("other.json");
    });

    it.each([
        ["exit=0", { error: "", bail: false }],
        ["exit=32", { error: "", bail: true }],
        ["exit=1", { error: "Program exited with non-zero exit code: 1", bail: false }],
        ["exit=3", { error: "Program exited with non-zero exit code: 3", bail: false }],
    ])("tells the engine what %s means", async (argument, expected) => {
        addLauncher("run");
        expect((await run(runRequest([argument]))).toObject()).toEqual(expected);
    });

    it("says what to do when the SDK is missing", async () => {
        await expect(run(runRequest([]))).rejects.toMatchObject({
            details:
                "It looks like the Pulumi SDK has not been installed. " +
                "Have you run npm install or yarn install?",
        });
    });

    it.each([
        [{ typescript: "yes" }, "typescript option must be a boolean"],
        [{ nodeargs: 1 }, "nodeargs option must be a string"],
        [{ nodeargs: '--a "b' }, 'nodeargs option has an unclosed quote: --a "b'],
        [
            { packagemanager: "pip" },
            'packagemanager option must be one of auto, npm, pnpm, yarn, bun, got "pip"',
        ],
    ])("refuses the options %j", async (options, details) => {
        addLauncher("run");
        await expect(run(runRequest([], options))).rejects.toMatchObject({ details });
        expect(existsSync(launcherFile("run", "launched.json"))).toBe(false);
    });
});

describe("cancellation", () => {
    it.each([
        ["ends", ["forever"]],
        ["kills, after a grace, when it is deaf to SIGINT,", ["forever", "deaf"]],
    ])("%s the program when the engine gives up its call", async (_, args) => {
        addLauncher("run");
        const call = client.run(runRequest(args), () => undefined);
        const { pid } = await eventually(() => launched("run"));
        call.cancel();
        await eventually(() => isGone(pid) || undefined);
    });

    it("ends every program on Cancel", async () => {
        addLauncher("run");
        addLauncher("run-plugin");
        const result = run(runRequest(["forever"]));
        const plugin = expect(
            output(client.runPlugin(pluginRequest("resource", ["forever"]))),
        ).rejects.toMatchObject({ details: "plugin was ended by signal SIGINT" });
        const pids = [
            (await eventually(() => launched("run"))).pid,
            (await eventually(() => launched("run-plugin"))).pid,
        ];
        await unary<Empty>((done) => client.cancel(new Empty(), done));
        expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
        expect((await result).getError()).toBe("Program was ended by signal SIGINT");
        await plugin;
    });
});

describe("RunPlugin", () => {
    it("runs a policy pack in its folder and passes on its output and status", async () => {
        addLauncher("run-policy-pack");
        const request = pluginRequest("analyzer", ["engine:1", "exit=7"]).setEnvList(["A=b=c"]);
        const { stdout, stderr, last } = await output(client.runPlugin(request));
        expect([stdout, stderr]).toEqual(["to stdout\n", "to stderr\n"]);
        expect(last?.getExitcode()).toBe(7);
        const { argv, env, cwd } = launched("run-policy-pack");
        expect(argv.slice(2)).toEqual(["engine:1", "exit=7", folder]);
        expect(cwd).toBe(folder);
        expect(env["A"]).toBe("b=c");
        expect(env["PULUMI_NODEJS_TYPESCRIPT"]).toBe("true");
    });

    it("runs a provider where the engine says", async () => {
        addLauncher("run-plugin");
        const request = pluginRequest("resource", ["engine:1"]).setPwd(scratch);
        await output(client.runPlugin(request));
        const { argv, cwd } = launched("run-plugin");
        expect(argv.slice(2)).toEqual([folder, "engine:1"]);
        expect(cwd).toBe(scratch);
    });
});

it("tells its version and its node", async () => {
    const plugin = await unary<{ getVersion(): string }>((done) =>
        client.getPluginInfo(new Empty(), done),
    );
    const about = await unary<language.AboutResponse>((done) =>
        client.about(new language.AboutRequest(), done),
    );
    expect(plugin.getVersion()).toBe("3.248.0");
    expect(about.getVersion()).toBe(process.version);
    expect(about.getExecutable()).toBe(process.execPath);
});

it("says so when it cannot do something", async () => {
    await expect(
        unary((done) => client.generateProgram(new language.GenerateProgramRequest(), done)),
    ).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});

it("runs outside the checkout, and goes with the engine and all it has started", async () => {
    const program = join(folder, "bin/pulumi-language-nodejs");
    await build({
        entryPoints: [join(__dirname, "../../toolchain/language-host/main.ts")],
        outfile: program,
        bundle: true,
        platform: "node",
        target: "node20",
        logLevel: "error",
    });
    chmodSync(program, 0o755);
    addLauncher("run");
    const engine = new Server();
    const enginePort = await new Promise<number>((resolve, reject) =>
        engine.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
            error ? reject(error) : resolve(port),
        ),
    );
    // As the engine does it: the leader of a group of its own.
    const child = spawn(program, [`127.0.0.1:${enginePort}`], { cwd: "/", detached: true });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "close");
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const direct = await connect(Number(line.toString()));
    direct.run(runRequest(["forever", "deaf"]), () => undefined);
    const { pid } = await eventually(() => launched("run"));
    engine.forceShutdown();
    await ended;
    direct.close();
    await eventually(() => isGone(pid) || undefined);
});
