/** Drives a plugin process over the engine's protocol and returns its answers as plain values. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { credentials } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Obj } from "../../plugins/host/values";

/** What one call answered: the fields of the record, or an error. */
export interface Answer {
    error?: string;
    /** The id an error carried, which keeps the resource in the engine's state. */
    initId?: string;
    id?: string;
    inputs?: Obj;
    outputs?: Obj;
    failures?: { property: string; reason: string }[];
    changes?: string;
    replaces?: string[];
    deleteBeforeReplace?: boolean;
    diffs?: string[];
    detailed?: Record<string, string>;
}

type Reply<R> = (error: ServiceError | null, response: R) => void;

const SEED = Buffer.from("0123456789abcdef0123456789abcdef");
const TIMEOUT_S = 120;

export function urn(token: string): string {
    return `urn:pulumi:s::p::${token}::n`;
}

export class Recorder {
    private constructor(
        private readonly process: ChildProcess,
        private readonly client: ResourceProviderClient,
    ) {}

    /** Starts `command args...` and configures it with the given provider inputs. */
    static async start(command: string, args: string[], config: Obj = {}): Promise<Recorder> {
        // No engine listens here; a plugin's log messages then go nowhere, as they must be able to.
        const child = spawn(command, [...args, "127.0.0.1:1"], {
            stdio: ["ignore", "pipe", "inherit"],
        });
        const [first] = (await once(child.stdout, "data")) as [Buffer];
        const address = `127.0.0.1:${first.toString().trim()}`;
        const recorder = new Recorder(
            child,
            new ResourceProviderClient(address, credentials.createInsecure()),
        );
        const request = new pb.ConfigureRequest();
        request.setAcceptsecrets(true);
        request.setArgs(struct(config));
        await recorder.call<pb.ConfigureResponse>(
            (reply) => recorder.client.configure(request, reply),
            () => ({}),
        );
        return recorder;
    }

    async stop(): Promise<void> {
        this.client.close();
        const ended = once(this.process, "exit");
        this.process.kill("SIGTERM");
        await ended;
    }

    cancel(): Promise<Answer> {
        return this.call<Empty>(
            (reply) => this.client.cancel(new Empty(), reply),
            () => ({}),
        );
    }

    check(token: string, news: Obj, olds: Obj = {}): Promise<Answer> {
        const request = new pb.CheckRequest();
        request.setUrn(urn(token));
        request.setOlds(struct(olds));
        request.setNews(struct(news));
        request.setRandomseed(SEED);
        return this.call<pb.CheckResponse>(
            (reply) => this.client.check(request, reply),
            (response) => ({
                inputs: plain(response.getInputs()),
                failures: response.getFailuresList().map((failure) => ({
                    property: failure.getProperty(),
                    reason: failure.getReason(),
                })),
            }),
        );
    }

    create(token: string, inputs: Obj, preview = false): Promise<Answer> {
        const request = new pb.CreateRequest();
        request.setUrn(urn(token));
        request.setProperties(struct(inputs));
        request.setTimeout(TIMEOUT_S);
        request.setPreview(preview);
        return this.call<pb.CreateResponse>(
            (reply) => this.client.create(request, reply),
            (response) => ({
                id: response.getId(),
                outputs: plain(response.getProperties()),
            }),
        );
    }

    read(token: string, id: string, state: Obj, inputs: Obj): Promise<Answer> {
        const request = new pb.ReadRequest();
        request.setUrn(urn(token));
        request.setId(id);
        request.setProperties(struct(state));
        request.setInputs(struct(inputs));
        return this.call<pb.ReadResponse>(
            (reply) => this.client.read(request, reply),
            (response) => ({
                id: response.getId(),
                ...(response.hasProperties() && { outputs: plain(response.getProperties()) }),
                ...(response.hasInputs() && { inputs: plain(response.getInputs()) }),
            }),
        );
    }

    diff(token: string, id: string, state: Obj, oldInputs: Obj, news: Obj): Promise<Answer> {
        const request = new pb.DiffRequest();
        request.setUrn(urn(token));
        request.setId(id);
        request.setOlds(struct(state));
        request.setOldInputs(struct(oldInputs));
        request.setNews(struct(news));
        return this.call<pb.DiffResponse>(
            (reply) => this.client.diff(request, reply),
            (response) => {
                const detailed: Record<string, string> = {};
                response.getDetaileddiffMap().forEach((value, key) => {
                    detailed[key] = nameOf(pb.PropertyDiff.Kind, value.getKind());
                });
                return {
                    changes: ["UNKNOWN", "NONE", "SOME"][response.getChanges()],
                    replaces: response.getReplacesList(),
                    deleteBeforeReplace: response.getDeletebeforereplace(),
                    diffs: response.getDiffsList(),
                    detailed,
                };
            },
        );
    }

    update(token: string, id: string, state: Obj, oldInputs: Obj, news: Obj): Promise<Answer> {
        const request = new pb.UpdateRequest();
        request.setUrn(urn(token));
        request.setId(id);
        request.setOlds(struct(state));
        request.setOldInputs(struct(oldInputs));
        request.setNews(struct(news));
        return this.call<pb.UpdateResponse>(
            (reply) => this.client.update(request, reply),
            (response) => ({
                outputs: plain(response.getProperties()),
            }),
        );
    }

    del(token: string, id: string, state: Obj, inputs: Obj): Promise<Answer> {
        const request = new pb.DeleteRequest();
        request.setUrn(urn(token));
        request.setId(id);
        request.setProperties(struct(state));
        request.setOldInputs(struct(inputs));
        request.setTimeout(TIMEOUT_S);
        return this.call<Empty>(
            (reply) => this.client.delete(request, reply),
            () => ({}),
        );
    }

    private call<R>(method: (reply: Reply<R>) => unknown, read: (response: R) => Answer) {
        return new Promise<Answer>((resolve) => {
            method((error, response) => resolve(error ? failure(error) : read(response)));
        });
    }
}

function failure(error: ServiceError): Answer {
    const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
    const answer: Answer = { error: `${error.code} ${error.details}` };
    if (packed instanceof Buffer) {
        const [detail] = Status.deserializeBinary(packed).getDetailsList();
        const init = pb.ErrorResourceInitFailed.deserializeBinary(
            detail?.getValue_asU8() ?? Buffer.alloc(0),
        );
        answer.initId = init.getId();
    }
    return answer;
}

function struct(value: Obj): Struct {
    return Struct.fromJavaScript(value);
}

function plain(value: Struct | undefined): Obj {
    return value?.toJavaScript() ?? {};
}

function nameOf(kinds: object, value: number): string {
    return Object.entries(kinds).find(([, v]) => v === value)?.[0] ?? String(value);
}
