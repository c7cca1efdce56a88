/**
 * Runs that are killed: the engine, a plugin or everything at once, at one moment after the other of a
 * first `up`, a stop, a start and a replacement. Nothing but `make up` follows, and goes on. The steps
 * build on one another: each killed `up` has what the one before has left to get past; of a start that
 * was killed, each `up` gets to its end.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewaySchema } from "../../settings/schema/gateway";
import { collect, type Evidence } from "../support/evidence";
import { run } from "../support/run";
import type { Running, Seen, Victim } from "../support/running";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

let stack: TestStack;

/** Those that were killed. */
const runs: Running[] = [];

beforeAll(async () => {
    stack = await TestStack.create("killed");
    configure();
});

afterAll(async () => {
    runs.forEach((each) => each.remove());
    await stack?.remove();
});

function configure(gateway: object = {}, more: object = {}): void {
    const sandboxes = { agent: AGENT };
    stack.configure({ gateway: { imageArchives: IMAGES, ...gateway }, sandboxes, ...more });
}

const LOCK = "a lock of stack test was left behind and is taken away";

/** What a killed run has left, which the next one has to say that it has cleared. */
interface Left {
    readonly lock: boolean;
    /** In Docker, and not in the state. */
    readonly container: boolean;
}

const NOTHING: Left = { lock: false, container: false };

function expectCleared(output: string, left: Left): void {
    expect({
        lock: output.includes(LOCK),
        container: output.includes(`has left container ${stack.container}`),
    }).toEqual(left);
}

/** A target that is killed; what is seen of its end, for a busy machine may have gone on a little. */
async function killed(
    target: string,
    moment: (seen: Seen) => boolean,
    victim: Victim = "everything",
): Promise<Left & { readonly output: string }> {
    const running = stack.begin(target, { CONFIRM: stack.gateway });
    runs.push(running);
    expect(await running.kill(moment, victim)).not.toBe(0);
    const container = (await stack.inDocker()).includes("container");
    return {
        lock: running.locked,
        container: container && !running.knowsContainer,
        output: running.output,
    };
}

/** When a run is killed, and who. */
type Kill = readonly [name: string, moment: (seen: Seen) => boolean, victim: Victim];

/** A target that goes on from what one before has left, and is killed in its turn. */
async function killedAgain(target: string, left: Left, [, moment, victim]: Kill): Promise<Left> {
    const { output, lock, container } = await killed(target, moment, victim);
    expectCleared(output, left);
    // One that ends by itself gives its lock back.
    expect(lock).toBe(victim === "everything" || victim === "the engine");
    return { lock, container };
}

/** The gateway is stopped, if it runs: by what `make stop` does, without its preview. */
async function stops(): Promise<void> {
    if ((await stack.inDocker()).includes("container")) {
        await stack.up("--config", "running=false");
    }
}

/** `make up`, or another target, which has to succeed. */
async function goesOn({ lock, container }: Left, target = "up"): Promise<void> {
    const { status, stdout, stderr } = await stack.make(target, { CONFIRM: stack.gateway });
    expect(stdout + stderr).not.toMatch(/error:|interrupted while creating/);
    expect(status).toBe(0);
    expectCleared(stdout, { lock, container });
}

const docker = (action: string) => (seen: Seen) => seen.docker.includes(action);
const pending = (operation: string) => (seen: Seen) => seen.pending.includes(operation);

describe("a first up", () => {
    let left = NOTHING;

    it.each<Kill>([
        ["it has the lock", ({ locked }) => locked, "everything"],
        ["the image is looked for", pending("creating RemoteImage"), "the docker plugin"],
        ["the volume is to be made", pending("creating Volume"), "everything"],
        ["Docker has made the network", docker("network create"), "everything"],
        ["the container is there", docker("container create"), "the docker plugin"],
        ["the container is healthy", docker("container health_status: healthy"), "everything"],
        ["a namespace is made", pending("creating Namespace"), "the engine"],
        ["a claim is made", pending("creating PersistentVolumeClaim"), "everything"],
        ["a sandbox is awaited", pending("creating StatefulSet"), "the kubernetes plugin"],
        ["it is awaited once more", pending("creating StatefulSet"), "the engine"],
    ])("is killed when %s", async (...kill) => {
        left = await killedAgain("up", left, kill);
    });

    it("goes on to its end", async () => {
        await goesOn(left);
        expect(await stack.state("agent")).not.toBe("not running");
        expect(await stack.preview()).toEqual([]);
    });
});

