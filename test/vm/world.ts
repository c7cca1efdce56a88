/** The virtual machine with its Docker brought here, and what the checks hand on to one another. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { LOCAL_FOLDER } from "../../machine/environment";
import type { Connection } from "../../toolchain/vm/ssh";
import { until } from "../../steps/wait";
import type { Evidence } from "../support/evidence";
import { attempt } from "../support/run";
import { TestStack } from "../support/stack";

/** Where the machine has the archives that k3s imports. */
export const ARCHIVES = "/srv/images";

/** Seconds that one command of pulumi may take here. */
const PULUMI_SECONDS = 2400;

/** Seconds in which one sandbox may start here. */
export const START_SECONDS = 1800;

/** What emulation does not meet, raised in each copy of the program: bounds, and the pace of looks. */
const BOUNDS: readonly [file: string, shipped: RegExp, here: string][] = [
    ["components/gateway/container.ts", /waitTimeout: \d+,/, "waitTimeout: 1800,"],
    // Durations in the form in which Docker gives them back.
    ["components/gateway/container.ts", /(healthcheck: \{[\s\S]*?timeout: )"[^"]*"/, '$1"5m0s"'],
    ["components/gateway/container.ts", /(healthcheck: \{[\s\S]*?retries:) \d+/, "$1 400"],
    // Each look starts a client of some seconds of processor time.
    ["components/gateway/scripts/watch.sh", /^STARTING=\d+$/m, "STARTING=20"],
    ["components/gateway/scripts/watch.sh", /^READY=\d+$/m, "READY=120"],
    [
        "components/gateway/scripts/watch.sh",
        /(\/readyz) --request-timeout=\d+s/,
        "$1 --request-timeout=120s",
    ],
    [
        "components/gateway/scripts/watch.sh",
        /(\/openapi\/v2) --request-timeout=\d+s/,
        "$1 --request-timeout=300s",
    ],
    ["components/gateway/scripts/health.sh", /-mmin -\d+/, "-mmin -20"],
    ["components/gateway/scripts/health.sh", /sleep 1$/m, "sleep 5"],
];

/** The machine, and the stacks in it. */
export class World {
    /** The gateway that is looked at. */
    first!: TestStack;
    /** A second one beside it. */
    second: TestStack | undefined;
    /** What a stop and a start must not change. */
    before: Evidence | undefined;
    private readonly stacks: TestStack[] = [];

    private constructor(readonly connection: Connection) {}

    /**
     * Brings the machine's Docker here: from now on it is the one of this process.
     *
     * @param folder for its socket
     * @param archive of the image of the sandboxes
     */
    static async enter(connection: Connection, folder: string, archive: string): Promise<World> {
        const socket = path.join(folder, "docker.sock");
        await connection.forward(socket, "/var/run/docker.sock");
        process.env["DOCKER_HOST"] = `unix://${socket}`;
        const world = new World(connection);
        await world.untilDockerAnswers();
        await world.shell(`mkdir -p ${ARCHIVES}`);
        await connection.run(`cat >${ARCHIVES}/${path.basename(archive)}`, { input: archive });
        return world;
    }

    /** A project whose gateway will be in the machine, and its ports here under the same numbers. */
    async stack(name: string): Promise<TestStack> {
        const stack = await TestStack.create(name);
        this.stacks.push(stack);
        stack.timeout = PULUMI_SECONDS;
        raiseBounds(stack);
        for (let port = stack.apiPort; port <= stack.ports.last; port++) {
            const end = `127.0.0.1:${port}`;
            await this.connection.forward(end, end);
        }
        return stack;
    }

    /** Runs a shell command in the machine itself. */
    async shell(command: string): Promise<string> {
        return (await this.connection.run(command)).trim();
    }

    async untilDockerAnswers(): Promise<void> {
        const answers = async () => (await attempt("docker", ["version"])).status === 0;
        await until("the machine's Docker answers", 300, answers);
    }

    /** Keeps what gateways and projects said, and removes them; what is in the machine goes with it. */
    async leave(logs: string): Promise<void> {
        for (const { folder, gateway, container } of this.stacks) {
            const kept = path.join(logs, gateway.replace(/-\d+$/, ""));
            rmSync(kept, { recursive: true, force: true });
            mkdirSync(kept, { recursive: true });
            const { stdout, stderr } = await attempt("docker", ["logs", container]);
            writeFileSync(path.join(kept, "container.log"), `${stdout}${stderr}`);
            const log = path.join(folder, LOCAL_FOLDER, "log");
            if (existsSync(log)) {
                cpSync(log, kept, { recursive: true });
            }
            rmSync(folder, { recursive: true, force: true });
        }
    }
}

/** @throws Error when the program has them no longer in this form */
function raiseBounds(stack: TestStack): void {
    for (const [file, shipped, here] of BOUNDS) {
        const text = readFileSync(path.join(stack.folder, file), "utf8");
        const [found] = shipped.exec(text) ?? [];
        if (found === undefined) {
            throw new Error(`${file} has no ${shipped}: mend BOUNDS of test/vm/world.ts`);
        }
        stack.edit(file, found, found.replace(shipped, here));
    }
}

/** What the API says when emulation makes it miss the provider's own bounds, which nothing raises. */
const TOO_SLOW = /openapi|deadline exceeded|unreachable|connection refused|handshake timeout|EOF/i;

/** `pulumi up` until emulation lets it through. @returns how often it took, when it was not once */
export async function patientUp(stack: TestStack, ...args: string[]): Promise<string> {
    for (let attempt = 1; ; attempt++) {
        const { status, stdout, stderr } = await stack.tryPulumi([
            ...["up", "--yes", "--skip-preview"],
            ...args,
        ]);
        if (status === 0) {
            return attempt === 1 ? "" : ` (${attempt} tries: the API missed the provider's bounds)`;
        }
        if (attempt === 3 || !TOO_SLOW.test(stdout + stderr)) {
            throw new Error(`pulumi up: status ${status}\n${stdout}\n${stderr}`);
        }
    }
}
