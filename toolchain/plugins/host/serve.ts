/**
 * A resource provider over the engine's own gRPC protocol.
 *
 * The `@pulumi/pulumi/provider` helper is not used: it has no preview flag, no detailed diff, no
 * DiffConfig, no autonaming options and no unknowns in Check, all of which the real plugins answer
 * and the engine's display depends on; and loading the whole SDK would triple the start time.
 *
 * Secrets: `Configure` answers acceptSecrets=false, as bridged plugins do. The engine then hands
 * over plain values and itself marks as secret every output whose input of the same name holds a
 * secret (whole property for lists), so nothing here can forget to.
 */

import { Server, ServerCredentials, credentials, status } from "@grpc/grpc-js";
import type { ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as provider from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { CallContext, DiffEntry, Plugin, Resource } from "./plugin";
import { PluginError } from "./plugin";
import { canonical } from "./values";
import * as wire from "./wire";
import { parseUrn } from "../../../model/urn";

/** Uploads travel inside messages; the engine itself allows this much. */
const MAX_MESSAGE = 400 * 1024 * 1024;
/** How long calls in flight may take to end after a signal. */
const SHUTDOWN_MS = 5000;
const PARENT_CHECK_MS = 2000;

const SEVERITY = {
    info: LogSeverity.INFO,
    warning: LogSeverity.WARNING,
    error: LogSeverity.ERROR,
} as const;

/** `pulumi-resource-x ENGINE_ADDRESS`: serves the plugin and prints the port it listens on. */
export function serve(plugin: Plugin, argv: readonly string[]): void {
    const engineAddress = argv.find((arg) => !arg.startsWith("-"));
    const session = new Session(plugin, engineAddress);
    const server = new Server({
        "grpc.max_receive_message_length": MAX_MESSAGE,
        "grpc.max_send_message_length": MAX_MESSAGE,
    });
    server.addService(ResourceProviderService, session.service());
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error) {
            process.stderr.write(
                `pulumi-resource-${plugin.name}: cannot listen on loopback: ${error.message}\n`,
            );
            process.exit(1);
        }
        process.stdout.write(`${port}\n`);
    });
    const stop = () => {
        session.cancel();
        setTimeout(() => process.exit(0), SHUTDOWN_MS).unref();
        server.tryShutdown(() => process.exit(0));
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    // An engine that was killed cannot say goodbye; nobody would end this process then.
    const parent = process.ppid;
    setInterval(() => {
        if (process.ppid !== parent) {
            stop();
        }
    }, PARENT_CHECK_MS).unref();
}

class Session {
    private readonly abort = new AbortController();
    private engine: EngineClient | undefined;

    constructor(
        private readonly plugin: Plugin,
        engineAddress: string | undefined,
    ) {
        if (engineAddress) {
            this.connect(engineAddress);
        }
    }

    cancel(): void {
        this.abort.abort();
    }

    private connect(address: string): void {
        this.engine = new EngineClient(address, credentials.createInsecure());
    }

    private context(urn: string): CallContext {
        return {
            urn,
            signal: this.abort.signal,
            log: (severity, message) => {
                const request = new LogRequest();
                request.setSeverity(SEVERITY[severity]);
                request.setMessage(message);
                request.setUrn(urn);
                // A message nobody receives is not a reason to fail the call.
                this.engine?.log(request, () => undefined);
            },
        };
    }

    private resource(urn: string): Resource {
        const token = parseUrn(urn)?.type ?? urn;
        const resource = this.plugin.resources[token];
        if (resource) {
            return resource;
        }
        const known = Object.keys(this.plugin.resources).join(", ");
        throw new PluginError(
            `pulumi-resource-${this.plugin.name} ${this.plugin.version} (stand-in): resource type ` +
                `${token} is not implemented; implemented: ${known}. Install the real plugin ` +
                `with "pulumi plugin install resource ${this.plugin.name}" to use it`,
        );
    }

    service(): UntypedServiceImplementation {
        const { plugin } = this;
        const handlers = {
            handshake: unary((request: provider.ProviderHandshakeRequest) => {
                if (request.getEngineAddress()) {
                    this.connect(request.getEngineAddress());
                }
                return new provider.ProviderHandshakeResponse();
            }),
            attach: unary((request: PluginAttach) => {
                this.connect(request.getAddress());
                return new Empty();
            }),
            getPluginInfo: unary(() => {
                const info = new PluginInfo();
                info.setVersion(plugin.version);
                return info;
            }),
            checkConfig: unary((request: provider.CheckRequest) => {
                const news = wire.fromStruct(request.getNews());
                return wire.checkResponse(news, plugin.checkConfig(news));
            }),
            diffConfig: unary((request: provider.DiffRequest) => {
                const { oldInputs, news } = wire.diffRequest(request);
                const keys = Object.keys({ ...oldInputs, ...news }).filter(
                    (k) => canonical(oldInputs[k]) !== canonical(news[k]),
                );
                const entry: DiffEntry = { kind: "UPDATE", replace: false };
                const detailed = new Map(keys.map((k) => [k, entry]));
                return wire.diffResponse({ detailed, deleteBeforeReplace: false });
            }),
            configure: unary((request: provider.ConfigureRequest) => {
                plugin.configure(wire.fromStruct(request.getArgs()));
                const response = new provider.ConfigureResponse();
                response.setAcceptsecrets(false);
                response.setSupportspreview(true);
                response.setSupportsAutonamingConfiguration(true);
                return response;
            }),
            check: unary((request: provider.CheckRequest) => {
                const result = this.resource(request.getUrn()).check(wire.checkRequest(request));
                return wire.checkResponse(result.inputs, result.failures);
            }),
            diff: unary((request: provider.DiffRequest) =>
                wire.diffResponse(this.resource(request.getUrn()).diff(wire.diffRequest(request))),
            ),
            create: unary((request: provider.CreateRequest) => this.create(request)),
            read: unary((request: provider.ReadRequest) => this.read(request)),
            update: unary((request: provider.UpdateRequest) => this.update(request)),
            delete: unary((request: provider.DeleteRequest) => this.delete(request)),
            cancel: unary(() => {
                this.cancel();
                return new Empty();
            }),
        };
        return { ...unimplemented(plugin), ...handlers };
    }

