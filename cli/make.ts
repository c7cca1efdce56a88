/** What the Makefile's targets run. `node --require tsx/cjs cli/make.ts COMMAND`; see USAGE. */
import * as path from "node:path";
import { asShell } from "../machine/environment";
import { DEFAULT_STACK } from "./makeTarget";
import { InterruptedError, StepError } from "../steps/errors";
import { Progress } from "../steps/progress";
import { readPlace } from "./stack/stackFile";
import { makeLocalFolder } from "../machine/stateFolder";
import { inWords } from "../steps/systemError";
import { askPerson, destroy } from "./destroy";
import { chooseEnvironment } from "./stack/pulumiEnvironment";
import { clearInterrupted, endFailed, type Work } from "./recovery/interrupted";
import { dockerOf, findMissing, mendPruned } from "./recovery/missing";
import { readOutputs } from "./stack/outputs";
import { refuseOtherCluster } from "./recovery/otherCluster";
import { preparePulumi } from "./prepare";
import { recover } from "./recovery/recover";
import { clearWay, finishRecovery } from "./recovery/recovered";
import { settle } from "./status/settle";
import { findState, gatewayIn, isNotThere } from "./stack/stackState";
import { printNothing, printStatus } from "./status/status";
import { targetOf } from "./status/target";
import { printTraffic } from "./status/traffic";
import { up } from "./up";

const ROOT = path.join(__dirname, "..");

const USAGE = `usage: make TARGET [STACK=dev]

  up       install or build what is missing, then \`pulumi up\`; a STACK without a file
           Pulumi.STACK.yaml gets one first, for another gateway on this machine
  stop     pulumi up --yes --config running=false     a keeper takes the container's place, all else stays
  start    pulumi up --yes --config running=true
  heal     pulumi up --yes --refresh --run-program --skip-preview
           after something was killed behind Pulumi's back
  recover  a new state for a gateway that has lost it, with the identity in its data volume;
           then \`make up\`
  status   what there is and how each application is; JSON=1 for JSON
  traffic  what sandboxes asked the outbound proxy for, and what became of it; SANDBOX=NAME for one
           alone, JSON=1 for JSON
  destroy  pulumi destroy                             refused while protected; else asks for the
           gateway's name, or takes it from CONFIRM=NAME; Docker keeps the data volume
  env      print shell commands: eval "$(make env)" gives a shell in which plain pulumi works
  test     lint, types, format, unit tests and end-to-end tests
  test-vm  the same program on a newer kernel and Docker, in a virtual machine
  help     this text
`;

/** What is said of `STACK=$NAME` where NAME is empty. */
const NO_STACK = `error: STACK is empty; expected the name of a stack, and nothing was done
  what to do: leave it out for the stack ${DEFAULT_STACK}, or name one: STACK=second
`;

