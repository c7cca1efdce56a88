/** What OpenClaw says to its page when that connects, as a browser would, from some origin. */
import { request } from "node:http";

/** A frame of a client: a text, masked with zeros. */
function frame(text: string): Buffer {
    const payload = Buffer.from(text);
    const header = Buffer.alloc(8);
    header[0] = 0x81;
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
    return Buffer.concat([header, payload]);
}

const CONNECT = JSON.stringify({
    type: "req",
    id: "1",
    method: "connect",
    params: {
        minProtocol: 4,
        maxProtocol: 4,
        client: { id: "openclaw-control-ui", version: "test", platform: "linux", mode: "webchat" },
        role: "operator",
        scopes: [],
    },
});

/**
 * Connects with a host name and an origin, and with no device of its own.
 *
 * @param url where the page is published
 * @returns the code with which it is turned away
 */
export function pageAnswer(url: string, origin: string): Promise<string> {
    return new Promise((resolve, reject) => {
        const call = request(url, {
            headers: {
                host: new URL(origin).host,
                origin,
                connection: "Upgrade",
                upgrade: "websocket",
                "sec-websocket-version": "13",
                "sec-websocket-key": "c2FuZGJveC1nYXRld2F5LQ==",
            },
        });
        call.setTimeout(30_000, () => call.destroy(new Error("no answer in 30 s")));
        call.on("error", reject);
        call.on("response", (response) => {
            response.resume();
            resolve(`HTTP ${response.statusCode}`);
        });
        call.on("upgrade", (_, socket, head) => {
            let seen = "";
            const read = (data: Buffer) => {
                seen += data.toString("latin1");
                const code = /"details":\{"code":"([A-Z_]+)"/.exec(seen)?.[1];
                if (code !== undefined) {
                    socket.destroy();
                    resolve(code);
                }
            };
            socket.on("data", read);
            socket.on("error", reject);
            socket.on("close", () => reject(new Error(`closed after: ${seen}`)));
            read(head);
            socket.write(frame(CONNECT));
        });
        call.end();
    });
}
