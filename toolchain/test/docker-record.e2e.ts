/**
 * The stand-in, run as 5.1.0, against the record of the real plugin 5.1.0: the same calls on a
 * real daemon, compared one by one. Needs a Docker daemon and Debian's busybox-static.
 */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, provideImage } from "./record/daemon";
import { comparable, recordedCalls } from "./record/fixture";
import { Recorder } from "./record/recorder";
import { essentialSight, expectedSights, removeLeftovers, runScenario } from "./record/scenario";
import type { Records } from "./record/scenario";

const PLUGIN = ["--import", "tsx", join(__dirname, "record/plugin-5.1.0.ts")];
const SCENARIO_MS = 180_000;

/** Failures after the container exists: the engine must be told its id. */
const LEAVES_A_CONTAINER = [
    "container create port conflict",
    "container create address conflict",
    "container create missing network",
    "container create never healthy",
    "container create exits at once",
];

let image: { remove(): void } | undefined;
let records: Records;

beforeAll(async () => {
    removeLeftovers();
    image = provideImage("sandbox-base:1");
    const plugin = await Recorder.start(process.execPath, PLUGIN);
    try {
        records = await runScenario(plugin);
    } finally {
        await plugin.stop();
    }
}, SCENARIO_MS);

afterAll(() => {
    removeLeftovers();
    image?.remove();
});

describe("the record of the real docker plugin 5.1.0", () => {
    it("has the same calls", () => {
        expect([...records.answers.keys()].sort()).toEqual(recordedCalls.map((c) => c.name).sort());
    });

    it.each(recordedCalls.map((c) => [c.name, c] as const))("%s", (name, call) => {
        expect(comparable(records.answers.get(name) ?? {})).toEqual(comparable(call.result));
    });

    it("shows the same inside the container and in the daemon", () => {
        expect(records.seen.map(essentialSight)).toEqual(expectedSights);
    });
});

describe("beyond the record", () => {
    it("an error carries an id exactly if a container was left behind", () => {
        const withId = [...records.answers].filter(([, a]) => a.initId).map(([name]) => name);
        expect(withId).toEqual(LEAVES_A_CONTAINER);
    });

    it("everything is gone", () => {
        expect(docker("ps", "-aq", "--filter", "name=rec-c")).toBe("");
        expect(docker("volume", "ls", "-q", "--filter", "name=rec-data")).toBe("");
        expect(docker("network", "ls", "-q", "--filter", "name=rec-net")).toBe("");
    });
});
