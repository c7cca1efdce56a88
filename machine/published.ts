/** What Pulumi publishes, where it is reached: looked for, and told with its size, before it is fetched. */
import type { Progress } from "../steps/progress";

/** Where the engine and the plugins are published. */
export const PUBLISHED = "https://get.pulumi.com";

/** Seconds until a host counts as out of reach; one that is there answers in one. */
const ANSWER_SECONDS = 8;

/** What is asked for the name of an archive. */
interface Machine {
    /** As `process.platform`. */
    readonly platform: string;
    /** As `process.arch`. */
    readonly arch: string;
}

/** Path of the engine's archive, which its installer fetches. */
export function enginePath(version: string, { platform, arch }: Machine = process): string {
    return `/releases/sdk/pulumi-v${version}-${platform}-${arch}.tar.gz`;
}

/** Path of a plugin's archive, whose names are Go's. */
export function pluginPath(
    name: string,
    version: string,
    { platform, arch }: Machine = process,
): string {
    const go = arch === "x64" ? "amd64" : arch;
    return `/releases/plugins/pulumi-resource-${name}-v${version}-${platform}-${go}.tar.gz`;
}

/** An archive that can be fetched. */
export interface Published {
    /** In bytes. @default the host does not say */
    readonly size?: number;
}

/**
 * Looks for an archive without fetching it.
 *
 * @param url whole address
 * @param seconds time it may take
 * @returns undefined when it is out of reach
 */
export async function findPublished(
    url: string,
    seconds = ANSWER_SECONDS,
): Promise<Published | undefined> {
    try {
        const signal = AbortSignal.timeout(seconds * 1000);
        const answer = await fetch(url, { method: "HEAD", signal });
        const size = Number(answer.headers.get("content-length"));
        return answer.ok ? (size > 0 ? { size } : {}) : undefined;
    } catch {
        return undefined;
    }
}

/** Says what is about to be fetched. */
export function announce(progress: Progress, what: string, size?: number): void {
    const amount = size === undefined ? "size unknown" : megabytes(size);
    progress.print(`     downloading ${what} (${amount})`);
}

/** A size for people, in units of 10^6 bytes as registries and browsers count. */
export function megabytes(size: number): string {
    return `${size < 10e6 ? (size / 1e6).toFixed(1) : Math.round(size / 1e6)} MB`;
}
