/** The connection to the daemon: provider configuration -> Docker client, and errors in plain words. */

import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { PluginError } from "../host/plugin";
import type { CheckFailure } from "../host/plugin";
import { asObjects, asString, isObj } from "../host/values";
import type { Json, Obj } from "../host/values";

const DEFAULT_HOST = "unix:///var/run/docker.sock";

const IMPLEMENTED = new Set([
    "host",
    "caMaterial",
    "certMaterial",
    "keyMaterial",
    "certPath",
    "registryAuth",
    // The daemon is never checked before it is needed, so there is nothing to switch off.
    "disableDockerDaemonCheck",
    "version",
]);

export interface RegistryAuth {
    readonly address: string;
    readonly username: string;
    readonly password: string;
}

/** Provider inputs that this stand-in does not implement, or cannot read. */
export function checkProviderConfig(config: Obj): CheckFailure[] {
    const failures: CheckFailure[] = [];
    for (const key of Object.keys(config)) {
        if (key.startsWith("__") || IMPLEMENTED.has(key)) {
            continue;
        }
        const reason =
            "this provider input is not implemented by the stand-in for the docker plugin; " +
            `implemented: ${[...IMPLEMENTED].filter((k) => k !== "version").join(", ")}`;
        failures.push({ property: key, reason });
    }
    for (const entry of asObjects(decoded(config.registryAuth))) {
        for (const key of ["configFile", "configFileContent"].filter((k) => entry[k])) {
            const reason = `${key} is not implemented by the stand-in; give address, username and password`;
            failures.push({ property: "registryAuth", reason });
        }
    }
    const host = asString(config.host);
    if (host) {
        try {
            parseHost(host);
        } catch (error) {
            failures.push({ property: "host", reason: (error as Error).message });
        }
    }
    return failures;
}

/** Nested provider configuration travels as JSON text. */
function decoded(value: Json | undefined): Json {
    if (typeof value !== "string") {
        return value ?? null;
    }
    try {
        return JSON.parse(value) as Json;
    } catch {
        return value;
    }
}

export function registryAuths(config: Obj): RegistryAuth[] {
    return asObjects(decoded(config.registryAuth))
        .filter((entry) => entry.authDisabled !== true)
        .map((entry) => ({
            address: asString(entry.address) ?? "",
            username: asString(entry.username) ?? "",
            password: asString(entry.password) ?? "",
        }));
}

export interface Endpoint {
    readonly protocol: "unix" | "tcp" | "http" | "https" | "ssh";
    readonly path?: string;
    readonly host?: string;
    readonly port?: number;
    readonly user?: string;
}

const DEFAULT_PORT = { tcp: 2375, http: 2375, https: 2376, ssh: 22 } as const;

/** unix:///path, tcp://host:port, http(s)://host:port or ssh://user@host:port. */
export function parseHost(host: string): Endpoint {
    const unix = /^unix:\/\/(\/.+)$/.exec(host);
    if (unix?.[1]) {
        return { protocol: "unix", path: unix[1] };
    }
    const match = /^(tcp|https?|ssh):\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(
        host,
    );
    if (!match) {
        throw new PluginError(
            `docker host "${host}" is not understood; expected something like ` +
                `"${DEFAULT_HOST}", "tcp://10.0.0.5:2375" or "ssh://user@build-host"`,
        );
    }
    const protocol = match[1] as keyof typeof DEFAULT_PORT;
    return {
        protocol,
        host: (match[3] ?? "").replace(/^\[|\]$/g, ""),
        port: match[4] ? Number(match[4]) : DEFAULT_PORT[protocol],
        ...(match[2] && { user: match[2] }),
    };
}

/** The daemon's address: provider input, else DOCKER_HOST, else the usual socket. */
export function hostOf(config: Obj, env: NodeJS.ProcessEnv): string {
    return asString(config.host) || env.DOCKER_HOST || DEFAULT_HOST;
}

