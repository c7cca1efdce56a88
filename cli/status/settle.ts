/** After a `pulumi up`: waits until every sandbox that should run does. */
import { until } from "../../steps/wait";
import type { Outputs } from "../stack/outputs";
import { readSandboxes, type Status } from "./status";
import type { Target } from "./target";
import { makeTarget } from "../makeTarget";
import type { Session } from "../session";

/**
 * Seconds: the engine has waited already for what it has changed. What is left is what it does not
 * see: pods that a healed gateway starts again, and a rollout whose old status it took for the new.
 */
const SETTLE_SECONDS = 120;

type Sandboxes = Pick<Status, "sandboxes">;

/** Waits, with a line that says how they are; a sandbox that does not come up is named, no more. */
export async function settle(
    { progress }: Pick<Session, "progress">,
    target: Target,
    outputs: Outputs,
): Promise<void> {
    let status: Sandboxes | undefined;
    await progress.step(
        "sandboxes",
        () =>
            until("all sandboxes run", SETTLE_SECONDS, async () => {
                status = await readSandboxes(target, outputs);
                return progress.interrupted || waitedFor(status).length === 0;
            }).catch(() => undefined),
        () => describe(status),
    );
}

/** Names of those that may still come up; what is stopped, suspended or unknown will not. */
export function waitedFor({ sandboxes }: Sandboxes): string[] {
    return sandboxes.filter(({ state }) => state === "not running").map(({ sandbox }) => sandbox);
}

function describe(status: Sandboxes | undefined): string {
    const missing = status ? waitedFor(status) : [];
    return missing.length > 0
        ? `not running: ${missing.join(", ")} (\`${makeTarget("status")}\` says why)`
        : "settled";
}
