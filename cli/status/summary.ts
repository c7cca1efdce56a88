/** The table at the end: what there is, where it is, how to reach it. */
import type { Outputs } from "../stack/outputs";
import type { Condition } from "./gatewayLook";
import type { Target } from "./target";
import { makeTarget } from "../makeTarget";
import type { Session } from "../session";

function inWords(state: Condition["state"]): string {
    switch (state) {
        case "running":
            return "up";
        case "stopped":
            return `stopped (\`${makeTarget("start")}\` starts it)`;
        case "unknown":
            return `of unknown state (\`${makeTarget("status")}\` says why)`;
    }
}

/** A token opens the assistant: it is shown to a person at a terminal, never to a log. */
export const SHOW_TOKENS = Boolean(process.stdout.isTTY);

/** Prints where the sandboxes run, and how each is reached. */
export async function printSummary(
    { progress }: Pick<Session, "progress">,
    target: Target,
    outputs: Outputs,
): Promise<void> {
    const { sandboxes = [], urls = {}, tokenUrls = {} } = outputs;
    const rows = sandboxes.map((name) => {
        const tokenUrl = SHOW_TOKENS ? tokenUrls[name] : undefined;
        return [name, tokenUrl ?? urls[name] ?? "no port", target.shell(name)];
    });
    const { state } = await target.look();
    progress.print("");
    progress.print(`${target.title}, ${inWords(state)} after ${progress.elapsed()}`);
    for (const line of table(["SANDBOX", "URL", "SHELL"], rows)) {
        progress.print(line, { secret: true });
    }
    progress.print("");
    progress.print(`for plain pulumi in this shell: eval "$(${makeTarget("env")})"`);
    if (!SHOW_TOKENS) {
        progress.print("URLs with their tokens: pulumi stack output tokenUrls --show-secrets");
    }
}

/** Columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
    const lines = [head, ...rows];
    const widths = head.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
    return lines.map((line) =>
        line
            .map((cell, i) => cell.padEnd(widths[i] ?? 0))
            .join("  ")
            .trimEnd(),
    );
}
