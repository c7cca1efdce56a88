/** Reading one object of a cluster, from a server that answers as an API server does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { listObjects, pathOf, readObject } from "../../components/cluster/api";
import { proxyOf } from "../../components/cluster/apiProxy";
import { issueAuthority, issueClient, type KeyPair } from "../../components/gateway/pki";

const NAMESPACE = { apiVersion: "v1", kind: "Namespace", name: "agents" };

interface Seen {
    readonly url: string;
    readonly authorization: string | undefined;
}

let server: Server;
let seen: Seen[];
let answer: { status: number; body: string };

beforeEach(async () => {
    for (const name of [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "SSL_CERT_FILE",
    ]) {
        vi.stubEnv(name, undefined);
    }
    seen = [];
    server = createServer(({ url = "", headers }, response) => {
        seen.push({ url, authorization: headers.authorization });
        response.writeHead(answer.status, { "Content-Type": "application/json" });
        response.end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
});

const portOf = (of: Server) => (of.address() as AddressInfo).port;

/** A kubeconfig of two contexts; the current one leads nowhere. */
function kubeconfig(user: object = { token: "t" }, cluster: object = {}): string {
    return JSON.stringify({
        "current-context": "other",
        clusters: [
            { name: "here", cluster: { server: `http://127.0.0.1:${portOf(server)}`, ...cluster } },
            { name: "nowhere", cluster: { server: "https://127.0.0.1:1" } },
        ],
        users: [{ name: "me", user }],
        contexts: [
            { name: "wanted", context: { cluster: "here", user: "me" } },
            { name: "other", context: { cluster: "nowhere", user: "me" } },
            { name: "broken", context: { cluster: "missing", user: "me" } },
        ],
    });
}

const read = (content = kubeconfig(), context = "wanted") =>
    readObject({ kubeconfig: content, context }, NAMESPACE);

const says = (status: number, body: unknown) => {
    answer = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
};

const notFound = (name: string) => ({
    ...{ kind: "Status", status: "Failure", reason: "NotFound", message: "not found" },
    details: { name, kind: "namespaces" },
});

