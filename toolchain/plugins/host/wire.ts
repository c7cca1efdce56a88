/** Between protocol messages and the plain values of `plugin.ts`. */

import { status, Metadata } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import * as provider from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { InitFailure } from "./plugin";
import type { AutonamingMode, CheckFailure, CheckRequest, DiffRequest, DiffResult } from "./plugin";
import type { Obj } from "./values";

export function fromStruct(struct: Struct | undefined): Obj {
    return struct?.toJavaScript() ?? {};
}

export function toStruct(value: Obj): Struct {
    return Struct.fromJavaScript(value);
}

const MODES: Record<number, AutonamingMode> = { 0: "propose", 1: "enforce", 2: "disable" };

export function checkRequest(request: provider.CheckRequest): CheckRequest {
    const naming = request.getAutonaming();
    return {
        urn: request.getUrn(),
        olds: fromStruct(request.getOlds()),
        news: fromStruct(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
        ...(naming && {
            autonaming: {
                proposedName: naming.getProposedName(),
                mode: MODES[naming.getMode()] ?? "propose",
            },
        }),
    };
}

export function checkResponse(inputs: Obj, failures: CheckFailure[]): provider.CheckResponse {
    const response = new provider.CheckResponse().setInputs(toStruct(inputs));
    for (const failure of failures) {
        response.addFailures(
            new provider.CheckFailure().setProperty(failure.property).setReason(failure.reason),
        );
    }
    return response;
}

export function diffRequest(request: provider.DiffRequest | provider.UpdateRequest): DiffRequest {
    return {
        urn: request.getUrn(),
        id: request.getId(),
        state: fromStruct(request.getOlds()),
        oldInputs: fromStruct(request.getOldInputs()),
        news: fromStruct(request.getNews()),
        ignoreChanges: request.getIgnorechangesList(),
    };
}

/** The top-level property of a path such as `ports[1].internal`. */
function topLevel(path: string): string {
    return /^[^.[]+/.exec(path)?.[0] ?? path;
}

export function diffResponse(diff: DiffResult): provider.DiffResponse {
    const { Kind } = provider.PropertyDiff;
    const response = new provider.DiffResponse().setHasdetaileddiff(true);
    const entries = [...diff.detailed].sort(([a], [b]) => (a < b ? -1 : 1));
    const changed = entries.length > 0;
    response.setChanges(
        changed
            ? provider.DiffResponse.DiffChanges.DIFF_SOME
            : provider.DiffResponse.DiffChanges.DIFF_NONE,
    );
    // As the real plugins do: `replaces` repeats a property once for each path, `diffs` does not.
    response.setReplacesList(entries.filter(([, e]) => e.replace).map(([path]) => topLevel(path)));
    response.setDiffsList([...new Set(entries.map(([path]) => topLevel(path)))]);
    response.setDeletebeforereplace(diff.deleteBeforeReplace);
    for (const [path, entry] of entries) {
        const kind = entry.replace ? Kind[`${entry.kind}_REPLACE`] : Kind[entry.kind];
        response.getDetaileddiffMap().set(path, new provider.PropertyDiff().setKind(kind));
    }
    return response;
}

/**
 * An error as the engine reads it. An `InitFailure` carries id and outputs in the status details;
 * that is what makes the engine keep the resource in its state.
 */
export function toServiceError(error: unknown, doing: string, inputs?: Obj): ServiceError {
    const reason = error instanceof Error ? error.message : String(error);
    const metadata = new Metadata();
    let details = bulleted(reason);
    if (error instanceof InitFailure) {
        details = `${doing}: ${details}`;
        const failure = new provider.ErrorResourceInitFailed()
            .setId(error.id)
            .setProperties(toStruct(error.outputs))
            .setReasonsList([error.reason]);
        if (inputs) {
            failure.setInputs(toStruct(inputs));
        }
        const any = new Any();
        any.pack(failure.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
        const packed = new Status();
        packed.setCode(status.UNKNOWN);
        packed.setMessage(details);
        packed.addDetails(any);
        metadata.add("grpc-status-details-bin", Buffer.from(packed.serializeBinary()));
    } else if (doing.startsWith("deleting")) {
        details = `${doing}: ${details}`;
    }
    return Object.assign(new Error(details), { code: status.UNKNOWN, details, metadata });
}

/** The layout in which the real plugins give errors. */
function bulleted(reason: string): string {
    return `1 error occurred:\n\t* ${reason}\n\n`;
}
