/** A table of checks: how it is run, and how its results are written down. */
import { InterruptedError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";

/** One thing that must be so. */
export interface Check<World> {
    /** Short; unique in the table. */
    readonly title: string;
    /** What must be so, in one sentence. */
    readonly claim: string;
    /** Titles of checks without whose success this one says nothing. @default none */
    readonly needs?: readonly string[];
    /** @returns what was seen, in few words. @throws when it is not so */
    run(world: World): Promise<string>;
}

/** What became of a check. */
export interface Row {
    readonly title: string;
    readonly claim: string;
    readonly result: "ok" | "FAILED" | "not run";
    readonly seconds: number;
    /** What was seen, or what went wrong. */
    readonly seen: string;
}

/**
 * Makes one check, if it can say something.
 *
 * @param before what became of those before it
 */
export async function runCheck<World>(
    check: Check<World>,
    world: World,
    before: readonly Row[],
    progress: Progress,
): Promise<Row> {
    const { title, claim } = check;
    const lacking = (check.needs ?? []).filter((name) => !succeeded(before, name));
    if (lacking.length > 0) {
        const seen = `without success of: ${lacking.join(", ")}`;
        progress.print(`     ${title}: not run, ${seen}`);
        return notRun(check, seen);
    }
    const began = Date.now();
    const seconds = () => Math.round((Date.now() - began) / 1000);
    try {
        const seen = await progress.step(title, () => check.run(world), String);
        return { title, claim, result: "ok", seconds: seconds(), seen };
    } catch (error) {
        if (error instanceof InterruptedError) {
            throw error;
        }
        const seen = (error as Error).message.trim();
        progress.print(indent(lastLines(seen, 40)));
        return { title, claim, result: "FAILED", seconds: seconds(), seen };
    }
}

/** What is said of a check that was not made. */
export function notRun({ title, claim }: Pick<Row, "title" | "claim">, seen: string): Row {
    return { title, claim, result: "not run", seconds: 0, seen };
}

function succeeded(rows: readonly Row[], title: string): boolean {
    return rows.some((row) => row.title === title && row.result === "ok");
}

/** As a table of Markdown, one line a check. */
export function asMarkdown(rows: readonly Row[]): string {
    const lines = rows.map(({ title, claim, result, seconds, seen }) => {
        const cells = [title, claim, result, duration(seconds), cell(seen)];
        return `| ${cells.join(" | ")} |`;
    });
    return [
        "| check | what must be so | result | took | seen |",
        "|---|---|---|---|---|",
        ...lines,
    ].join("\n");
}

/** One line that breaks no table. */
function cell(text: string): string {
    const line = lastLines(text, 3).replace(/\s+/g, " ").replaceAll("|", "\\|");
    return line.length > 300 ? `${line.slice(0, 300)} ...` : line;
}

function duration(seconds: number): string {
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function lastLines(text: string, count: number): string {
    return text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-count)
        .join("\n");
}

function indent(text: string): string {
    return text.replace(/^/gm, "       ");
}
