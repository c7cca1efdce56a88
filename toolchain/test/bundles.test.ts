/** The plugins as they are shipped: they run where nothing is installed. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { entryName } from "../../machine/cache";
import { buildBundle, bundleRecipe } from "../provide/bundle";
import type { Obj } from "../plugins/host/values";
import { Recorder } from "./record/recorder";

const folder = mkdtempSync(join(tmpdir(), "bundles-"));

beforeAll(async () => {
    await buildBundle("pulumi-resource-docker", folder);
    await buildBundle("pulumi-resource-random", folder);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

it.each(["pulumi-resource-docker", "pulumi-resource-random", "pulumi-language-nodejs"])(
    "%s is made from files that are there",
    (name) => {
        expect(entryName(bundleRecipe(name))).toMatch(new RegExp(`^${name}-[0-9a-f]{16}$`));
    },
);

const check = async (name: string, token: string, news: Obj) => {
    const plugin = await Recorder.start(process.execPath, [join(folder, name)]);
    const known = await plugin.check(token, news);
    const unknown = await plugin.check("other:index:Thing", {});
    await plugin.stop();
    expect(known).toMatchObject({ failures: [], inputs: news });
    expect(unknown.error).toContain("resource type other:index:Thing is not implemented");
};

it.each([
    ["pulumi-resource-docker", "docker:index/volume:Volume", { name: "a" }],
    ["pulumi-resource-random", "random:index/randomBytes:RandomBytes", { length: 8 }],
])("%s starts outside the checkout and answers", async (name, token, news) => {
    expect(readFileSync(join(folder, name), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    const code = join(folder, `${name}.code`);
    expect(statSync(code).size).toBeGreaterThan(100_000);
    await check(name, token, news);
    // What another version of node has compiled is as good as nothing.
    writeFileSync(code, "nothing");
    await check(name, token, news);
    rmSync(code);
    await check(name, token, news);
});
