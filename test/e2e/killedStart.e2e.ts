/**
 * Starts that are killed: the engine, a plugin or everything at once, at one moment after the other. Nothing
 * but `make up` follows, and gets to its end each time.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { collect, type Evidence } from "../support/evidence";
import { docker, Kills, NOTHING, pending, type Kill } from "../support/kills";

const kills = new Kills("killed-start");

describe("a gateway with data", () => {
    let before: Evidence;

    beforeAll(async () => {
        await kills.stack.up();
        await kills.stack.shell("agent", "date > /sandbox/kept");
        before = await collect(kills.stack, "agent");
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
            await kills.stops();
            await kills.goesOn(await kills.killedAgain("start", NOTHING, kill));
            expect(await collect(kills.stack, "agent")).toEqual(before);
            expect(await kills.stack.inDocker()).toEqual(["container", "network", "volume"]);
        },
    );

    it("has nothing left to be done", async () => {
        expect(await kills.stack.preview()).toEqual([]);
    });
});
