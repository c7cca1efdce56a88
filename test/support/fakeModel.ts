/** An OpenAI-compatible endpoint that answers PONG to everyone who has the key. */
import { createServer, type Server } from "node:http";

/** A running endpoint. */
export interface FakeModel {
    readonly port: number;
    readonly key: string;
    /** Authorization headers it has been sent. */
    readonly seen: readonly (string | undefined)[];
    close(): void;
}

/** Name of its one model. */
export const MODEL = "fake-1";

const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        created: 1,
        model: MODEL,
        choices: [{ index: 0, delta, finish_reason: finish }],
    })}\n\n`;

const USAGE = `data: ${JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: MODEL,
    choices: [],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})}\n\n`;

/** Starts it on every address of this machine: sandboxes reach it on their bridge's. */
export async function startFakeModel(key: string): Promise<FakeModel> {
    const seen: (string | undefined)[] = [];
    const server: Server = createServer((request, response) => {
        seen.push(request.headers.authorization);
        request.resume();
        request.on("end", () => {
            if (request.headers.authorization !== `Bearer ${key}`) {
                response.writeHead(401).end();
                return;
            }
            response.writeHead(200, { "content-type": "text/event-stream" });
            response.write(chunk({ role: "assistant", content: "PO" }, null));
            response.write(chunk({ content: "NG" }, null));
            response.write(chunk({}, "stop"));
            response.end(`${USAGE}data: [DONE]\n\n`);
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const { port } = server.address() as { port: number };
    return { port, key, seen, close: () => server.close() };
}
