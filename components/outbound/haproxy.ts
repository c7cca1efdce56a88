/**
 * Pure: HAProxy's configuration, for version 3.2. Connections of a sandbox come to ports of its own. Which
 * host is meant, TLS says in clear before anything else, and HTTP in its request: TLS stays whole from the
 * sandbox to that host, and nothing here holds a certificate for it.
 */
import { HTTP_PORT, INFERENCE_HOST, namesOf, portsOf, type HostRule } from "../../model/hosts";
import type { Client, Listener, Listeners } from "./listeners";

/** Port that tells the kubelet that it works. */
export const HEALTH_PORT = 8404;

/** What became of a connection, in the log. */
export type Verdict =
    /** Handed on. */
    | "allowed"
    /** No rule names the host. */
    | "not-listed"
    /** What was said is no TLS that names a host. */
    | "no-tls"
    /** The host has no address. */
    | "no-address"
    /** Its address is one of a private network, which the rule does not allow. */
    | "private-address"
    /** What is asked of the model's server lies outside the base URL. */
    | "outside-base-url";

/** Where a sandbox's model is. */
export interface Endpoint {
    readonly tls: boolean;
    readonly host: string;
    readonly port: number;
    /** Path that every request begins with, without a slash at its end. */
    readonly path: string;
}

/** One connection at a time is enough for most; this many of one sandbox keep no other out. */
const CONNECTIONS = 256;

const HEAD = `# Written by sandbox-gateway; a change here is undone by the next \`pulumi up\`.
global
    log stdout format raw local0
    # What is under way when a new configuration comes goes on beside it.
    grace 2s
    hard-stop-after 5m

defaults
    log global
    maxconn ${CONNECTIONS}
    timeout connect 10s
    timeout http-request 10s
    timeout http-keep-alive 1m
    # A model may think for long before its first word.
    timeout client 1h
    timeout server 1h
    timeout client-fin 10s
    timeout server-fin 10s
    option dontlognull
    # When it is known what becomes of a connection, not when it ends.
    option logasap

resolvers cluster
    parse-resolv-conf
    resolve_retries 3
    timeout resolve 2s
    timeout retry 2s
    hold valid 10s
    # Soon again, what was not to be had: at a start of a gateway its names come up beside this.
    hold nx 2s
    hold refused 2s
    hold timeout 2s
    hold other 2s

frontend health
    mode http
    bind :${HEALTH_PORT}
    monitor-uri /healthy
    no log

backend tls
    mode tcp
    server any 0.0.0.0:0

backend http
    mode http
    http-reuse never
    server any 0.0.0.0:0
`;

/**
 * The part without secrets.
 *
 * @param privateNetworks what counts as a private network: every one that is not the internet's
 */
export function renderProxy(
    clients: readonly Client[],
    listeners: ReadonlyMap<string, Listeners>,
    privateNetworks: readonly string[],
): string {
    const frontends = clients.flatMap((client) =>
        (listeners.get(client.sandbox)?.tcp ?? []).map((listener) =>
            listener.port === HTTP_PORT
                ? http(client, listener, privateNetworks)
                : tls(client, listener, privateNetworks),
        ),
    );
    return [HEAD, ...frontends].join("\n");
}

/** Name of the variable with a sandbox's key: a variable may be longer than a line. */
export function keyVariable(sandbox: string): string {
    return `INFERENCE_KEY_${sandbox.replaceAll("-", "_")}`;
}

/** Name of the backend that is a sandbox's model. */
const modelOf = (sandbox: string) => `model-${sandbox}`;

/**
 * The part that is secret: where the models are.
 *
 * @param hasKey whether the server wants a key; it is in `keyVariable`
 * @param authorities folder of certificates that are trusted
 */
export function renderModel(
    sandbox: string,
    endpoint: Endpoint,
    hasKey: boolean,
    authorities: string,
): string {
    const { tls: encrypted, host, port, path } = endpoint;
    const isAddress = /^[\d.]+$/.test(host);
    const usual = port === (encrypted ? 443 : HTTP_PORT);
    const options = encrypted
        ? ` ssl verify required ca-file ${quote(authorities)} sni str(${host}) verifyhost ${host}`
        : "";
    const inside = `path -m beg ${quote(`${path}/`)}`;
    return lines(
        `backend ${modelOf(sandbox)}`,
        "mode http",
        ...verdict("outside-base-url"),
        `http-request deny deny_status 403 unless { ${inside} }${path === "" ? "" : ` or { path ${quote(path)} }`}`,
        "http-request deny deny_status 403 if { path,url_dec -m sub /../ /./ } or { path,url_dec -m end /.. }",
        ...verdict("no-address"),
        ...(isAddress
            ? [`http-request set-var(txn.address) str(${host}),ipmask(32)`]
            : resolve("http-request", `str(${host})`)),
        'http-request deny deny_status 502 content-type text/plain string "the address of the model is not found\\n" unless { var(txn.address) -m found }',
        ...verdict("allowed"),
        `http-request set-header host ${quote(usual ? host : `${host}:${port}`)}`,
        hasKey
            ? `http-request set-header authorization "Bearer %[env(${keyVariable(sandbox)})]"`
            : "http-request del-header authorization",
        "http-request set-dst var(txn.address)",
        `http-request set-dst-port int(${port})`,
        `server any 0.0.0.0:0${options}`,
    );
}

