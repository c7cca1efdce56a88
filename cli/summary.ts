/** The table at the end: what there is, where it is, how to reach it. */
import { gatewayState } from "./gatewayState";
import type { Progress } from "../toolchain/progress";

/** Outputs of the program, see index.ts. */
interface Outputs {
    readonly container: string;
    readonly node: string;
    readonly urls?: Readonly<Record<string, string | null>>;
    readonly tokenUrls?: Readonly<Record<string, string | null>>;
}

/** Prints gateway and sandboxes of the selected stack. */
export async function printSummary(env: NodeJS.ProcessEnv, progress: Progress): Promise<void> {
    // A token opens the assistant: it is shown to a person at a terminal, never to a log.
    const secrets = process.stdout.isTTY ? ["--show-secrets"] : [];
    const json = await progress.run("pulumi", ["stack", "output", "--json", ...secrets], {
        env,
        quiet: true,
    });
    const outputs = JSON.parse(json) as Outputs;
    const rows = Object.entries(outputs.urls ?? {}).map(([name, url]) => {
        const tokenUrl = process.stdout.isTTY ? outputs.tokenUrls?.[name] : undefined;
        return [
            name,
            tokenUrl ?? url ?? "no port",
            `docker exec -it ${outputs.container} k3s kubectl -n sandboxes exec -it ${name}-0 -- sh`,
        ];
    });
    progress.print("");
    const running = (await gatewayState(outputs.container)) === "running";
    progress.print(
        `gateway ${outputs.container}, node ${outputs.node}, ${
            running ? "up" : "stopped (`make start` starts it)"
        } after ${progress.elapsed()}`,
    );
    for (const line of table(["SANDBOX", "URL", "SHELL"], rows)) {
        progress.print(line, { secret: true });
    }
    progress.print("");
    progress.print('for plain pulumi in this shell: eval "$(make env)"');
    if (secrets.length === 0) {
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
