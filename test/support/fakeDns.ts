/** A DNS server that knows some names, and denies every other. */
import { createSocket } from "node:dgram";

/** A running server. */
export interface FakeDns {
    /** Names it was asked for. */
    readonly asked: ReadonlySet<string>;
    close(): void;
}

const HEADER = 12;

/** The question's name, and where its type begins. */
function question(message: Buffer): { name: string; end: number } {
    const labels: string[] = [];
    let at = HEADER;
    while (message[at]) {
        const length = message[at] as number;
        labels.push(message.toString("latin1", at + 1, at + 1 + length));
        at += 1 + length;
    }
    return { name: labels.join(".").toLowerCase(), end: at + 1 };
}

function answer(message: Buffer, known: ReadonlyMap<string, string>, asked: Set<string>): Buffer {
    const { name, end } = question(message);
    asked.add(name);
    const ip = known.get(name);
    const isKnown = ip !== undefined;
    const hasAddress = isKnown && message.readUInt16BE(end) === 1;
    const header = Buffer.alloc(HEADER);
    message.copy(header, 0, 0, 2);
    // An answer, recursion available; 3 is "no such name".
    header.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(hasAddress ? 1 : 0, 6);
    const record = Buffer.from([0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
    const address = Buffer.from((ip ?? "").split(".").map(Number));
    return Buffer.concat([
        header,
        message.subarray(HEADER, end + 4),
        ...(hasAddress ? [record, address] : []),
    ]);
}

/** Starts it on UDP port 53 of an address of this machine, which has to be free. */
export async function startFakeDns(
    address: string,
    known: Readonly<Record<string, string>>,
): Promise<FakeDns> {
    const asked = new Set<string>();
    const names = new Map(Object.entries(known));
    const socket = createSocket("udp4");
    socket.on("message", (message, { address: to, port }) => {
        socket.send(answer(message, names, asked), port, to);
    });
    await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(53, address, resolve);
    });
    return { asked, close: () => socket.close() };
}
