/**
 * Pure: where the time of a run of the tests went. The runner writes it down while it works; `make test`
 * prints it at its end, and `npm run test:times` prints it again.
 */

/** What is told apart within a file of end-to-end tests. */
const STEPS = ["pulumi", "tools", "docker", "wait"] as const;

/** One of them: runs of pulumi, of tools of ours, of docker and kubectl, and waits for a condition. */
export type Step = (typeof STEPS)[number];

/** How often something was done, and for how many seconds in all. */
export interface Spent {
    readonly count: number;
    readonly seconds: number;
}

/** One file of tests. Seconds throughout. */
export interface FileTimes {
    /** Path below the checkout. */
    readonly file: string;
    readonly tests: number;
    /** From its first line to its last, with everything below. */
    readonly seconds: number;
    /** In `beforeAll`. */
    readonly setUp: number;
    /** In `afterAll`. */
    readonly cleanUp: number;
    /** In steps, those of set-up and clean-up included. */
    readonly steps: Partial<Readonly<Record<Step, Spent>>>;
}

/** One part of the whole run: a check, something that was made, a project of tests. */
export interface Phase {
    readonly title: string;
    readonly seconds: number;
}

/** A whole run. */
export interface Times {
    readonly phases: readonly Phase[];
    readonly files: readonly FileTimes[];
}

/** File names in the folder of logs. */
export const TIMES_FILE = "times.json";
export const STEPS_FILE = "times-steps.jsonl";
export const FILES_FILE = "times-files.json";

/** Seconds under which a file is not worth a line of its own. */
const SHORT = 2;

/** The tables, for people: phases, then files, longest first. */
export function formatTimes({ phases, files }: Times): string {
    const long = [...files]
        .filter(({ seconds }) => seconds >= SHORT)
        .sort((a, b) => b.seconds - a.seconds);
    const rows = long.map(({ file, tests, seconds, setUp, cleanUp, steps }) => {
        const known = STEPS.reduce((sum, step) => sum + (steps[step]?.seconds ?? 0), 0);
        return [
            file.replace(/^test\//, ""),
            String(tests),
            ...[seconds, setUp, cleanUp].map(tenths),
            ...STEPS.flatMap((step) => {
                const { count = 0, seconds = 0 } = steps[step] ?? {};
                return [String(count), tenths(seconds)];
            }),
            tenths(Math.max(0, seconds - known)),
        ];
    });
    const heads = ["file", "tests", "all", "set-up", "clean-up"];
    const steps = STEPS.flatMap((step) => ["n", step]);
    return [
        "where the time went, in seconds (phases may overlap):",
        ...table([["phase", "s"], ...phases.map(({ title, seconds }) => [title, tenths(seconds)])]),
        "",
        ...table([[...heads, ...steps, "other"], ...rows]),
        `${files.length - long.length} files under ${SHORT} s are left out`,
    ].join("\n");
}

/** Steps that were written down one a line, summed up for each file. */
export function sumSteps(lines: string): Map<string, Partial<Record<Step, Spent>>> {
    const sums = new Map<string, Partial<Record<Step, Spent>>>();
    for (const line of lines.split("\n").filter(Boolean)) {
        const { file, step, seconds } = JSON.parse(line) as StepLine;
        const sum = sums.get(file) ?? {};
        const { count, seconds: before } = sum[step] ?? { count: 0, seconds: 0 };
        sum[step] = { count: count + 1, seconds: before + seconds };
        sums.set(file, sum);
    }
    return sums;
}

/** One step as it is written down. */
export interface StepLine {
    readonly file: string;
    readonly step: Step;
    readonly seconds: number;
}

function tenths(seconds: number): string {
    return seconds.toFixed(1);
}

/** Columns as wide as they must be; all but the first are numbers, to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
    const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => row[column]?.length ?? 0)),
    );
    return rows.map((row) =>
        row
            .map((cell, column) => {
                const width = widths[column] ?? 0;
                return column === 0 ? cell.padEnd(width) : cell.padStart(width);
            })
            .join("  "),
    );
}
