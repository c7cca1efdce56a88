/** Pulumi as published, on a machine that has none; the download host and the installer are stand-ins. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as download from "../../machine/published";
import { sdkVersion } from "../../machine/versions";
import { StandIns } from "../support/standIns";

const { asked, install } = vi.hoisted(() => ({
    asked: vi.fn<(url: string) => Promise<download.Published | undefined>>(),
    install: vi.fn<(options: { root: string }) => Promise<void>>(),
}));
vi.mock("@pulumi/pulumi/automation/index.js", () => ({ PulumiCommand: { install } }));
vi.mock("../../machine/published", async (original) => ({
    ...(await original<typeof download>()),
    findPublished: asked,
}));

let standIns: StandIns;
let cache: string;

beforeEach(() => {
    standIns = new StandIns();
    cache = path.join(standIns.folder, "cache");
    vi.stubEnv("SANDBOX_GATEWAY_CACHE", cache);
    vi.stubEnv("PULUMI_HOME", path.join(standIns.folder, "home"));
    // A shell, and no Pulumi.
    vi.stubEnv("PATH", `${standIns.folder}:/bin`);
    standIns.add("pulumi", "exit 127");
    install.mockReset().mockImplementation(({ root }) => {
        const bin = path.join(root, "bin");
        mkdirSync(bin);
        const script = `#!/bin/sh\necho "fetched $* in $PULUMI_HOME" >>${standIns.folder}/calls\n`;
        writeFileSync(path.join(bin, "pulumi"), script, { mode: 0o755 });
        return Promise.resolve();
    });
});

afterEach(() => standIns.remove());

/** The module as a new run has it, with nothing remembered. @param answer of the download host */
async function newRun(answer: download.Published | undefined) {
    vi.resetModules();
    asked.mockReset().mockResolvedValue(answer);
    return import("../../machine/pulumi.js");
}

describe("Pulumi that PATH does not have", () => {
    it("is fetched with its plugins, each said with its size, and built from nothing", async () => {
        const pulumi = await newRun({ size: 78_600_000 });
        expect(await pulumi.isPublished()).toBe(true);
        const tools = await pulumi.providePulumi(standIns.progress);
        const [entry = ""] = readdirSync(cache);
        expect(tools).toEqual({
            path: [path.join(cache, entry, "bin")],
            description: `Pulumi ${sdkVersion("pulumi")} as published; plugins as published`,
        });
        expect(standIns.printed.trimEnd().split("\n")).toEqual([
            `     downloading Pulumi ${sdkVersion("pulumi")} (79 MB)`,
            ...["kubernetes", "docker", "random"].map(
                (name) => `     downloading plugin ${name} ${sdkVersion(name)} (79 MB)`,
            ),
        ]);
        // By the engine that was fetched, into the user's own home.
        expect(standIns.calls()).toContain(
            `fetched plugin install resource docker ${sdkVersion("docker")} in ${path.join(standIns.folder, "home")}`,
        );
    });

    it("is not taken for there with a plugin that was not fetched to the end", async () => {
        const plugins = path.join(standIns.folder, "home", "plugins");
        const pulumi = await newRun({});
        const folderOf = (name: string) =>
            path.join(plugins, `resource-${name}-v${sdkVersion(name)}`);
        mkdirSync(folderOf("docker"), { recursive: true });
        mkdirSync(folderOf("random"));
        writeFileSync(`${folderOf("docker")}.partial`, "");
        await pulumi.providePulumi(standIns.progress);
        const fetched = standIns.calls().filter((call) => call.startsWith("fetched plugin"));
        expect(fetched.map((call) => call.split(" ")[4])).toEqual(["kubernetes", "docker"]);
    });

    it("is fetched once, and then found without a look at the network", async () => {
        const first = await newRun({});
        await first.providePulumi(standIns.progress);
        const second = await newRun(undefined);
        expect(await second.isPublished()).toBe(true);
        const { path: folders } = await second.providePulumi(standIns.progress);
        expect(folders).toHaveLength(1);
        expect(install).toHaveBeenCalledTimes(1);
        const engine = download.enginePath(sdkVersion("pulumi"));
        expect(asked.mock.calls.flat()).not.toContain(download.PUBLISHED + engine);
    });

    it("has to be built where nothing is reached, which is asked once in a run", async () => {
        const pulumi = await newRun(undefined);
        expect(await pulumi.isPublished()).toBe(false);
        expect(await pulumi.isPublished()).toBe(false);
        expect(asked).toHaveBeenCalledTimes(1);
        expect(install).not.toHaveBeenCalled();
    });
});
