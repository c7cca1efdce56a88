/** The plugins as they are shipped: one file each that runs where nothing is installed. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Recorder } from "./record/recorder";

interface Bundle {
    readonly name: string;
    readonly entry: string;
    readonly external: string[];
}

const ROOT = join(__dirname, "../..");
const bundles = JSON.parse(readFileSync(join(ROOT, "toolchain/bundles.json"), "utf8")) as Bundle[];
const plugins = bundles.filter((bundle) => bundle.name.startsWith("pulumi-resource-"));
const folder = mkdtempSync(join(tmpdir(), "bundles-"));

beforeAll(async () => {
    for (const { name, entry, external } of plugins) {
        await build({
            entryPoints: [join(ROOT, entry)],
            outfile: join(folder, name),
            bundle: true,
            platform: "node",
            target: "node20",
            external,
            logLevel: "error",
        });
    }
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

it.each([
    ["pulumi-resource-docker", "docker:index/volume:Volume", { name: "a" }],
    ["pulumi-resource-random", "random:index/randomBytes:RandomBytes", { length: 8 }],
])("%s starts outside the checkout and answers", async (name, token, news) => {
    expect(readFileSync(join(folder, name), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    const plugin = await Recorder.start(process.execPath, [join(folder, name)]);
    const known = await plugin.check(token, news);
    const unknown = await plugin.check("other:index:Thing", {});
    await plugin.stop();
    expect(known).toMatchObject({ failures: [], inputs: news });
    expect(unknown.error).toContain("resource type other:index:Thing is not implemented");
});