describe("a gateway with data", () => {
    let before: Evidence;

    it("is stopped after a stop that was killed while the sandboxes were scaled", async () => {
        await stack.shell("agent", "date > /sandbox/kept");
        before = await collect(stack, "agent");
        // The setting is written: what goes on is the stop.
        await goesOn(await killed("stop", pending("updating StatefulSet")));
        expect(await stack.inDocker()).not.toContain("container");
    });

    it("is stopped after a start whose engine was killed, without its container", async () => {
        const left = await killed("start", docker("container start"), "the engine");
        expect(left).toMatchObject({ lock: true, container: true });
        await goesOn(left, "stop");
        expect(await stack.inDocker()).not.toContain("container");
    });

    it.each<Kill>([
        ["it has the lock", ({ locked }) => locked, "everything"],
        ["the state is saved", ({ saving }) => saving, "everything"],
        ["the container is to be made", pending("creating Container"), "everything"],
        ["the container is there", docker("container create"), "the docker plugin"],
        ["the container starts", docker("container start"), "everything"],
        ["the container is awaited", docker("container start"), "the docker plugin"],
        ["the container is healthy", docker("container health_status: healthy"), "the engine"],
        ["the sandboxes are scaled", pending("updating StatefulSet"), "the kubernetes plugin"],
        ["a sandbox is awaited", pending("updating StatefulSet"), "everything"],
        ["the keeper goes", pending("deleting Container"), "everything"],
    ])(
        "is what it was after nothing but an up, once a start was killed when %s",
        async (...kill) => {
            await stops();
            await goesOn(await killedAgain("start", NOTHING, kill));
            expect(await collect(stack, "agent")).toEqual(before);
            expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        },
    );

    it("has nothing left to be done", async () => {
        expect(await stack.preview()).toEqual([]);
    });

    it("is what it was after plain pulumi has gone on from a start that was killed", async () => {
        await stops();
        await killed("start", docker("container start"));
        await stack.pulumi(["cancel", "--yes"]);
        const said = await stack.pulumi(["up", "--yes", "--config", "running=true"]);
        expect(said).toContain(
            `Docker had a container ${stack.container} that a killed run had left`,
        );
        expect(await collect(stack, "agent")).toEqual(before);
    });

    it("is what it was after a replacement that was killed twice", async () => {
        configure({ tlsSans: ["agents.example.org"] });
        const left = await killed("up", ({ saving }) => saving);
        const again = await killed("up", docker("container destroy"));
        expectCleared(again.output, { lock: left.lock, container: left.container });
        await goesOn(again);
        expect(await collect(stack, "agent")).toEqual(before);
        expect(await stack.preview()).toEqual([]);
    });
});

describe("somebody else's container", () => {
    it("is refused, and not touched", async () => {
        await stops();
        const image = ["--entrypoint", "/bin/true", gatewaySchema.parse({}).image];
        await run("docker", ["create", "--name", stack.container, ...image]);
        const { status, stdout } = await stack.make("start");
        expect(status).not.toBe(0);
        expect(stdout).toContain(`Docker has a container ${stack.container}, which is not known`);
        const state = ["inspect", "--format", "{{.State.Status}}", stack.container];
        expect(await run("docker", state)).toBe("created\n");
        await run("docker", ["rm", "--volumes", stack.container]);
    });
});

describe("a destroy", () => {
    it("that was killed goes on to its end", async () => {
        configure({}, { protect: false, running: false });
        await stack.up();
        await goesOn(await killed("destroy", docker("network destroy")), "destroy");
        // What holds data is removed by a person, by its name.
        expect(await stack.inDocker()).toEqual(["volume"]);
    });
});
