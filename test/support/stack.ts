/** A stack of its own for one end-to-end test: real engine, real Docker, real kubelet. */
import {
    chownSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    statSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { inject } from "vitest";
import { stringify } from "yaml";
import { applicationState, type ApplicationState, type Pod } from "../../cli/status/podState";
import type { Status } from "../../cli/status/status";
import { dockerName, keeperName, nodeName } from "../../model/names";
import type { PortBlock } from "../../model/ports";
import { changesOf, type Changes } from "./changes";
import { note, removeAll } from "./leftOvers";
import { findPlace, type Place } from "./place";
import { editProgram, layProject, registerFile, useArchive } from "./project";
import { attempt, run, type Result } from "./run";
import { Running } from "./running";
import { timed } from "./steps";

export { changesOf, withoutGateway } from "./changes";

const ROOT = path.join(__dirname, "..", "..");

/** A page's URL for programs: only browsers know every name below localhost. */
export function atAddress(url: string): string {
    return url.replace(/^http:\/\/[^/:]+\.localhost(?=[:/])/, "http://127.0.0.1");
}

/** A pod with what only a kubelet gives it. */
export type RunningPod = Pod & {
    readonly metadata: { readonly uid: string };
    readonly status: { readonly podIP: string };
};

/** How a test's stack differs from others. */
export interface StackOptions {
    /** Further environment of pulumi. @default none */
    readonly env?: NodeJS.ProcessEnv;
    /** User of this machine who works on it; he may ask Docker, read everything and write what is his. @default this one */
    readonly user?: number;
    /**
     * Whether pulumi and make load what they run as they do for everyone, compiling it each time, and not
     * from the archive that is made once for all tests. @default false
     */
    readonly asWritten?: boolean;
}

/** Another user's: of root's power no more than to read what the tests have laid out. */
function privilegesOf(user: number): string[] {
    const socket = (process.env["DOCKER_HOST"] ?? "/var/run/docker.sock").replace("unix://", "");
    const read = "+dac_read_search";
    return [
        ...["--reuid", String(user), "--regid", String(statSync(socket).gid), "--clear-groups"],
        ...["--inh-caps", read, "--ambient-caps", read, "--bounding-set", `-all,${read}`],
    ];
}

/** A project folder, a stack in a backend of its own, and a gateway name that no one else has. */
export class TestStack {
    /** Name of the gateway; container, volume and network follow from it. */
    readonly gateway: string;
    readonly folder: string;
    readonly container: string;
    /** Container that is there while the gateway is stopped. */
    readonly keeper: string;
    readonly node: string;
    /** Seconds that one command of pulumi or make may take. */
    timeout = 600;
    private readonly env: NodeJS.ProcessEnv;
    /** What node loads before a tool of ours. */
    private readonly register: string;
    /** Since the last run of pulumi: a wait asks for the same ones many times a second. */
    private outputs: Readonly<Record<string, unknown>> | undefined;

    private readonly user: number | undefined;

    private constructor(
        name: string,
        private readonly place: Place,
        { env = {}, asWritten = false, user }: StackOptions,
    ) {
        this.user = user;
        this.gateway = `e2e-${name}-${process.pid}`;
        this.container = dockerName(this.gateway);
        this.keeper = keeperName(this.gateway);
        this.node = nodeName(this.gateway);
        this.folder = mkdtempSync(path.join(os.tmpdir(), `sandbox-gateway-${name}-`));
        note(this.container, this.folder);
        layProject(this.folder);
        this.register = asWritten ? require.resolve("tsx/cjs") : registerFile(inject("archive"));
        if (!asWritten) {
            useArchive(path.join(this.folder, "Pulumi.yaml"), inject("archive"));
        }
        const state = path.join(this.folder, "state");
        mkdirSync(state);
        this.giveAway(this.folder, state);
        this.env = {
            ...process.env,
            PULUMI_BACKEND_URL: `file://${state}`,
            XDG_STATE_HOME: path.join(this.folder, "states"),
            PULUMI_CONFIG_PASSPHRASE: "a passphrase of the test",
            PULUMI_STACK: "test",
            // Types have a check of their own; and an engine that lives for seconds need not collect garbage often.
            ...(asWritten ? {} : { PULUMI_NODEJS_TRANSPILE_ONLY: "true", GOGC: "400" }),
            ...env,
        };
    }

    /** Makes the project and the stack; nothing is created in Docker yet. */
    static async create(name: string, options: StackOptions = {}): Promise<TestStack> {
        const stack = new TestStack(name, await findPlace(), options);
        stack.configure({});
        await stack.pulumi(["stack", "init", "test"]);
        return stack;
    }

    /** The gateway's subnet. */
    get subnet(): string {
        return this.place.subnet;
    }

    /** Port of its API on this machine. */
    get apiPort(): number {
        return this.place.apiPort;
    }

    /** Ports for its sandboxes. */
    get ports(): PortBlock {
        return this.place.ports;
    }

    /** Changes a source of the program. @returns how to undo it */
    edit(file: string, from: string, to: string): () => void {
        return editProgram(this.folder, file, from, to);
    }

    /** Writes the configuration; the gateway's identity is always this stack's. */
    configure(config: { gateway?: object; [key: string]: unknown }): void {
        const values = {
            ...config,
            gateway: {
                name: this.gateway,
                subnet: this.subnet,
                apiPort: this.apiPort,
                ports: `${this.ports.first}-${this.ports.last}`,
                ...config.gateway,
            },
        };
        const own = Object.entries(values).map(([key, value]) => [`sandbox-gateway:${key}`, value]);
        const file = path.join(this.folder, "Pulumi.test.yaml");
        writeFileSync(file, stringify({ config: Object.fromEntries(own) as object }));
        this.giveAway(file);
    }

    private giveAway(...files: string[]): void {
        const { user } = this;
        if (user !== undefined) {
            files.forEach((file) => chownSync(file, user, user));
        }
    }

    /** A command as the stack's user runs it. */
    private as(command: string, args: readonly string[]): [command: string, args: string[]] {
        return this.user === undefined
            ? [command, [...args]]
            : ["setpriv", [...privilegesOf(this.user), command, ...args]];
    }

    /** Runs pulumi; it has to succeed. @returns standard output */
    async pulumi(args: readonly string[]): Promise<string> {
        const { status, stdout, stderr } = await this.tryPulumi(args);
        if (status !== 0) {
            throw new Error(`pulumi ${args.join(" ")}: status ${status}\n${stdout}\n${stderr}`);
        }
        return stdout;
    }

    /** Runs pulumi, whatever comes of it. */
    async tryPulumi(args: readonly string[]): Promise<Result> {
        this.outputs = undefined;
        return attempt(...this.as("pulumi", [...args, "--non-interactive"]), this.options());
    }

    /**
     * Runs a target of make on this project, whatever comes of it.
     *
     * @param env further environment. @default none
     */
    async make(target: string, env: NodeJS.ProcessEnv = {}): Promise<Result> {
        return attempt(...this.commandOf(target, env));
    }

    /** Begins a target of make that is not to get to its end. @param env as for `make` */
    begin(target: string, env: NodeJS.ProcessEnv = {}): Running {
        const state = path.join(this.folder, "state");
        return new Running(this.container, state, this.commandOf(target, env));
    }

    private commandOf(target: string, env: NodeJS.ProcessEnv = {}): Parameters<typeof attempt> {
        // The tools work on the folder they lie in.
        for (const name of ["cli", "steps", "toolchain", "package-lock.json"]) {
            const own = path.join(this.folder, name);
            if (!existsSync(own)) {
                cpSync(path.join(ROOT, name), own, { recursive: true });
            }
        }
        this.outputs = undefined;
        const options = this.options();
        return [
            ...this.as(process.execPath, ["--require", this.register, "cli/make.ts", target]),
            // What make has exported to the tests names another stack.
            { ...options, env: { ...options.env, STACK: "test", ...env } },
        ];
    }

    /** `make status` for programs. @param env further environment. @default none */
    async status(env: NodeJS.ProcessEnv = {}): Promise<Status> {
        const { status, stdout, stderr } = await this.make("status", { JSON: "1", ...env });
        if (status !== 0) {
            throw new Error(`make status: status ${status}\n${stdout}\n${stderr}`);
        }
        return JSON.parse(stdout) as Status;
    }

    /** `pulumi up`. */
    async up(...args: string[]): Promise<string> {
        return this.pulumi(["up", "--yes", "--skip-preview", ...args]);
    }

    /** What a preview would do, sorted; resources that stay the same are left out. */
    async preview(...args: string[]): Promise<Changes> {
        return changesOf(await this.pulumi(["preview", "--json", ...args]));
    }

    /** Runs a tool of ours on this project, whatever comes of it. @param input @default nothing */
    async tool(file: string, args: readonly string[], input?: string): Promise<Result> {
        const node = ["--require", this.register, path.join(ROOT, file)];
        return attempt(process.execPath, [...node, ...args], { cwd: ROOT, input });
    }

    /** An output of the program, secrets opened. */
    async output<T>(name: string): Promise<T> {
        const outputs = this.outputs ?? (await this.readOutputs());
        if (!(name in outputs)) {
            throw new Error(`no output ${name} among ${Object.keys(outputs).join(", ")}`);
        }
        this.outputs = outputs;
        return outputs[name] as T;
    }

    private async readOutputs(): Promise<Record<string, unknown>> {
        const json = await this.pulumi(["stack", "output", "--json", "--show-secrets"]);
        return JSON.parse(json) as Record<string, unknown>;
    }

    /** Runs kubectl in the gateway. */
    async kubectl(...args: string[]): Promise<string> {
        return run("docker", ["exec", this.container, "k3s", "kubectl", ...args]);
    }

    /** Runs kubectl in the gateway, whatever comes of it. */
    async tryKubectl(...args: string[]): Promise<Result> {
        return attempt("docker", ["exec", this.container, "k3s", "kubectl", ...args]);
    }

    /** Runs a shell script in a sandbox. */
    async shell(sandbox: string, script: string, input = ""): Promise<string> {
        return run(
            "docker",
            [
                "exec",
                "-i",
                this.container,
                "k3s",
                "kubectl",
                "-n",
                "sandboxes",
                "exec",
                "-i",
                `${sandbox}-0`,
                "-c",
                "agent",
                "--",
                "/bin/sh",
                "-c",
                script,
            ],
            { input },
        );
    }

    /** A sandbox's pod, as Kubernetes has it. */
    async pod(sandbox: string): Promise<RunningPod> {
        const args = ["-n", "sandboxes", "get", "pod", `${sandbox}-0`, "-o", "json"];
        return JSON.parse(await this.kubectl(...args)) as RunningPod;
    }

    /** What a sandbox's application is, as its pod says. */
    async state(sandbox: string): Promise<ApplicationState["state"]> {
        return applicationState(await this.pod(sandbox), sandbox, String).state;
    }

    /** Makes an object in the gateway's default namespace, or in its own. */
    async apply(object: object): Promise<void> {
        const apply = ["exec", "-i", this.container, "k3s", "kubectl", "apply", "-f", "-"];
        await run("docker", apply, { input: JSON.stringify(object) });
    }

    /** An image that every k3s has: one program, no shell. */
    async pauseImage(): Promise<string> {
        const path = "jsonpath={..status.images[*].names}";
        const images = await this.kubectl("get", "nodes", "-o", path);
        const [pause] = /[^"]*pause:[^"]*/.exec(images) ?? [];
        if (pause === undefined) {
            throw new Error(`no pause image among ${images}`);
        }
        return pause;
    }

    /** A page of a sandbox, through its published port; `file` goes on from its URL. */
    async page(sandbox: string, file = ""): Promise<string> {
        const urls = await this.output<Record<string, string>>("urls");
        const signal = AbortSignal.timeout(5000);
        return (await fetch(atAddress(urls[sandbox] as string) + file, { signal })).text();
    }

    /**
     * Waits until a change of a sandbox is through: version 4.25 of the provider may return while
     * Kubernetes still has the status of before.
     */
    async settled(sandbox: string): Promise<void> {
        const set = `statefulset/${sandbox}`;
        await this.kubectl("-n", "sandboxes", "rollout", "status", set, "--timeout=120s");
    }

    /** Kinds of things of this gateway that Docker has. */
    async inDocker(): Promise<string[]> {
        const list = async (kind: string, name: string, ...args: string[]) => {
            const names = await run("docker", [...args, "--filter", `name=${name}`]);
            return names
                .split("\n")
                .filter((found) => found === name)
                .map(() => kind);
        };
        const containers = ["ps", "--all", "--format", "{{.Names}}"];
        return [
            ...(await list("container", this.container, ...containers)),
            ...(await list("keeper", this.keeper, ...containers)),
            ...(await list("network", this.container, "network", "ls", "--format", "{{.Name}}")),
            ...(await list("volume", this.container, "volume", "ls", "--format", "{{.Name}}")),
        ];
    }

    /** Removes everything, whatever state it is in. */
    async remove(): Promise<void> {
        await timed("docker", () => removeAll(this.container, this.folder));
        this.place.release();
    }

    private options() {
        return { cwd: this.folder, env: this.env, timeout: this.timeout };
    }
}
