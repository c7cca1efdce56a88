/** A target of make that is killed in the middle, at a moment that is seen and not guessed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { attempt } from "./run";
import { until } from "./steps";

const PROJECT = "sandbox-gateway";
const STACK = "test";

/** Seconds until a moment that does not come is given up, and until what is left over has ended. */
const MOMENT_SECONDS = 300;
const END_SECONDS = 120;

/** Milliseconds between two looks: what is killed must not have gone on meanwhile. */
const LOOK_INTERVAL = 4;

/** Who is killed, among all that the target has started. */
export type Victim = "everything" | "the engine" | "the docker plugin" | "the kubernetes plugin";

/** How each is told from the others: by its command line. */
const VICTIMS: Readonly<Record<Victim, RegExp>> = {
    everything: /./,
    "the engine": /(^|\/)pulumi /,
    "the docker plugin": /pulumi-resource-docker/,
    "the kubernetes plugin": /pulumi-resource-kubernetes/,
};

/** What is seen of a run from outside. */
export interface Seen {
    /** Whether the engine holds the stack's lock. */
    readonly locked: boolean;
    /** Whether it has begun to write the state since the target was begun. */
    readonly saving: boolean;
    /** `creating Network`: what it has begun, and not ended; not what a run before was killed in. */
    readonly pending: readonly string[];
    /** `network create`: what Docker has done with what bears the gateway's name. */
    readonly docker: readonly string[];
}

/** One run. */
export class Running implements Seen {
    /** Everything it has said. */
    output = "";
    readonly docker: string[] = [];
    saving = false;
    private readonly child: ChildProcess;
    private readonly events: ChildProcess;
    private readonly watcher: FSWatcher;
    private readonly closed: Promise<unknown>;
    /** What a run before was killed in, until this one has cleared it. */
    private stale: readonly string[];
    /** The state as it was when it was last written. */
    private read: { readonly version: string; readonly checkpoint: Checkpoint } | undefined;
    /** What it has started, as far as it was there at the moment. */
    private tree: readonly Process[] = [];