describe("an object", () => {
    it("is found by the context that is asked for, with its credentials", async () => {
        says(200, { kind: "Namespace", metadata: { labels: { a: "b" } } });
        expect(await read()).toEqual({ kind: "Namespace", metadata: { labels: { a: "b" } } });
        expect(seen).toEqual([{ url: "/api/v1/namespaces/agents", authorization: "Bearer t" }]);
    });

    it("is found below a path of the server's, with a password", async () => {
        says(200, { kind: "Namespace" });
        const at = { server: `http://127.0.0.1:${portOf(server)}/k8s/c-1/` };
        await read(kubeconfig({ username: "u", password: "p" }, at));
        const basic = Buffer.from("u:p").toString("base64");
        expect(seen).toEqual([
            { url: "/k8s/c-1/api/v1/namespaces/agents", authorization: `Basic ${basic}` },
        ]);
    });

    it("is found with the token of a plugin, which is told what it is for", async () => {
        says(200, { kind: "Namespace" });
        const script = `process.stdout.write(JSON.stringify({status: {token: JSON.stringify([process.env.OWN, JSON.parse(process.env.KUBERNETES_EXEC_INFO).spec.cluster?.server])}}))`;
        const exec = {
            apiVersion: "client.authentication.k8s.io/v1",
            command: process.execPath,
            args: ["-e", script],
            env: [{ name: "OWN", value: "1" }],
            provideClusterInfo: true,
        };
        await read(kubeconfig({ exec }));
        const told = JSON.stringify(["1", `http://127.0.0.1:${portOf(server)}`]);
        expect(seen[0]?.authorization).toBe(`Bearer ${told}`);
    });

    it("is not there only when the API server says so of its name", async () => {
        says(404, notFound("agents"));
        expect(await read()).toBeUndefined();
    });

    it.each([
        ["404 page not found", 404, "404 page not found", "HTTP status 404"],
        ["a path that the server does not have", 404, { ...notFound("x"), details: {} }, "not f"],
        ["another object's absence", 404, notFound("others"), "not found"],
        ["a refusal", 403, { kind: "Status", message: 'User "x" cannot get' }, 'User "x" cannot'],
        ["a page to log in", 200, "<html>", "the answer is no Kubernetes object (HTTP status 200)"],
        ["another kind of object", 200, { kind: "Status" }, "no Kubernetes object"],
        ["nothing", 200, "null", "no Kubernetes object"],
        ["an overload", 503, "", "HTTP status 503"],
    ])("is neither there nor absent by %s", async (_, status, body, message) => {
        says(status, body);
        await expect(read()).rejects.toThrow(message);
    });

    it.each([
        ["a server that does not answer", kubeconfig, "other", "ECONNREFUSED"],
        ["no such context", kubeconfig, "none", "the kubeconfig has no context none"],
        ["no such cluster", kubeconfig, "broken", "no cluster for the context broken"],
        [
            "a plugin that fails",
            () =>
                kubeconfig({
                    exec: { command: process.execPath, args: ["-e", "throw Error('log in')"] },
                }),
            "wanted",
            "log in",
        ],
        [
            "a plugin that is missing",
            () => kubeconfig({ exec: { command: "no-such-plugin" } }),
            "wanted",
            "ENOENT",
        ],
    ])("cannot be told of with %s", async (_, content, context, message) => {
        says(200, { kind: "Namespace" });
        await expect(read(content(), context)).rejects.toThrow(message);
    });

    it("is found through the proxy that the kubeconfig names", async () => {
        says(200, { kind: "Namespace" });
        const through: string[] = [];
        const proxy = createServer(({ url = "", headers }, response) => {
            through.push(url);
            const own = { host: "127.0.0.1", port: portOf(server) };
            const path = new URL(url, "http://x").pathname;
            request({ ...own, path, headers }, (answered) => answered.pipe(response)).end();
        });
        // The library asks for a tunnel where it can.
        proxy.on("connect", ({ url }, socket: Socket) => {
            through.push(String(url));
            const onward = connect(portOf(server), "127.0.0.1", () => {
                socket.write("HTTP/1.1 200 OK\r\n\r\n");
                onward.pipe(socket).pipe(onward);
            });
        });
        await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
        const at = {
            ...{ server: "http://cluster.invalid:6443" },
            "proxy-url": `http://127.0.0.1:${portOf(proxy)}`,
        };
        await read(kubeconfig({}, at)).finally(() => {
            proxy.closeAllConnections();
            proxy.close();
        });
        expect(through).toHaveLength(1);
        expect(through[0]).toContain("cluster.invalid");
    });
});

describe("all objects of a kind", () => {
    const SERVICES = { apiVersion: "v1", kind: "Service", namespace: "agents" };
    const list = () => listObjects({ kubeconfig: kubeconfig(), context: "wanted" }, SERVICES);

    it.each<[string, unknown, unknown[]]>([
        ["some", [{ spec: {} }], [{ spec: {} }]],
        ["none, as Go writes it", null, []],
    ])("are %s", async (_, items, expected) => {
        answer = { status: 200, body: JSON.stringify({ kind: "ServiceList", items }) };
        expect(await list()).toEqual(expected);
        expect(seen[0]?.url).toBe("/api/v1/namespaces/agents/services");
    });

    it.each<[string, number, object, string]>([
        ["is refused", 403, { kind: "Status", message: "forbidden" }, "forbidden"],
        ["is something else", 200, { kind: "Service" }, "the answer is no list (HTTP status 200)"],
    ])("are not taken for none where the answer %s", async (_, status, body, message) => {
        answer = { status, body: JSON.stringify(body) };
        await expect(list()).rejects.toThrow(message);
    });
});

