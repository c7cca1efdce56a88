/** The recorded answers of the real plugin, and what about an answer is incidental. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonical, isObj } from "../../plugins/host/values";
import type { Json, Obj } from "../../plugins/host/values";
import type { Answer } from "./recorder";

const FOLDER = join(__dirname, "../../../test/fixtures/docker-plugin-5.1.0");

export interface RecordedCall {
    readonly name: string;
    readonly call: "check" | "create" | "read" | "diff" | "update" | "del";
    readonly args: Json[];
    readonly result: Answer;
}

export const recordedCalls = (
    JSON.parse(readFileSync(join(FOLDER, "calls.json"), "utf8")) as { calls: RecordedCall[] }
).calls;

export const recordedDiffs = JSON.parse(
    readFileSync(join(FOLDER, "container-diff.json"), "utf8"),
) as Record<string, { value: Json; result: Answer }>;

export const observed = readFileSync(join(FOLDER, "observed.txt"), "utf8").split("\n");

export function recorded(name: string): RecordedCall {
    const call = recordedCalls.find((c) => c.name === name);
    if (!call) {
        throw new Error(`no recorded call "${name}"`);
    }
    return call;
}

/** Bookkeeping of the bridge under the real plugin; means nothing to the engine. */
const INTERNAL = ["__meta", "__pulumi_raw_state_delta"];
/** Properties that are sets: the order in which the state lists them is that of a hash. */
const UNORDERED = new Set(["uploads"]);

/** An answer without what differs from run to run and from machine to machine. */
export function essential(value: unknown, key = ""): unknown {
    if (Array.isArray(value)) {
        const items = value.map((item) => essential(item));
        const text = (item: unknown) => canonical(item as Json);
        return UNORDERED.has(key) ? items.sort((a, b) => (text(a) < text(b) ? -1 : 1)) : items;
    }
    if (isObj(value as Json)) {
        const entries = Object.entries(value as Obj).filter(([k]) => !INTERNAL.includes(k));
        return Object.fromEntries(entries.map(([k, v]) => [k, essential(v, k)]));
    }
    if (typeof value !== "string") {
        return value;
    }
    if (key === "error") {
        return value.replace(/(Error response from daemon:)[\s\S]*/, "$1 ...");
    }
    if (key === "macAddress" && value !== "") {
        return "MAC";
    }
    // The name of the daemon's default runtime is the machine's choice.
    if (key === "runtime" && value !== "04da6b54-80e4-46f7-96ec-b56ff0331ba9") {
        return "RUNTIME";
    }
    return value
        .replace(/\b[0-9a-f]{64}(?![0-9a-f])/g, "HEX64")
        .replace(/^n-[0-9a-f]{7}$/, "n-SUFFIX")
        .replace(/^\/.*\/volumes\//, "/DOCKER/volumes/");
}

/** The answer as far as the record has it: the recorder did not write down ids in errors. */
export function comparable(answer: Answer): unknown {
    const rest = { ...answer };
    delete rest.initId;
    return essential(rest);
}
