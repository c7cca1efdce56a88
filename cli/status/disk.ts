/** The disk of a gateway's data volume: whether it is nearly full, and of which workspace. */
import { K3S_DATA_DIR } from "../../model/constants";

/** Of room, and of room for further files, below which it is said. */
const SHORT = 0.05;

/** Workspaces that are named. */
const NAMED = 3;

/** Seconds that adding up workspaces may take. */
const SUM_SECONDS = 20;

/** Room on a file system, in KiB or in files. */
interface Room {
    readonly total: number;
    readonly free: number;
}

/** One kind of room that is short. */
interface Shortage extends Room {
    readonly kind: "bytes" | "files";
}

/** Runs a shell script in the gateway's container. */
type Run = (script: string) => Promise<string>;

/** Warnings about the disk; none when there is room. @param run may fail: what is not known is not said */
export async function diskWarnings(run: Run): Promise<string[]> {
    try {
        const found = await run(`df -Pk ${K3S_DATA_DIR}; df -Pi ${K3S_DATA_DIR}`);
        return await Promise.all(
            shortages(found).map(async (shortage) => {
                const script = `cd ${K3S_DATA_DIR}/storage && timeout ${SUM_SECONDS} du -sk${
                    shortage.kind === "files" ? " --inodes" : ""
                } */*`;
                const sums = await run(script).catch(() => "");
                return warningOf(shortage, largest(sums));
            }),
        );
    } catch {
        return [];
    }
}

/** What is short, as two tables of `df -P` say: KiB, and files. */
export function shortages(tables: string): Shortage[] {
    const [bytes, files] = [...tables.matchAll(/^\S+ +(\d+) +\d+ +(\d+) +\S+ +\//gm)].map(
        ([, total, free]): Room => ({ total: Number(total), free: Number(free) }),
    );
    const kinds = [
        { kind: "bytes" as const, room: bytes },
        { kind: "files" as const, room: files },
    ];
    return kinds.flatMap(({ kind, room }) =>
        // File systems that make room for files as they need it count none.
        room && room.total > 0 && room.free / room.total < SHORT ? [{ kind, ...room }] : [],
    );
}

/** The largest workspaces of what `du -s` says of `NAMESPACE/CLAIM`, largest first. */
function largest(sums: string): { claim: string; size: number }[] {
    return [...sums.matchAll(/^(\d+)\s+[^/\n]+\/([^/\n]+)$/gm)]
        .map(([, size, claim = ""]) => ({ claim, size: Number(size) }))
        .sort((a, b) => b.size - a.size)
        .slice(0, NAMED);
}

function warningOf(
    { kind, total, free }: Shortage,
    workspaces: readonly { claim: string; size: number }[],
): string {
    const amount = (n: number) => (kind === "bytes" ? gib(n) : `${n} files`);
    const lack = kind === "bytes" ? "nearly full" : "nearly out of room for further files";
    const most = workspaces.map(({ claim, size }) => `${claim} ${amount(size)}`);
    return [
        `the disk of the data volume is ${lack}: ${amount(free)} of ${amount(total)} left`,
        ...(most.length === 0 ? [] : [`largest workspaces: ${most.join(", ")}`]),
        'how to make room: docs/operations.md, "A full disk"',
    ].join("; ");
}

/** Of KiB. */
function gib(size: number): string {
    return `${(size / 2 ** 20).toFixed(1)} GiB`;
}