/** Targets that are one ordinary pulumi command. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
    stop: ["up", "--yes", "--config", "running=false"],
    start: ["up", "--yes", "--config", "running=true"],
    heal: ["up", "--yes", "--refresh", "--run-program", "--skip-preview"],
};

async function main(command: string | undefined): Promise<number> {
    const stack = process.env["STACK"] ?? process.env["PULUMI_STACK"] ?? DEFAULT_STACK;
    if (stack.trim() === "" && command !== "help") {
        // Pulumi would work on whichever stack is selected.
        process.stderr.write(NO_STACK);
        return 64;
    }
    const log = path.join(makeLocalFolder(ROOT), "log", `${command ?? "help"}.log`);
    if (command === "up") {
        return run(log, (progress) => up(ROOT, stack, progress));
    }
    if (command === "recover") {
        return run(log, (progress) => recover(ROOT, stack, progress));
    }
    if (command === "env") {
        return run(log, async (progress) => {
            const docker = await dockerOf(readPlace(ROOT, stack));
            const tools = await preparePulumi(progress);
            const { variables } = chooseEnvironment(ROOT, tools, { stack, docker });
            // In the docker plugin it would win over DOCKER_HOST.
            const unset = variables["DOCKER_HOST"] ? ["DOCKER_CONTEXT"] : [];
            process.stdout.write(`${asShell(tools.path, variables, unset)}\n`);
            return 0;
        });
    }
    if (command === "status") {
        return run(log, async (progress) => {
            const { work, isThere } = await find(stack, progress);
            const json = Boolean(process.env["JSON"]);
            if (isThere) {
                const outputs = await readOutputs(work.env, progress);
                const target = targetOf(outputs, work.place, ROOT, gatewayIn(work));
                await printStatus(target, outputs, json);
            } else {
                printNothing(json);
            }
            return 0;
        });
    }
    if (command === "traffic") {
        return run(log, async (progress) => {
            const { env, place } = await open(stack, progress);
            const outputs = await readOutputs(env, progress);
            await printTraffic(targetOf(outputs, place, ROOT), outputs, {
                json: Boolean(process.env["JSON"]),
                sandbox: process.env["SANDBOX"],
            });
            return 0;
        });
    }
    if (command === "destroy") {
        return run(log, async (progress) => {
            const work = await open(stack, progress);
            const state = await clearInterrupted(work, progress);
            // Without the volume this is not the gateway's daemon.
            await findMissing(state, work.place, work.docker);
            await refuseOtherCluster(state, work.place, ROOT);
            const confirm = process.env["CONFIRM"];
            const ask = process.stdin.isTTY ? askPerson : undefined;
            return destroy({ ...work, state, confirm, ask }, progress);
        });
    }
    const args = COMMANDS[command ?? ""];
    if (!args) {
        process.stdout.write(USAGE);
        return command === "help" ? 0 : 64;
    }
    return run(log, async (progress) => {
        const starting = command === "start" || command === "heal";
        const work = await open(stack, progress);
        const { env, place, docker } = work;
        const state = await clearInterrupted(work, progress);
        await refuseOtherCluster(state, place, ROOT, command === "heal");
        if (starting) {
            await clearWay(work, progress);
        }
        if (command === "start") {
            await mendPruned(env, state, place, docker, progress);
        } else {
            // What else is missing is made by a heal itself, and need not be there for a stop;
            // without the volume this is not the gateway's daemon, or it was removed.
            await findMissing(state, place, docker);
        }
        progress.print(`  $ pulumi ${args.join(" ")}`);
        const status = await progress.attach("pulumi", args, env);
        if (starting) {
            await (status === 0 ? settleStack(work, progress) : endFailed(work, progress));
        }
        return status;
    });
}

/** A stack that is there, as every target but `up`, `recover` and `status` needs it. */
async function open(stack: string, progress: Progress): Promise<Work> {
    const { work, isThere } = await find(stack, progress);
    if (!isThere) {
        throw isNotThere(work);
    }
    return work;
}

/** A stack, and whether it is there. */
async function find(stack: string, progress: Progress): Promise<{ work: Work; isThere: boolean }> {
    const place = readPlace(ROOT, stack);
    const docker = await dockerOf(place);
    const tools = await preparePulumi(progress);
    const { env, folder } = chooseEnvironment(ROOT, tools, { stack, docker });
    const work = { root: ROOT, folder, stack, env, place, docker };
    return { work, isThere: await findState(work, place, docker) };
}

async function settleStack(work: Work, progress: Progress): Promise<void> {
    const outputs = await readOutputs(work.env, progress);
    const target = targetOf(outputs, work.place, ROOT);
    await settle(target, outputs, progress);
    await finishRecovery(work, target, progress);
}

/** Runs a command; `env` and JSON are for programs, so what people read goes to standard error then. */
async function run(log: string, work: (progress: Progress) => Promise<number>): Promise<number> {
    const forPrograms = process.argv[2] === "env" || Boolean(process.env["JSON"]);
    const progress = new Progress(log, forPrograms ? process.stderr : process.stdout);
    try {
        return await work(progress);
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
    // Whoever reads it has gone, as in `make up | head`: what runs goes on.
    stream.on("error", () => undefined);
}

void main(process.argv[2]).then((status) => {
    process.exitCode = status;
});