    /** @param name of the gateway's container @param state folder of the backend */
    constructor(
        private readonly name: string,
        private readonly state: string,
        [command, args, options]: Parameters<typeof attempt>,
    ) {
        const format = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.ID}}";
        this.events = spawn("docker", ["events", "--format", format], {
            stdio: ["ignore", "pipe", "ignore"],
        });
        createInterface(this.events.stdout as Readable).on("line", (line) => {
            if (line.split(" ").includes(name)) {
                this.docker.push(line.slice(0, line.indexOf(` ${name}`)));
            }
        });
        this.stale = this.operations;
        this.watcher = watch(this.stacks, (_, file) => {
            this.saving ||= file?.endsWith(".tmp") === true;
        });
        this.child = spawn(command, [...args], {
            cwd: options?.cwd,
            env: options?.env,
            stdio: ["ignore", "pipe", "pipe"],
            // What a terminal would hand on to the test's own group is no part of this.
            detached: true,
        });
        for (const stream of [this.child.stdout, this.child.stderr]) {
            stream?.on("data", (data: Buffer) => (this.output += data.toString()));
        }
        this.closed = once(this.child, "close");
    }

    get locked(): boolean {
        const locks = path.join(this.state, ".pulumi", "locks", "organization", PROJECT, STACK);
        // One that is being written has another ending, and holds the stack as well.
        return existsSync(locks) && readdirSync(locks).some((file) => !file.endsWith(".attrs"));
    }

    get pending(): string[] {
        const pending = this.operations;
        this.stale = this.stale.filter((each) => pending.includes(each));
        return pending.filter((each) => !this.stale.includes(each));
    }

    /** What the state says has begun and not ended, whoever began it. */
    private get operations(): string[] {
        return (this.checkpoint.pending_operations ?? []).map(
            ({ type, resource }) => `${type} ${resource.type.split(":").at(-1)}`,
        );
    }

    /** Whether the state has the gateway's container. */
    get knowsContainer(): boolean {
        return (this.checkpoint.resources ?? []).some(
            ({ type, outputs }) =>
                type === "docker:index/container:Container" && outputs?.name === this.name,
        );
    }

    private get checkpoint(): Checkpoint {
        const file = path.join(this.stacks, `${STACK}.json`);
        const found = statSync(file, { throwIfNoEntry: false });
        // The engine may be about to put another in its place.
        if (found === undefined) {
            return {};
        }
        const version = `${found.ino} ${found.mtimeMs}`;
        // It is looked at hundreds of times a second, and takes longer to read than to look for.
        if (version !== this.read?.version) {
            const text = readFileSync(file, "utf8");
            const { latest = {} } = (JSON.parse(text) as { checkpoint: { latest?: Checkpoint } })
                .checkpoint;
            this.read = { version, checkpoint: latest };
        }
        return this.read.checkpoint;
    }

    private get stacks(): string {
        return path.join(this.state, ".pulumi", "stacks", PROJECT);
    }

    /**
     * Kills it with SIGKILL as soon as a moment has come, and waits until it has ended. An engine that is
     * killed leaves plugins behind that go on, as it does for everybody: `remove` ends them.
     *
     * @returns its status; of one that was killed itself, -1
     * @throws Error when it has ended before, with what it said
     */
    async kill(moment: (seen: Seen) => boolean, victim: Victim): Promise<number> {
        try {
            await this.come(moment);
            this.tree = processes(this.child.pid as number);
            const victims = this.tree.filter(({ command }) => VICTIMS[victim].test(command));
            victims.forEach(({ pid }) => end(pid));
            if (victims.length === 0) {
                const commands = this.tree.map(({ command }) => command).join("\n");
                throw new Error(`${victim} does not run:\n${commands}`);
            }
            await until(`${victim} has ended`, END_SECONDS, () => !victims.some(runs));
            await this.closed;
            return this.child.exitCode ?? -1;
        } finally {
            this.watcher.close();
            this.events.kill();
        }
    }

    /** Ends whatever of it still runs. */
    remove(): void {
        [...processes(this.child.pid as number), ...this.tree.filter(runs)].forEach(({ pid }) =>
            end(pid),
        );
    }

    private async come(moment: (seen: Seen) => boolean): Promise<void> {
        const limit = Date.now() + MOMENT_SECONDS * 1000;
        while (!moment(this)) {
            if (this.child.exitCode !== null || Date.now() > limit) {
                const how = this.child.exitCode ?? `not after ${MOMENT_SECONDS} s`;
                throw new Error(
                    `the moment did not come (ended: ${how}); Docker: ${this.docker.join(", ")}\n${this.output}`,
                );
            }
            await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
        }
    }
}

interface Checkpoint {
    readonly resources?: readonly {
        readonly type: string;
        readonly outputs?: { readonly name?: string };
    }[];
    readonly pending_operations?: readonly {
        readonly type: string;
        readonly resource: { readonly type: string };
    }[];
}

interface Process {
    readonly pid: number;
    readonly command: string;
}

/** A process and all that come from it, parents first. */
function processes(root: number): Process[] {
    const parents = new Map<number, number>();
    for (const name of readdirSync("/proc")) {
        const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : undefined;
        if (parent !== undefined) {
            parents.set(Number(name), parent);
        }
    }
    const found = parents.has(root) ? [root] : [];
    for (const each of found) {
        found.push(...[...parents].filter(([, parent]) => parent === each).map(([pid]) => pid));
    }
    return found.map((pid) => ({ pid, command: commandOf(pid) }));
}

/** @returns undefined when it has ended, also where nobody has waited for it */
function parentOf(pid: number): number | undefined {
    try {
        const [, state, parent] =
            /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return state === "Z" ? undefined : Number(parent);
    } catch {
        return undefined;
    }
}

function commandOf(pid: number): string {
    try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
        return "";
    }
}

/** Whether it still runs, and not another program that was given its number. */
function runs({ pid, command }: Process): boolean {
    return parentOf(pid) !== undefined && commandOf(pid) === command;
}

function end(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch {
        // It has ended by itself.
    }
}