describe("an object of a server with TLS", () => {
    const NAME = "api.example.org";
    let folder: string;
    let authority: KeyPair;
    let tls: Server;
    /** Who has asked, by its certificate. */
    let asked: (string | undefined)[];

    beforeAll(async () => {
        authority = await issueAuthority(NAME);
    });

    beforeEach(async () => {
        folder = mkdtempSync(path.join(os.tmpdir(), "cluster-api-"));
        asked = [];
        const { cert, key } = authority;
        tls = createTlsServer(
            { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false },
            ({ socket }, response) => {
                const { subject } = (socket as TLSSocket).getPeerCertificate();
                asked.push(subject?.CN as string | undefined);
                response.end(JSON.stringify({ kind: "Namespace" }));
            },
        );
        await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    });

    afterEach(async () => {
        rmSync(folder, { recursive: true });
        tls.closeAllConnections();
        await new Promise((resolve) => tls.close(resolve));
    });

    const base64 = (text: string) => Buffer.from(text).toString("base64");

    const readTls = (cluster: object, user: object = {}) =>
        read(
            kubeconfig(user, {
                ...{ server: `https://127.0.0.1:${portOf(tls)}`, "tls-server-name": NAME },
                ...cluster,
            }),
        );

    it("is found with the authority and the certificate of the kubeconfig", async () => {
        const subject = { commonName: "admin", organization: "o" };
        const { cert, key } = await issueClient(authority, subject);
        const user = {
            "client-certificate-data": base64(cert),
            "client-key-data": base64(key),
        };
        await readTls({ "certificate-authority-data": base64(authority.cert) }, user);
        expect(asked).toEqual(["admin"]);
    });

    it.runIf(process.platform === "linux")("is found with the system's authorities", async () => {
        const file = path.join(folder, "authorities.pem");
        writeFileSync(file, authority.cert);
        vi.stubEnv("SSL_CERT_FILE", file);
        await readTls({});
        expect(asked).toHaveLength(1);
    });

    it("is not asked for of a server that nobody vouches for", async () => {
        await expect(readTls({})).rejects.toThrow("self-signed certificate");
        expect(asked).toEqual([]);
    });
});

it.each([
    ["v1", "Namespace", undefined, "/api/v1/namespaces/x"],
    ["v1", "PersistentVolumeClaim", "n", "/api/v1/namespaces/n/persistentvolumeclaims/x"],
    ["v1", "ConfigMap", "n", "/api/v1/namespaces/n/configmaps/x"],
    ["apps/v1", "StatefulSet", "n", "/apis/apps/v1/namespaces/n/statefulsets/x"],
    [
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "n",
        "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/x",
    ],
    ["storage.k8s.io/v1", "StorageClass", undefined, "/apis/storage.k8s.io/v1/storageclasses/x"],
])("%s %s in %s is at %s", (apiVersion, kind, namespace, expected) => {
    expect(pathOf({ apiVersion, kind, name: "x", ...(namespace ? { namespace } : {}) })).toBe(
        expected,
    );
});

describe("the proxy of the environment", () => {
    const S = "https://api.example.org:6443";

    it.each([
        [S, {}, undefined],
        [S, { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
        [S, { https_proxy: "p:1" }, "http://p:1"],
        [S, { HTTP_PROXY: "http://p:1" }, undefined],
        ["http://api.example.org", { HTTP_PROXY: "http://p:1" }, "http://p:1"],
        ["https://127.0.0.1:6443", { HTTPS_PROXY: "http://p:1" }, undefined],
        ["https://[::1]:6443", { HTTPS_PROXY: "http://p:1" }, undefined],
        ["https://localhost", { HTTPS_PROXY: "http://p:1" }, undefined],
    ])("for %s with %j is %s", (address, env, expected) => {
        expect(proxyOf(address, env)).toBe(expected);
    });

    it.each([
        ["*", true],
        ["example.org", true],
        [".example.org", true],
        ["*.example.org", true],
        ["api.example.org", true],
        ["x, API.example.org", true],
        ["api.example.org:6443", true],
        ["api.example.org:443", false],
        [".api.example.org", false],
        ["ple.org", false],
        ["", false],
    ])("leaves out what NO_PROXY=%s names: %s", (exceptions, direct) => {
        const env = { HTTPS_PROXY: "http://p:1", NO_PROXY: exceptions };
        expect(proxyOf(S, env)).toBe(direct ? undefined : "http://p:1");
    });

    it.each([
        ["https://10.1.2.3", "10.0.0.0/8", true],
        ["https://10.1.2.3", "10.1.2.3", true],
        ["https://10.1.2.3:6443", "10.1.2.3:6443", true],
        ["https://10.1.2.3", "10.1.2.30", false],
        ["https://11.1.2.3", "10.0.0.0/8", false],
        ["https://11.1.2.3", "10.0.0.0/99", false],
        ["https://[fd00::1]:6443", "fd00::/8", true],
        ["https://[fd00::1]:6443", "fd00::1", true],
        ["https://10.1.2.3", "fd00::/8", false],
    ])("to %s, NO_PROXY=%s leaves it out: %s", (address, exceptions, direct) => {
        const env = { HTTPS_PROXY: "http://p:1", no_proxy: exceptions };
        expect(proxyOf(address, env)).toBe(direct ? undefined : "http://p:1");
    });
});
