/** `make traffic`: what sandboxes have asked the outbound proxy for, and what became of it. */
import { LABEL_OUTBOUND } from "../../model/constants";
import { DNS_CONTAINER, PROXY_CONTAINER } from "../../model/outboundNames";
import { POD_LABELS } from "../../components/outbound/policy";
import { StepError } from "../../steps/errors";
import { reasonOf } from "../../steps/command";
import type { Outputs } from "../stack/outputs";
import { table } from "./summary";
import type { Target } from "./target";
import { parseTraffic, type Attempt } from "./trafficLog";
import { makeTarget } from "../makeTarget";

/** Lines of each log that are read; the kubelet keeps some ten thousand. */
const LINES = 5000;

/** Attempts that are shown in a table. */
const SHOWN = 200;

/** How it is shown, and of whom. */
export interface TrafficOptions {
    /** For programs. */
    readonly json: boolean;
    /** One sandbox alone. @default all */
    readonly sandbox?: string | undefined;
}

/** Prints it, the newest last. */
export async function printTraffic(
    target: Target,
    { sandboxes = [] }: Outputs,
    { json, sandbox }: TrafficOptions,
): Promise<void> {
    const all = await readTraffic(target);
    const known = [...sandboxes, ...all.map((attempt) => attempt.sandbox)];
    if (sandbox !== undefined && !known.includes(sandbox)) {
        throw new StepError(
            `SANDBOX: got ${sandbox}; expected one of ${[...new Set(known)].join(", ") || "none: there is no sandbox yet"}`,
            makeTarget("status"),
        );
    }
    const attempts = all.filter((attempt) => sandbox === undefined || attempt.sandbox === sandbox);
    process.stdout.write(
        json ? `${JSON.stringify(attempts, undefined, 2)}\n` : `${renderTraffic(attempts)}\n`,
    );
}

/** Everything that the proxy's pods still know, by time. @throws StepError when they cannot be asked */
async function readTraffic(target: Target): Promise<Attempt[]> {
    const { state, detail, next } = await target.look();
    if (state !== "running" || target.namespace === undefined) {
        throw new StepError(
            `the outbound proxy cannot be asked: ${target.title} is ${state === "running" ? "empty" : state}${detail === undefined ? "" : ` (${detail})`}`,
            next ?? makeTarget("start"),
        );
    }
    const read = (container: string) =>
        target.inNamespace(
            ...["logs", "--selector", `${LABEL_OUTBOUND}=${POD_LABELS[LABEL_OUTBOUND]}`],
            ...["--container", container, "--timestamps", `--tail=${LINES}`],
        );
    try {
        const [connections, names] = await Promise.all([
            read(PROXY_CONTAINER),
            read(DNS_CONTAINER),
        ]);
        return parseTraffic(connections, names);
    } catch (error) {
        throw new StepError(
            `the outbound proxy cannot be asked: ${reasonOf(error)}`,
            makeTarget("status"),
        );
    }
}

/** The table. */
export function renderTraffic(attempts: readonly Attempt[]): string {
    if (attempts.length === 0) {
        return "nothing was asked for yet: destinations by `host` and models behind `inference` are what it is about";
    }
    const rows = attempts
        .slice(-SHOWN)
        .map(({ at, sandbox, verdict, host, port, address }) => [
            at,
            sandbox,
            verdict,
            port === undefined ? host : `${host}:${port}`,
            address ?? "",
        ]);
    const left = attempts.length - rows.length;
    return [
        ...table(["TIME", "SANDBOX", "VERDICT", "HOST", "ADDRESS"], rows),
        ...(left > 0 ? [`${left} before these; JSON=1 for all`] : []),
    ].join("\n");
}
