/** Some hosts of the internet, on an address of this machine that looks like one of it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import type { TLSSocket } from "node:tls";
import { startFakeDns, type FakeDns } from "./fakeDns";
import { attempt, run } from "./run";

/** A request that a host was sent. */
export interface Seen {
    readonly host: string | undefined;
    /** The name that TLS told. @default none: plain HTTP */
    readonly servername?: string;
    readonly url: string;
    readonly authorization?: string;
}

/** Names of hosts and where they are; all of them are one machine with one address. */
export class Internet {
    /** Requests, in order. */
    readonly seen: Seen[] = [];

    private constructor(
        /** The address of all of them. */
        readonly address: string,
        readonly dns: FakeDns,
        /** A file with the certificate that all of them have. */
        readonly certificate: string,
        private readonly servers: http.Server[],
        private readonly folder: string,
    ) {}

    /**
     * Starts them, on ports 80 and 443.
     *
     * @param hosts names for certificate and DNS
     * @param elsewhere names that DNS gives other addresses
     * @param key of the model that each of them is, under /v1
     */
    static async start(
        hosts: readonly string[],
        elsewhere: Readonly<Record<string, string>>,
        key: string,
    ): Promise<Internet> {
        // For documentation: to a gateway a public address like any other, and nobody's.
        const address = `203.0.113.${(process.pid % 250) + 1}`;
        await run("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
        const folder = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-internet-"));
        const [cert, private_] = [path.join(folder, "cert.pem"), path.join(folder, "key.pem")];
        execFileSync("openssl", [
            ...["req", "-x509", "-newkey", "rsa:2048", "-nodes"],
            ...["-keyout", private_, "-out", cert, "-days", "30", "-subj", `/CN=${hosts[0]}`],
            ...["-addext", `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(",")}`],
        ]);
        const known = Object.fromEntries(hosts.map((host) => [host, address]));
        const dns = await startFakeDns(address, { ...known, ...elsewhere });
        const servers: http.Server[] = [];
        const internet = new Internet(address, dns, cert, servers, folder);
        const answer: http.RequestListener = (request, response) =>
            internet.answer(request, response, key);
        // As much as busybox understands, too.
        const ciphers = "ALL@SECLEVEL=0";
        const pair = { key: readFileSync(private_), cert: readFileSync(cert), ciphers };
        servers.push(http.createServer(answer), https.createServer(pair, answer));
        await Promise.all(
            servers.map(
                (server, index) =>
                    new Promise<void>((resolve, reject) => {
                        server.once("error", reject);
                        server.listen(index === 0 ? 80 : 443, address, resolve);
                    }),
            ),
        );
        return internet;
    }

    private answer(
        request: http.IncomingMessage,
        response: http.ServerResponse,
        key: string,
    ): void {
        const { headers, url = "" } = request;
        const { servername } = request.socket as Partial<TLSSocket>;
        this.seen.push({
            host: headers.host,
            ...(typeof servername === "string" ? { servername } : {}),
            url,
            ...(headers.authorization === undefined
                ? {}
                : { authorization: headers.authorization }),
        });
        request.resume();
        if (url.startsWith("/v1/")) {
            const isKnown = headers.authorization === `Bearer ${key}`;
            response.writeHead(isKnown ? 200 : 401).end(isKnown ? "PONG\n" : "who are you?\n");
        } else if (url.startsWith("/to/")) {
            response.writeHead(302, { location: `https://${url.slice("/to/".length)}` }).end();
        } else if (url === "/slow") {
            this.drip(response, 40);
        } else {
            response.end(`this is ${headers.host}\n`);
        }
    }

    /** A line every half second. */
    private drip(response: http.ServerResponse, left: number): void {
        if (left === 0) {
            response.end("the end\n");
            return;
        }
        response.write(`${left}\n`);
        setTimeout(() => this.drip(response, left - 1), 500);
    }

    /** Ends them, and gives the address back. */
    async stop(): Promise<void> {
        for (const server of this.servers) {
            server.close();
            server.closeAllConnections();
        }
        this.dns.close();
        rmSync(this.folder, { recursive: true, force: true });
        await attempt("ip", ["address", "del", `${this.address}/32`, "dev", "lo"]);
    }
}
