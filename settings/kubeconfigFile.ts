/** Pure: of a person's kubeconfig, what one context needs: the rest is nothing of a stack's. */
import * as path from "node:path";
import { ordered } from "../model/ordered";
import { isRecord } from "./stackConfig";
import { parseYaml } from "../model/yaml";

/** What a kubeconfig lacks; never says what is in it. */
export class KubeconfigError extends Error {}

type Entry = Readonly<Record<string, unknown>>;

/** Paths in a cluster and in a user; Kubernetes' clients take them relative to the file. */
const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/**
 * A kubeconfig with one context, its cluster and its user, whatever else the file holds and in whatever
 * order: what is changed beside it is no change of a stack. Plugins for credentials stay, and so do
 * files that it names, by their absolute paths.
 *
 * @param folder absolute, of the file
 * @throws KubeconfigError when it has no such context, or is none
 */
export function cutKubeconfig(content: string, context: string, folder: string): string {
    const document = parse(content);
    const chosen = record(named(document, "contexts", "context", context));
    const cluster = text(chosen["cluster"], `contexts has no cluster for ${context}`);
    const user = typeof chosen["user"] === "string" ? chosen["user"] : "";
    const server = named(document, "clusters", "cluster", cluster);
    // Without one, a server lets everybody in, or a proxy in front says who asks.
    const who = user === "" ? {} : named(document, "users", "user", user);
    return JSON.stringify(
        ordered({
            apiVersion: "v1",
            kind: "Config",
            "current-context": context,
            contexts: [{ name: context, context: withoutNotes(chosen) }],
            clusters: [{ name: cluster, cluster: located(server, folder) }],
            users: user === "" ? [] : [{ name: user, user: located(who, folder) }],
        }),
        undefined,
        2,
    );
}

function parse(content: string): Entry {
    let document: unknown;
    try {
        document = parseYaml(content);
    } catch (error) {
        // Its message shows a part of the file.
        const [position] = (error as { linePos?: readonly { line: number }[] }).linePos ?? [];
        throw new KubeconfigError(`it is no YAML${position ? `, line ${position.line}` : ""}`);
    }
    if (!isRecord(document)) {
        throw new KubeconfigError("it is no kubeconfig");
    }
    return document;
}

/** The first of a name, as Kubernetes' clients have it. */
function named(document: Entry, list: string, key: string, name: string): Entry {
    const entries = Array.isArray(document[list]) ? (document[list] as unknown[]) : [];
    const records = entries.filter(isRecord);
    const found = records.find((entry) => entry["name"] === name);
    if (!found) {
        const names = records.map((entry) => String(entry["name"])).join(", ");
        throw new KubeconfigError(`its ${list} are ${names || "none"}; there is no ${name}`);
    }
    return record(found[key]);
}

/** For a plugin; what other programs note there, minikube when it was started, is no change. */
const FOR_PLUGIN = "client.authentication.k8s.io/exec";

function withoutNotes(entry: Entry): Entry {
    const { extensions, ...rest } = entry;
    const kept = (Array.isArray(extensions) ? extensions : [])
        .filter(isRecord)
        .filter(({ name }) => name === FOR_PLUGIN);
    return kept.length > 0 ? { ...rest, extensions: kept } : rest;
}

function located(entry: Entry, folder: string): Entry {
    const here = (file: unknown) =>
        typeof file === "string" && file !== "" ? path.resolve(folder, file) : file;
    return Object.fromEntries(
        Object.entries(withoutNotes(entry)).map(([key, value]) => {
            if (FILES.includes(key)) {
                return [key, here(value)];
            }
            // A plugin without a slash is looked for on PATH.
            return key === "exec" && isRecord(value) && String(value["command"]).includes("/")
                ? [key, { ...value, command: here(value["command"]) }]
                : [key, value];
        }),
    );
}

function record(value: unknown): Entry {
    return isRecord(value) ? value : {};
}

function text(value: unknown, otherwise: string): string {
    if (typeof value !== "string" || value === "") {
        throw new KubeconfigError(otherwise);
    }
    return value;
}