    private async create(request: provider.CreateRequest): Promise<provider.CreateResponse> {
        const urn = request.getUrn();
        const inputs = wire.fromStruct(request.getProperties());
        const response = new provider.CreateResponse();
        if (request.getPreview()) {
            const outputs = this.resource(urn).preview(inputs, undefined);
            return response.setProperties(wire.toStruct(outputs));
        }
        const { id, outputs } = await failing(`creating ${urn}`, inputs, () =>
            this.resource(urn).create(this.context(urn), inputs),
        );
        return response.setId(id).setProperties(wire.toStruct(outputs));
    }

    private async read(request: provider.ReadRequest): Promise<provider.ReadResponse> {
        const urn = request.getUrn();
        const state = wire.fromStruct(request.getProperties());
        const inputs = wire.fromStruct(request.getInputs());
        const result = await failing(`reading ${urn}`, inputs, () =>
            this.resource(urn).read(this.context(urn), request.getId(), state, inputs),
        );
        const response = new provider.ReadResponse().setId(result.id);
        if (result.outputs) {
            response.setProperties(wire.toStruct(result.outputs));
        }
        if (result.inputs) {
            response.setInputs(wire.toStruct(result.inputs));
        }
        return response;
    }

    private async update(request: provider.UpdateRequest): Promise<provider.UpdateResponse> {
        const urn = request.getUrn();
        const change = wire.diffRequest(request);
        const outputs = request.getPreview()
            ? this.resource(urn).preview(change.news, change.state)
            : await failing(`updating ${urn}`, change.news, () =>
                  this.resource(urn).update(this.context(urn), change),
              );
        return new provider.UpdateResponse().setProperties(wire.toStruct(outputs));
    }

    private async delete(request: provider.DeleteRequest): Promise<Empty> {
        const urn = request.getUrn();
        const state = wire.fromStruct(request.getProperties());
        await failing(`deleting ${urn}`, undefined, () =>
            this.resource(urn).delete(this.context(urn), request.getId(), state),
        );
        return new Empty();
    }
}

/** Runs one call; whatever it throws becomes the error the engine understands. */
async function failing<T>(
    doing: string,
    inputs: Parameters<typeof wire.toServiceError>[2],
    call: () => Promise<T>,
): Promise<T> {
    try {
        return await call();
    } catch (error) {
        reportBug(error);
        throw wire.toServiceError(error, doing, inputs);
    }
}

/** A stack is shown only for mistakes of the plugin itself. */
function reportBug(error: unknown): void {
    if (error instanceof TypeError || error instanceof RangeError) {
        process.stderr.write(`${error.stack ?? error.message}\n`);
    }
}

function unary<Q, R>(call: (request: Q) => R | Promise<R>) {
    return async (rpc: ServerUnaryCall<Q, R>, reply: sendUnaryData<R>): Promise<void> => {
        try {
            reply(null, await call(rpc.request));
        } catch (error) {
            const known = error instanceof Error && "code" in error && "details" in error;
            if (!known) {
                reportBug(error);
            }
            const message = error instanceof Error ? error.message : String(error);
            reply(known ? (error as never) : { code: status.UNKNOWN, details: message });
        }
    };
}

/** What to do instead, where there is something. */
const HINTS: Readonly<Record<string, string>> = {
    getSchema: '; "pulumi import" works with --generate-code=false',
};

/** Every method of the protocol that has no handler answers so; the engine knows how to go on. */
function unimplemented(plugin: Plugin): UntypedServiceImplementation {
    const answer = (method: string) => (_call: unknown, reply?: sendUnaryData<unknown>) =>
        reply?.({
            code: status.UNIMPLEMENTED,
            details:
                `pulumi-resource-${plugin.name} (stand-in) does not implement ${method}` +
                (HINTS[method] ?? ""),
        });
    return Object.fromEntries(
        Object.keys(ResourceProviderService).map((method) => [method, answer(method)]),
    );
}
