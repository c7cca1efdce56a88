/** The preview guard: fails when a preview would destroy what holds data, or open what is closed. See USAGE. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openings, type Opening } from "./opens";
import { readSteps, refusals, UnreadableError, type Refusal, type Step } from "./rules";

const USAGE = `usage: guard [--allow NAME]... [--allow-open NAME]... [--json] [FILE]

Reads \`pulumi preview --json\` (or a plan of \`pulumi preview --save-plan\`) from FILE or standard
input, and fails when any step would delete or replace what holds data or identity: volumes, claims,
namespaces, StatefulSets, Stash, random secrets, and whatever is protected in the state. It fails as
well when a preview would open what is closed: further networks for a sandbox or to one, ports on
other addresses than loopback, a wall between sandbox and node less, protection off. A plan does not
tell what is opened.

  pulumi preview --json --show-sames | npx tsx guard/main.ts

  --allow NAME  name or URN of a resource that may go with what it holds; may be repeated
  --allow-open NAME
                name or URN of a resource that may be opened, or \`protection\`, which may be lifted from
                everything; may be repeated
  --json        print the refusals as JSON
  --help        this text

Exit status: 0 nothing is refused, 1 something is, 2 the input cannot be read or holds something this
guard does not know, 64 the command line is wrong.
`;

function main(): number {
    let options;
    try {
        options = parseArgs({
            options: {
                allow: { type: "string", multiple: true, default: [] },
                "allow-open": { type: "string", multiple: true, default: [] },
                json: { type: "boolean", default: false },
                help: { type: "boolean", default: false },
            },
            allowPositionals: true,
        });
    } catch (error) {
        process.stderr.write(`guard: ${(error as Error).message}\n${USAGE}`);
        return 64;
    }
    const { values, positionals } = options;
    if (values.help) {
        process.stdout.write(USAGE);
        return 0;
    }
    if (positionals.length > 1) {
        process.stderr.write(`guard: one file at most, got ${positionals.join(" ")}\n${USAGE}`);
        return 64;
    }
    try {
        const steps = readSteps(readFileSync(positionals[0] ?? 0, "utf8"));
        const refused = refusals(steps, values.allow);
        const opened = openings(steps, values["allow-open"]);
        process.stdout.write(
            values.json
                ? `${JSON.stringify({ steps: steps.length, refused, opened }, undefined, 2)}\n`
                : render(refused, steps.length) + renderOpened(opened, steps),
        );
        return refused.length + opened.length === 0 ? 0 : 1;
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (error instanceof UnreadableError || code !== undefined) {
            process.stderr.write(`guard: ${(error as Error).message}; nothing is let through\n`);
            return 2;
        }
        throw error;
    }
}

function render(refused: readonly Refusal[], steps: number): string {
    if (refused.length === 0) {
        return `guard: ${steps} steps, none destroys what holds data\n`;
    }
    const lines = refused.map(
        ({ op, type, name, causes, next }) =>
            `  ${op} ${type} ${name}${causes.length > 0 ? ` because of ${causes.join(", ")}` : ""}\n    ${next}`,
    );
    return `guard: refused, ${refused.length} of ${steps} steps would destroy what holds data\n${lines.join("\n")}\n`;
}

function renderOpened(opened: readonly Opening[], steps: readonly Step[]): string {
    if (opened.length > 0) {
        const lines = opened.map(
            ({ type, name, opens, next }) => `  ${type} ${name}: ${opens.join("; ")}\n    ${next}`,
        );
        return `guard: refused, ${opened.length} resources would be opened\n${lines.join("\n")}\n`;
    }
    // Every step of a preview has one at least.
    return steps.length > 0 && steps.every(({ before, after }) => !before && !after)
        ? "guard: what it opens cannot be told from a plan; give the preview\n"
        : "guard: nothing is opened that is closed\n";
}

process.exitCode = main();