export function connect(config: Obj, env: NodeJS.ProcessEnv): Docker {
    const endpoint = parseHost(hostOf(config, env));
    if (endpoint.protocol === "unix") {
        return new Docker({ socketPath: endpoint.path });
    }
    const { host, port } = endpoint;
    if (endpoint.protocol === "ssh") {
        const username = endpoint.user ?? userInfo().username;
        const sshOptions = sshLogin(env);
        return new Docker({ protocol: "ssh", host, port, username, sshOptions });
    }
    const tls = tlsMaterial(config, env);
    const protocol = tls || endpoint.protocol === "https" ? "https" : "http";
    return new Docker({ protocol, host, port, ...tls });
}

/** The agent if there is one, else the usual key files. */
function sshLogin(env: NodeJS.ProcessEnv): { agent?: string; privateKey?: Buffer } {
    if (env.SSH_AUTH_SOCK) {
        return { agent: env.SSH_AUTH_SOCK };
    }
    for (const name of ["id_ed25519", "id_ecdsa", "id_rsa"]) {
        try {
            return { privateKey: readFileSync(join(homedir(), ".ssh", name)) };
        } catch {
            // Not there: the next one.
        }
    }
    return {};
}

function tlsMaterial(
    config: Obj,
    env: NodeJS.ProcessEnv,
): { ca: string; cert: string; key: string } | undefined {
    const given = ["caMaterial", "certMaterial", "keyMaterial"].map((k) => asString(config[k]));
    if (given.every((text) => text)) {
        const [ca = "", cert = "", key = ""] = given;
        return { ca, cert, key };
    }
    const folder = asString(config.certPath) || env.DOCKER_CERT_PATH;
    if (!folder) {
        return undefined;
    }
    const read = (name: string) => {
        try {
            return readFileSync(join(folder, name), "utf8");
        } catch (error) {
            throw new PluginError(
                `certPath "${folder}" must hold ca.pem, cert.pem and key.pem: ${(error as Error).message}`,
            );
        }
    };
    return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

const UNREACHABLE = new Set([
    "ENOENT",
    "ECONNREFUSED",
    "EACCES",
    "EPERM",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "ETIMEDOUT",
    "EAI_AGAIN",
]);

export function statusCode(error: unknown): number | undefined {
    const code = isErrorLike(error) ? error.statusCode : undefined;
    return typeof code === "number" ? code : undefined;
}

/** The daemon's own words for what it refused. */
export function daemonMessage(error: unknown): string {
    if (!isErrorLike(error)) {
        return String(error);
    }
    const body = error.json as Json | undefined;
    const words = isObj(body) ? body.message : undefined;
    const message = typeof error.message === "string" ? error.message : "no reason given";
    return (typeof words === "string" ? words : message).trim();
}

function isErrorLike(error: unknown): error is Record<string, unknown> {
    return typeof error === "object" && error !== null;
}

/** What went wrong, as the real plugin words it; for a daemon out of reach, what to do about it. */
export function explain(what: string, error: unknown, host: string): PluginError {
    if (error instanceof PluginError) {
        return error;
    }
    const code = isErrorLike(error) && typeof error.code === "string" ? error.code : "";
    const status = statusCode(error);
    // Without a status nobody answered as a daemon would; the ssh client gives no error codes.
    const lost = /connection (lost|closed)|socket hang up|ssh|authentication/i;
    if (status === undefined && (UNREACHABLE.has(code) || lost.test(daemonMessage(error)))) {
        const hint =
            code === "EACCES" || code === "EPERM"
                ? "this user may not use it (is it in the docker group?)"
                : 'check that the daemon runs ("docker info") or set docker:host or DOCKER_HOST';
        return new PluginError(
            `${what}: cannot reach the Docker daemon at ${host}: ${daemonMessage(error)}; ${hint}`,
        );
    }
    const from = status === undefined ? "" : "Error response from daemon: ";
    return new PluginError(`${what}: ${from}${daemonMessage(error)}`);
}
