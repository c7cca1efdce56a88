/** What the Makefile's targets run: `node --require tsx/cjs cli/make.ts TARGET`. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ROOT } from "../machine/root";
import { makeLocalFolder } from "../machine/stateFolder";
import { InterruptedError, StepError } from "../steps/errors";
import { Progress } from "../steps/progress";
import { inWords } from "../steps/systemError";
import { DEFAULT_STACK } from "./makeTarget";
import { isForPrograms, TARGETS, type Work } from "./targets";

/** What `make help` prints; the Makefile does so without this program, which needs an installation. */
const USAGE = path.join(__dirname, "usage.txt");

/** Exit status of a command line that is wrong. */
const WRONG_USAGE = 64;

/** What is said of `STACK=$NAME` where NAME is empty. */
const NO_STACK = `error: STACK is empty; expected the name of a stack, and nothing was done
  what to do: leave it out for the stack ${DEFAULT_STACK}, or name one: STACK=second
`;

async function main(target = "help"): Promise<number> {
    const work = TARGETS.get(target);
    if (!work) {
        process.stdout.write(readFileSync(USAGE, "utf8"));
        return target === "help" ? 0 : WRONG_USAGE;
    }
    const stack = process.env["STACK"] ?? process.env["PULUMI_STACK"] ?? DEFAULT_STACK;
    if (stack.trim() === "") {
        // Pulumi would work on whichever stack is selected.
        process.stderr.write(NO_STACK);
        return WRONG_USAGE;
    }
    return run(target, stack, work);
}

/** Runs a target, and says what to do where it fails. */
async function run(target: string, stack: string, work: Work): Promise<number> {
    const log = path.join(makeLocalFolder(ROOT), "log", `${target}.log`);
    const progress = new Progress(log, isForPrograms(target) ? process.stderr : process.stdout);
    try {
        return await work({ root: ROOT, stack }, progress);
    } catch (thrown) {
        if (thrown instanceof InterruptedError) {
            return 130;
        }
        const error = inWords(thrown);
        process.stderr.write(`\nerror: ${(error as Error).message}\n`);
        if (error instanceof StepError && error.hint) {
            process.stderr.write(`  what to do: ${error.hint}\n`);
        } else if (!(error instanceof StepError)) {
            process.stderr.write(`${(error as Error).stack ?? ""}\n`);
        }
        process.stderr.write(`  log: ${path.relative(process.cwd(), log)}\n`);
        return 1;
    }
}

for (const stream of [process.stdout, process.stderr]) {
    // Nobody reads it any more, as in `make up | head`: what runs goes on.
    stream.on("error", () => undefined);
}

void main(process.argv[2]).then((status) => {
    process.exitCode = status;
});
