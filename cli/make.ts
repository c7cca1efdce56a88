/** What the Makefile's targets run. `tsx cli/make.ts COMMAND`; see USAGE. */
import * as path from "node:path";
import { asShell, DEFAULT_STACK, LOCAL_FOLDER } from "../toolchain/environment";
import type { PlaceSettings } from "../settings/schema";
import { InterruptedError, Progress, StepError } from "../toolchain/progress";
import { readPlace } from "../toolchain/stackFile";
import { chooseEnvironment } from "./environment";
import { explainGateway } from "./gatewayLog";
import { clearInterrupted, workOf } from "./interrupted";
import { dockerOf, findMissing, mendPruned } from "./missing";
import { readOutputs } from "./outputs";
import { preparePulumi } from "./prepare";
import { settle } from "./settle";
import { printStatus } from "./status";
import { targetOf } from "./target";
import { up } from "./up";

const ROOT = path.join(__dirname, "..");

const USAGE = `usage: make TARGET [STACK=dev]

  up       install or build what is missing, then \`pulumi up\`; a STACK without a file
           Pulumi.STACK.yaml gets one first, for another gateway on this machine
  stop     pulumi up --yes --config running=false     the container goes, everything else stays
  start    pulumi up --yes --config running=true
  heal     pulumi up --yes --refresh --run-program --skip-preview
           after something was killed behind Pulumi's back
  status   what there is and how each application is; JSON=1 for JSON
  destroy  pulumi destroy                             refused while protected
  env      print shell commands: eval "$(make env)" gives a shell in which plain pulumi works
  test     lint, types, format, unit tests and end-to-end tests
  test-vm  the same program on a newer kernel and Docker, in a virtual machine
  help     this text
`;

/** Targets that are one ordinary pulumi command. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
    stop: ["up", "--yes", "--config", "running=false"],
    start: ["up", "--yes", "--config", "running=true"],
    heal: ["up", "--yes", "--refresh", "--run-program", "--skip-preview"],
    destroy: ["destroy", "--yes"],
};

async function main(command: string | undefined): Promise<number> {
    const stack = process.env["STACK"] ?? process.env["PULUMI_STACK"] ?? DEFAULT_STACK;
    const log = path.join(ROOT, LOCAL_FOLDER, "log", `${command ?? "help"}.log`);
    if (command === "up") {
        return run(log, (progress) => up(ROOT, stack, progress));
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
            const place = readPlace(ROOT, stack);
            const docker = await dockerOf(place);
            const tools = await preparePulumi(progress);
            const { env } = chooseEnvironment(ROOT, tools, { stack, docker });
            const outputs = await readOutputs(env, progress);
            const target = targetOf(outputs, place, ROOT);
            await printStatus(target, outputs, Boolean(process.env["JSON"]));
            return 0;
        });
    }
    const args = COMMANDS[command ?? ""];
    if (!args) {
        process.stdout.write(USAGE);
        return command === "help" ? 0 : 64;
    }
    return run(log, async (progress) => {
        const starting = command === "start" || command === "heal";
        const place = readPlace(ROOT, stack);
        const docker = await dockerOf(place);
        const tools = await preparePulumi(progress);
        const { env } = chooseEnvironment(ROOT, tools, { stack, docker });
        const state = await clearInterrupted(workOf(stack, env, docker), progress);
        if (command === "start") {
            await mendPruned(env, state, place, docker, progress);
        } else if (command === "heal") {
            // What else is missing it makes itself; of the volume it would only lose its protection.
            await findMissing(state, place, docker);
        }
        progress.print(`  $ pulumi ${args.join(" ")}`);
        const status = await progress.attach("pulumi", args, env);
        if (status !== 0 && command === "destroy") {
            progress.print(DESTROY_HINT);
        }
        if (starting) {
            await (status === 0
                ? settleStack(env, place, progress)
                : explainGateway(place, progress));
        }
        return status;
    });
}

async function settleStack(
    env: NodeJS.ProcessEnv,
    place: PlaceSettings,
    progress: Progress,
): Promise<void> {
    const outputs = await readOutputs(env, progress);
    await settle(targetOf(outputs, place, ROOT), outputs, progress);
}

const DESTROY_HINT = `
Nothing was deleted if a resource is protected. Protected are the data volume, the identity, and the
claims, secrets and objects of every sandbox: with them goes everything the sandboxes hold. To lift it:
  pulumi up --config protect=false     (works while stopped as well)
  pulumi destroy`;

/** Runs a command; `env` and JSON are for programs, so what people read goes to standard error then. */
async function run(log: string, work: (progress: Progress) => Promise<number>): Promise<number> {
    const forPrograms = process.argv[2] === "env" || Boolean(process.env["JSON"]);
    const progress = new Progress(log, forPrograms ? process.stderr : process.stdout);
    try {
        return await work(progress);
    } catch (error) {
        if (error instanceof InterruptedError) {
            return 130;
        }
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

void main(process.argv[2]).then((status) => {
    process.exitCode = status;
});
