/** What the language host's tests share: a program's folder, a host for it, and a client. */

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { credentials, type ClientReadableStream, type ServiceError } from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { LanguageHost } from "../language-host/host";

/**
 * Stands for every launcher of the SDK: writes down how it was called, then does what its last
 * arguments say.
 */
const LAUNCHER = `
const { writeFileSync } = require("fs");
const { argv, execArgv, env, pid } = process;
if (argv.includes("deaf")) process.on("SIGINT", () => {});
writeFileSync(__dirname + "/launched.json", JSON.stringify({ argv, execArgv, env, pid, cwd: process.cwd() }));
console.log("to stdout");
console.error("to stderr");
const exit = argv.find((arg) => arg.startsWith("exit="));
if (exit) process.exitCode = Number(exit.slice(5));
if (argv.includes("forever")) setInterval(() => {}, 1000);
`;

export interface Launched {
    readonly argv: string[];
    readonly execArgv: string[];
    readonly env: NodeJS.ProcessEnv;
    readonly pid: number;
    readonly cwd: string;
}

export const scratch = mkdtempSync(join(tmpdir(), "language-host-"));

/** The running test's program folder, and a client of the host that serves it. */
export let folder: string;
export let client: LanguageRuntimeClient;
let host: LanguageHost;

/** Gives every test of a file a folder and a host of its own. */
export function useLanguageHost(): void {
    // Another file with these tests may have ended in this process before.
    beforeAll(() => void mkdirSync(scratch, { recursive: true }));
    beforeEach(async () => {
        folder = mkdtempSync(join(scratch, "program-"));
        host = new LanguageHost("engine:1");
        client = await connect(await host.listen());
    });

    afterEach(async () => {
        client.close();
        await host.close();
        vi.unstubAllEnvs();
    });

    afterAll(() => rmSync(scratch, { recursive: true }));
}

export function connect(port: number): Promise<LanguageRuntimeClient> {
    const connection = new LanguageRuntimeClient(`127.0.0.1:${port}`, credentials.createInsecure());
    return new Promise((resolve, reject) =>
        connection.waitForReady(Date.now() + 10_000, (error) =>
            error ? reject(error) : resolve(connection),
        ),
    );
}

export function unary<Response>(
    call: (done: (error: ServiceError | null, response: Response) => void) => void,
): Promise<Response> {
    return new Promise((resolve, reject) =>
        call((error, response) => (error ? reject(error) : resolve(response))),
    );
}

export function run(request: language.RunRequest): Promise<language.RunResponse> {
    return unary((done) => client.run(request, done));
}

interface Output {
    getStdout_asU8(): Uint8Array;
    getStderr_asU8(): Uint8Array;
}

interface Output {
    getStdout_asU8(): Uint8Array;
    getStderr_asU8(): Uint8Array;
}

/** Everything a streaming call says. */
export async function output<Chunk extends Output>(
    stream: ClientReadableStream<Chunk>,
    chunks: string[] = [],
): Promise<{ stdout: string; stderr: string; last?: Chunk }> {
    let stdout = "";
    let stderr = "";
    let last: Chunk | undefined;
    for await (const chunk of stream as AsyncIterable<Chunk>) {
        last = chunk;
        stdout += Buffer.from(chunk.getStdout_asU8()).toString();
        stderr += Buffer.from(chunk.getStderr_asU8()).toString();
        chunks.push(Buffer.from(chunk.getStderr_asU8()).toString());
    }
    return { stdout, stderr, last };
}

export function info(options: Record<string, JavaScriptValue> = {}): language.ProgramInfo {
    return new language.ProgramInfo()
        .setRootDirectory(folder)
        .setProgramDirectory(folder)
        .setEntryPoint(".")
        .setOptions(Struct.fromJavaScript(options));
}

export function runRequest(args: string[], options?: Record<string, JavaScriptValue>) {
    return new language.RunRequest().setInfo(info(options)).setArgsList(args);
}

export function pluginRequest(kind: string, args: string[]): language.RunPluginRequest {
    return new language.RunPluginRequest().setInfo(info()).setKind(kind).setArgsList(args);
}

export function installRequest(options: Record<string, JavaScriptValue>) {
    return new language.InstallDependenciesRequest().setInfo(info(options)).setDirectory(folder);
}

export function launcherFile(name: string, file: string): string {
    return join(folder, "node_modules/@pulumi/pulumi/cmd", name, file);
}

export function addLauncher(name: string): void {
    write(launcherFile(name, "index.js"), LAUNCHER);
}

export function launched(name: string): Launched {
    return JSON.parse(readFileSync(launcherFile(name, "launched.json"), "utf8")) as Launched;
}

export function addPackage(place: string, manifest: object): void {
    const name = place.split("node_modules/").at(-1);
    write(join(folder, place, "package.json"), JSON.stringify({ name, ...manifest }));
}

/** Package managers that do what `script` says, ahead of the real ones. */
export function addCommands(script: string): void {
    for (const manager of ["npm", "pnpm", "yarn"]) {
        write(join(folder, "bin", manager), `#!/bin/sh\n${script}\n`);
        chmodSync(join(folder, "bin", manager), 0o755);
    }
    vi.stubEnv("PATH", `${join(folder, "bin")}:${process.env["PATH"]}`);
}

export function write(file: string, text: string): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
}

export function isGone(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return false;
    } catch {
        return true;
    }
}

/** What `look` finds, as soon as it finds something. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
    return vi.waitFor(
        () => {
            const found = look();
            if (found === undefined) {
                throw new Error("not yet");
            }
            return found;
        },
        { timeout: 10_000, interval: 50 },
    );
}
