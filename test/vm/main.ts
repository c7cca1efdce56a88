/**
 * `make test-vm`: the program on a kernel with cgroup v2 and a newer Docker, in a virtual machine
 * made of Debian's packages. The engine and its plugins run here, Docker and all that is in it there.
 *
 * Ends with a table, also in .local/vm as results.md and results.json, and `N passed, N failed`; a
 * check that could not be made counts as failed.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { chooseEnvironment } from "../../cli/stack/pulumiEnvironment";
import { prepareMachine, prepareNodeImage, preparePulumi } from "../../cli/prepare";
import { gatewaySchema } from "../../settings/schema/gateway";
import { useDockerHost } from "../../machine/docker/daemon";
import { LOCAL_FOLDER } from "../../machine/environment";
import { ARCHIVES, provideArchives } from "../../toolchain";
import { keepStateApart } from "../run/prepare";
import { InterruptedError, StepError } from "../../steps/errors";
import { Progress } from "../../steps/progress";
import { provideDisk, provideRoot, provideTools } from "../../toolchain/vm/image";
import { VirtualMachine } from "../../toolchain/vm/qemu";
import { asMarkdown, type Row } from "./check";
import { hand, type Given } from "./given";

const ROOT = path.join(__dirname, "..", "..");
const FOLDER = path.join(ROOT, LOCAL_FOLDER, "vm");
const RESULTS = path.join(FOLDER, "results.json");

async function main(progress: Progress): Promise<number> {
    // Docker here makes and keeps the images; what is tested is the machine's.
    const gateway = gatewaySchema.parse({});
    const docker = await useDockerHost();
    await prepareMachine(ROOT, docker, gateway, progress);
    await progress.step("QEMU", () => provideTools(progress), String);
    const tools = await preparePulumi(progress);
    await prepareNodeImage(gateway.image, progress);
    const archive = ARCHIVES.test;
    const archives = path.join(FOLDER, "images");
    await provideArchives([archive], archives, progress);
    const root = await progress.step("system of the machine", () => provideRoot(progress));
    const disk = await progress.step("disk of the machine", () =>
        provideDisk(root, gateway.image, progress),
    );
    const console = path.join(FOLDER, "console.log");
    const machine = await progress.step("virtual machine", () =>
        VirtualMachine.boot({ folder: disk }, console, progress),
    );
    try {
        const given: Given = {
            ...{ folder: machine.folder, key: machine.key, port: machine.sshPort },
            ...{ archive: path.join(archives, archive.file), results: RESULTS },
        };
        rmSync(RESULTS, { force: true });
        const vitest = path.join(ROOT, "node_modules", ".bin", "vitest");
        keepStateApart(ROOT);
        const { env } = chooseEnvironment(ROOT, tools, { docker });
        // The checks print their own lines; what vitest says of a failed one follows them.
        const args = ["run", "--project", "vm", "--reporter=dot"];
        const status = await progress.attach(vitest, args, { ...env, ...hand(given) });
        if (machine.end !== undefined) {
            progress.print(`\nthe virtual machine is gone: ${machine.end}`);
        }
        return report(progress) || status;
    } finally {
        machine.kill();
    }
}

/** @returns the status to end with */
function report(progress: Progress): number {
    if (!existsSync(RESULTS)) {
        throw new StepError("the checks have ended without a result");
    }
    const rows = JSON.parse(readFileSync(RESULTS, "utf8")) as Row[];
    const table = asMarkdown(rows);
    writeFileSync(path.join(FOLDER, "results.md"), `${table}\n`);
    const passed = rows.filter(({ result }) => result === "ok").length;
    progress.print(`\n${table}\n`);
    progress.print(`took ${progress.elapsed()}; more in ${path.relative(ROOT, FOLDER)}`);
    progress.print(`${passed} passed, ${rows.length - passed} failed`);
    return passed === rows.length ? 0 : 1;
}

mkdirSync(FOLDER, { recursive: true });
const progress = new Progress(path.join(ROOT, LOCAL_FOLDER, "log", "test-vm.log"));
void main(progress).then(
    (status) => {
        process.exitCode = status;
    },
    (error: unknown) => {
        if (error instanceof InterruptedError) {
            process.exitCode = 130;
            return;
        }
        const hint =
            error instanceof StepError && error.hint ? `\n  what to do: ${error.hint}` : "";
        progress.print(`\nerror: ${(error as Error).message}${hint}\n  log: ${progress.logFile}`);
        process.exitCode = 1;
    },
);
