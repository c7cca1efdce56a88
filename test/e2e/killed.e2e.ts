/**
 * Runs that are killed: the engine, a plugin or everything at once, at one moment after the other of a
 * first `up`; and in a stop, a replacement and a removal. Nothing but `make up` follows, and goes on. The
 * steps build on one another: each killed `up` has what the one before has left to get past.
 */
import { describe, expect, it } from "vitest";
import { gatewaySchema } from "../../settings/schema/gateway";
import { collect, type Evidence } from "../support/evidence";
import { docker, Kills, NOTHING, pending, type Kill } from "../support/kills";
import { run } from "../support/run";

const kills = new Kills("killed");

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
        left = await kills.killedAgain("up", left, kill);
    });

    it("goes on to its end", async () => {
        await kills.goesOn(left);
        expect(await kills.stack.state("agent")).not.toBe("not running");
        expect(await kills.stack.preview()).toEqual([]);
    });
});

describe("a gateway with data", () => {
    let before: Evidence;

    it("is stopped after a stop that was killed while the sandboxes were scaled", async () => {
        await kills.stack.shell("agent", "date > /sandbox/kept");
        before = await collect(kills.stack, "agent");
        // The setting is written: what goes on is the stop.
        await kills.goesOn(await kills.killed("stop", pending("updating StatefulSet")));
        expect(await kills.stack.inDocker()).not.toContain("container");
    });

    it("is stopped after a start whose engine was killed, without its container", async () => {
        const left = await kills.killed("start", docker("container start"), "the engine");
        expect(left).toMatchObject({ lock: true, container: true });
        await kills.goesOn(left, "stop");
        expect(await kills.stack.inDocker()).not.toContain("container");
    });

    it("is what it was after plain pulumi has gone on from a start that was killed", async () => {
        await kills.stops();
        await kills.killed("start", docker("container start"));
        await kills.stack.pulumi(["cancel", "--yes"]);
        const said = await kills.stack.pulumi(["up", "--yes", "--config", "running=true"]);
        expect(said).toContain(
            `Docker had a container ${kills.stack.container} that a killed run had left`,
        );
        expect(await collect(kills.stack, "agent")).toEqual(before);
    });

    it("is what it was after a replacement that was killed twice", async () => {
        kills.configure({ tlsSans: ["agents.example.org"] });
        const left = await kills.killed("up", ({ saving }) => saving);
        const again = await kills.killed("up", docker("container destroy"));
        kills.expectCleared(again.output, { lock: left.lock, container: left.container });
        await kills.goesOn(again);
        expect(await collect(kills.stack, "agent")).toEqual(before);
        expect(await kills.stack.preview()).toEqual([]);
    });
});

describe("somebody else's container", () => {
    it("is refused, and not touched", async () => {
        await kills.stops();
        const image = ["--entrypoint", "/bin/true", gatewaySchema.parse({}).image];
        await run("docker", ["create", "--name", kills.stack.container, ...image]);
        const { status, stdout } = await kills.stack.make("start");
        expect(status).not.toBe(0);
        expect(stdout).toContain(
            `Docker has a container ${kills.stack.container}, which is not known`,
        );
        const state = ["inspect", "--format", "{{.State.Status}}", kills.stack.container];
        expect(await run("docker", state)).toBe("created\n");
        await run("docker", ["rm", "--volumes", kills.stack.container]);
    });
});

describe("a destroy", () => {
    it("that was killed goes on to its end", async () => {
        kills.configure({}, { protect: false, running: false });
        await kills.stack.up();
        await kills.goesOn(await kills.killed("destroy", docker("network destroy")), "destroy");
        // What holds data is removed by a person, by its name.
        expect(await kills.stack.inDocker()).toEqual(["volume"]);
    });
});
