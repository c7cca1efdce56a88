/** The language runtime the engine talks to. */
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type {
    handleServerStreamingCall,
    handleUnaryCall,
    ServerErrorResponse,
    ServerUnaryCall,
    ServerWritableStream,
} from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import type { ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version } from "@pulumi/pulumi/version";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as answers from "./answers";
import { Children, type Ending } from "./children";
import { installCommand } from "./install";
import { nodeOptions } from "./options";
import { installFolder } from "./packages";
import { pluginLaunch } from "./plugin";
import { programLaunch, programResult } from "./program";

/** The engine's own limit for one message. */
const MAX_MESSAGE = 400 * 1024 * 1024;

/** Serves one engine. */
export class LanguageHost {
    private readonly children = new Children();
    private readonly server = new Server({
        "grpc.max_receive_message_length": MAX_MESSAGE,
        "grpc.max_send_message_length": MAX_MESSAGE,
    });

    /** @param engineAddress where programs reach the engine; else it comes with the handshake */
    constructor(private engineAddress = "") {
        this.server.addService(LanguageRuntimeService, this.service());
    }

    /** Starts to serve on a free loopback port, and returns it. */
    listen(): Promise<number> {
        return new Promise((resolve, reject) =>
            this.server.bindAsync(
                "127.0.0.1:0",
                ServerCredentials.createInsecure(),
                (error, port) => (error ? reject(error) : resolve(port)),
            ),
        );
    }

    /** Ends every program, then the service. */
    async close(): Promise<void> {
        await this.children.stopAll();
        this.server.forceShutdown();
    }

    private service(): ILanguageRuntimeServer {
        return {
            handshake: unary((call) => {
                this.engineAddress ||= call.request.getEngineAddress();
                return new language.LanguageHandshakeResponse();
            }),
            getRequiredPackages: unary((call) => answers.required(call.request)),
            getProgramDependencies: unary((call) => answers.dependencies(call.request)),
            run: unary((call) => this.run(call)),
            runPlugin: streaming((call) => this.runPlugin(call)),
            installDependencies: streaming((call) => this.install(call)),
            getPluginInfo: unary(() => new PluginInfo().setVersion(version)),
            about: unary(() => answers.about()),
            runtimeOptionsPrompts: unary((call) => answers.prompts(call.request)),
            template: unary(() => new language.TemplateResponse()),
            cancel: unary(async () => {
                await this.children.stopAll();
                return new Empty();
            }),
            // Replaced by GetRequiredPackages, which the engine tries first.
            getRequiredPlugins: missing("GetRequiredPlugins"),
            // The code generators are linked into the official host only.
            generateProgram: missing("GenerateProgram"),
            generateProject: missing("GenerateProject"),
            generatePackage: missing("GeneratePackage"),
            pack: missing("Pack"),
            link: missing("Link"),
        };
    }

    private async run(call: ServerUnaryCall<language.RunRequest, language.RunResponse>) {
        const { request } = call;
        if (request.getAttachDebugger()) {
            throw new Unimplemented("AttachDebugger");
        }
        const { args, env } = programLaunch(request, this.engineAddress);
        const { child, ended } = this.children.start(process.execPath, args, {
            cwd: request.getInfo()?.getProgramDirectory(),
            env,
            stdio: ["ignore", "inherit", "inherit"],
        });
        call.on("cancelled", () => void this.children.stop(child));
        return programResult(await ended);
    }

    private async runPlugin(
        call: ServerWritableStream<language.RunPluginRequest, language.RunPluginResponse>,
    ) {
        if (call.request.getAttachDebugger()) {
            throw new Unimplemented("AttachDebugger");
        }
        const { args, env, cwd } = pluginLaunch(call.request);
        const { code, signal } = await this.relay(
            call,
            process.execPath,
            args,
            { env, cwd },
            {
                stdout: (data) => new language.RunPluginResponse().setStdout(data),
                stderr: (data) => new language.RunPluginResponse().setStderr(data),
            },
        );
        if (code === null) {
            throw new Error(`plugin was ended by signal ${signal}`);
        }
        call.write(new language.RunPluginResponse().setExitcode(code));
    }

    private async install(
        call: ServerWritableStream<
            language.InstallDependenciesRequest,
            language.InstallDependenciesResponse
        >,
    ) {
        const info = call.request.getInfo();
        const folder = installFolder(info?.getProgramDirectory() || call.request.getDirectory());
        const { manager, args } = installCommand(folder, nodeOptions(info));
        const say = (text: string) =>
            call.write(new language.InstallDependenciesResponse().setStdout(Buffer.from(text)));
        say("Installing dependencies...\n\n");
        const { code, signal } = await this.relay(
            call,
            manager,
            args,
            { cwd: folder },
            {
                stdout: (data) => new language.InstallDependenciesResponse().setStdout(data),
                stderr: (data) => new language.InstallDependenciesResponse().setStderr(data),
            },
        );
        if (code !== 0) {
            throw new Error(
                `${manager} install failed: ${code === null ? signal : `exit status ${code}`}`,
            );
        }
        say("Finished installing dependencies\n\n");
    }

    /** Runs a command whose output travels in messages; ends it when the caller gives up. */
    private relay<Response>(
        call: ServerWritableStream<unknown, Response>,
        command: string,
        args: readonly string[],
        options: { readonly env?: NodeJS.ProcessEnv; readonly cwd: string },
        wrap: Record<"stdout" | "stderr", (data: Buffer) => Response>,
    ): Promise<Ending> {
        const { child, ended } = this.children.start(command, args, {
            ...options,
            stdio: ["ignore", "pipe", "pipe"],
        });
        child.stdout?.on("data", (data: Buffer) => call.write(wrap.stdout(data)));
        child.stderr?.on("data", (data: Buffer) => call.write(wrap.stderr(data)));
        call.on("cancelled", () => void this.children.stop(child));
        return ended.catch((error: NodeJS.ErrnoException) => {
            throw error.code === "ENOENT"
                ? new Error(`could not find ${command} on the $PATH`)
                : error;
        });
    }
}

/** An error with a status of its own. */
class Unimplemented extends Error {
    readonly code = status.UNIMPLEMENTED;

    constructor(name: string) {
        super(`${name} is not implemented by this stand-in for the nodejs language host`);
    }
}

function unary<Request, Response>(
    answer: (call: ServerUnaryCall<Request, Response>) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
    return (call, callback) => {
        Promise.resolve()
            .then(() => answer(call))
            .then(
                (response) => callback(null, response),
                (error: unknown) => callback(failure(error)),
            );
    };
}

function streaming<Request, Response>(
    work: (call: ServerWritableStream<Request, Response>) => Promise<void>,
): handleServerStreamingCall<Request, Response> {
    return (call) => {
        work(call).then(
            () => call.end(),
            (error: unknown) => call.emit("error", failure(error)),
        );
    };
}

function missing<Request, Response>(name: string): handleUnaryCall<Request, Response> {
    return unary(() => Promise.reject(new Unimplemented(name)));
}

function failure(error: unknown): Partial<ServerErrorResponse> {
    return {
        code: error instanceof Unimplemented ? error.code : status.UNKNOWN,
        details: error instanceof Error ? error.message : String(error),
    };
}
