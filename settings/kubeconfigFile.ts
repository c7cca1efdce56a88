/** Pure: the part of a user's kubeconfig that one context needs; the rest stays out of the stack's state. */
import * as path from "node:path";
import { ordered } from "../model/ordered";
import { isRecord } from "./stackConfig";
import { parseYaml } from "../model/yaml";

/** What a kubeconfig lacks. The message repeats no part of the file but names. */
class KubeconfigError extends Error {}

type Entry = Readonly<Record<string, unknown>>;

/** Keys of a cluster and of a user that hold paths, which are relative to the kubeconfig. */
const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/**
 * A kubeconfig with one context, its cluster and its user, in an order of its own: a change of anything
 * else in the file is no change of the stack. Credential plugins stay, and so do the files that the
 * kubeconfig names, by their absolute paths.
 *
 * @param folder the kubeconfig's folder, absolute
 * @throws KubeconfigError when the file is no kubeconfig, or has no such context
 */
export function cutKubeconfig(content: string, context: string, folder: string): string {
    const document = parse(content);
    const chosen = record(named(document, "contexts", "context", context));
    const cluster = text(chosen["cluster"], `contexts has no cluster for ${context}`);
    const user = typeof chosen["user"] === "string" ? chosen["user"] : "";
    const server = named(document, "clusters", "cluster", cluster);
    // A context without a user: the server asks for no credentials, or a proxy in front adds them.
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
        // The parser's own message would show a part of the file.
        const [position] = (error as { linePos?: readonly { line: number }[] }).linePos ?? [];
        throw new KubeconfigError(`it is no YAML${position ? `, line ${position.line}` : ""}`);
    }
    if (!isRecord(document)) {
        throw new KubeconfigError("it is no kubeconfig");
    }
    return document;
}

/** The entry of a name in a list: the first one, as Kubernetes' clients take it. */
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

/**
 * The extension that credential plugins read. Others are left out: minikube, for one, changes its own at each start.
 */
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
            // A command without a slash is found by PATH.
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