/** Connections whose host TLS tells. */
function tls({ sandbox, hosts }: Client, { port, target }: Listener, near: readonly string[]) {
    return lines(
        `frontend ${sandbox}-${port}`,
        "mode tcp",
        `bind :${target}`,
        logFormat(sandbox, port),
        ...listed(hosts, port, near),
        "tcp-request inspect-delay 10s",
        "tcp-request content set-var(txn.verdict) str(no-tls)",
        "tcp-request content reject unless { req.ssl_hello_type 1 }",
        "tcp-request content reject unless { req.ssl_sni -m found }",
        "tcp-request content set-var(txn.host) req.ssl_sni,lower",
        "tcp-request content set-var(txn.verdict) str(not-listed)",
        "tcp-request content reject unless listed",
        "tcp-request content set-var(txn.verdict) str(no-address)",
        ...resolve("tcp-request content", "var(txn.host)"),
        "tcp-request content reject unless { var(txn.address) -m found }",
        "tcp-request content set-var(txn.verdict) str(private-address)",
        "tcp-request content reject if near !private",
        "tcp-request content set-var(txn.verdict) str(allowed)",
        "tcp-request content set-dst var(txn.address)",
        `tcp-request content set-dst-port int(${port})`,
        "default_backend tls",
    );
}

/** Connections whose host each request tells: those to the model, and to what is not encrypted. */
function http(client: Client, { port, target }: Listener, near: readonly string[]) {
    const { sandbox, hosts, inference } = client;
    const model = inference ? " !model" : "";
    return lines(
        `frontend ${sandbox}-${port}`,
        "mode http",
        `bind :${target}`,
        logFormat(sandbox, port),
        ...listed(hosts, port, near),
        ...(inference ? [`acl model var(txn.host) -m str ${INFERENCE_HOST}`] : []),
        "http-request set-var(txn.host) req.hdr(host),host_only,lower",
        "http-request set-var(txn.verdict) str(not-listed)",
        refuse(`unless listed${inference ? " or model" : ""}`, "no rule lists it"),
        "http-request deny deny_status 405 if METH_CONNECT",
        `http-request set-var(txn.verdict) str(no-address) if TRUE${model}`,
        `http-request do-resolve(txn.address,cluster,ipv4) var(txn.host) if TRUE${model}`,
        refuse(
            `unless { var(txn.address) -m found }${inference ? " or model" : ""}`,
            "it has no address",
        ),
        `http-request set-var(txn.verdict) str(private-address) if TRUE${model}`,
        refuse(`if near !private${model}`, "its address is one of a private network"),
        `http-request set-var(txn.verdict) str(allowed) if TRUE${model}`,
        `http-request set-dst var(txn.address) if TRUE${model}`,
        `http-request set-dst-port int(${port}) if TRUE${model}`,
        ...(inference ? [`use_backend ${modelOf(sandbox)} if model`] : []),
        "default_backend http",
    );
}

/** What the rules for a port list; names and networks come in several lines, for a line has an end. */
function listed(hosts: readonly HostRule[], port: number, near: readonly string[]): string[] {
    const rules = hosts.filter((rule) => portsOf(rule).includes(port));
    return [
        ...named("listed", rules),
        ...named(
            "private",
            rules.filter((rule) => rule.private === true),
        ),
        ...near.map((network) => `acl near var(txn.address) -m ip ${network}`),
    ];
}

function named(acl: string, rules: readonly HostRule[]): string[] {
    const { names, suffixes } = namesOf(rules);
    const some = [
        ...names.map((name) => `acl ${acl} var(txn.host) -m str ${name}`),
        ...suffixes.map((suffix) => `acl ${acl} var(txn.host) -m end ${suffix}`),
    ];
    return some.length > 0 ? some : [`acl ${acl} always_false`];
}

function resolve(rule: string, name: string): string[] {
    return [`${rule} do-resolve(txn.address,cluster,ipv4) ${name}`];
}

function verdict(value: Verdict): string[] {
    return [`http-request set-var(txn.verdict) str(${value})`];
}

function refuse(condition: string, reason: string): string {
    return `http-request deny deny_status 403 content-type text/plain lf-string "%[var(txn.host)] is refused by the outbound proxy: ${reason}\\n" ${condition}`;
}

/** Log format: one JSON object a line, without paths, which may hold secrets. */
function logFormat(sandbox: string, port: number): string {
    const fields = [
        "%(at)[accept_date(ms)]",
        `%(sandbox)[str(${sandbox})]`,
        "%(verdict)[var(txn.verdict)]",
        "%(host)[var(txn.host)]",
        `%(port)[int(${port})]`,
        "%(address)[var(txn.address)]",
    ];
    return `log-format "%{+json}o ${fields.join(" ")}"`;
}

/** A word of HAProxy's, as it is written. */
function quote(text: string): string {
    return `'${text.replaceAll("'", "'\\''")}'`;
}

function lines(head: string, ...rest: readonly string[]): string {
    return `${head}\n${rest.map((line) => `    ${line}\n`).join("")}`;
}
