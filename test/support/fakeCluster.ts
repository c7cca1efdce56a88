/** The API of a cluster, as far as its namespaces go: a server on this machine, and a kubeconfig for it. */
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Path of a namespace in the API. */
const NAMESPACE = /^\/api\/v1\/namespaces\/([^/]+)$/;

/** A cluster that has some namespaces, and nothing else. */
export class FakeCluster {
    /** Annotations of each namespace that is there. */
    readonly namespaces = new Map<string, Readonly<Record<string, string>>>();
    /** What it was asked: method and path. */
    readonly asked: string[] = [];
    /** Answers each question with this HTTP status and a refusal. @default it answers */
    refuses: number | undefined;

    private constructor(private readonly server: Server) {}

    /** Starts it on this machine's loopback. */
    static async start(): Promise<FakeCluster> {
        const server = createServer((request, response) => {
            const { status, body } = cluster.answer(`${request.method} ${request.url}`);
            response.writeHead(status, { "Content-Type": "application/json" });
            response.end(JSON.stringify(body));
        });
        const cluster = new FakeCluster(server);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return cluster;
    }

    /** Address of its API. */
    get url(): string {
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    /** Writes a kubeconfig with one context. */
    writeKubeconfig(file: string, context: string): void {
        const content = {
            clusters: [{ name: "c", cluster: { server: this.url } }],
            users: [{ name: "u", user: { token: "t" } }],
            contexts: [{ name: context, context: { cluster: "c", user: "u" } }],
        };
        writeFileSync(file, JSON.stringify(content));
    }

    /** Ends it; whoever asks then is refused the connection. */
    async close(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }

    private answer(question: string): { status: number; body: object } {
        this.asked.push(question);
        const [, name = ""] = NAMESPACE.exec(question.replace(/^GET /, "")) ?? [];
        const annotations = this.namespaces.get(name);
        const failed = { kind: "Status", status: "Failure", details: { name } };
        if (this.refuses !== undefined) {
            const message = 'User "u" cannot get resource "namespaces"';
            return { status: this.refuses, body: { ...failed, message } };
        }
        return annotations === undefined
            ? { status: 404, body: { ...failed, reason: "NotFound", message: "not found" } }
            : { status: 200, body: { kind: "Namespace", metadata: { name, annotations } } };
    }
}
