/** The toolchain is what an ordinary machine never loads: one with Docker, Pulumi, its plugins and the k3s image. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sdkVersion } from "../../machine/versions";
import { StandIns } from "../support/standIns";
import { ROOT } from "../../machine/root";

let standIns: StandIns;

beforeEach(() => {
    standIns = new StandIns();
});

afterEach(() => standIns.remove());

/** Modules below a folder of the checkout; not those that do something when they are loaded. */
const modulesIn = (folder: string) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join(folder, file))
        .filter((file) => file !== path.join("cli", "make.ts"));

/** The toolchain's files that a program has loaded at its end. @param script with `root` and `out`, a stream */
function loadedBy(script: string): string[] {
    const text = `
        const path = require("node:path");
        const root = ${JSON.stringify(ROOT)};
        const out = require("node:fs").createWriteStream("/dev/null");
        (async () => { ${script} })().then(() => {
            const own = Object.keys(require.cache).filter((file) =>
                file.startsWith(path.join(root, "toolchain") + path.sep));
            process.stdout.write(JSON.stringify(own.map((file) => path.relative(root, file))));
        });`;
    const home = path.join(standIns.folder, "home");
    const env = {
        PATH: `${standIns.folder}:/bin`,
        HOME: home,
        PULUMI_HOME: path.join(home, ".pulumi"),
        SANDBOX_GATEWAY_CACHE: path.join(standIns.folder, "cache"),
    };
    const node = ["--require", require.resolve("tsx/cjs"), "-e", text];
    return JSON.parse(
        execFileSync(process.execPath, node, { cwd: ROOT, env, encoding: "utf8" }),
    ) as string[];
}

const load = (file: string) => `require(path.join(root, ${JSON.stringify(file)}));`;

describe("the toolchain", () => {
    it("is not loaded by anything that make runs", () => {
        const modules = ["cli", "machine", "steps"].flatMap(modulesIn);
        expect(modules).toContain("cli/up.ts");
        expect(loadedBy(modules.map(load).join("\n"))).toEqual([]);
    });

    it("is not loaded where everything is there", () => {
        const version = { Version: "28.4.0" };
        const info = { Name: "here", OSType: "linux" };
        standIns.add(
            "docker",
            `case "$*" in
            version*) echo '${JSON.stringify(version)}' ;;
            info*) echo '${JSON.stringify(info)}' ;;
            "image inspect"*) echo '{}' ;;
            *) exit 64 ;;
            esac`,
        );
        standIns.add("pulumi", `echo v${sdkVersion("pulumi")}`);
        for (const name of ["kubernetes", "docker", "random"]) {
            const folder = `resource-${name}-v${sdkVersion(name)}`;
            const plugins = path.join(standIns.folder, "home", ".pulumi", "plugins");
            mkdirSync(path.join(plugins, folder), { recursive: true });
        }
        const loaded = loadedBy(`
            const { Progress } = require(path.join(root, "steps/progress.ts"));
            const { useDockerHost, provideDocker } = require(path.join(root, "machine/docker/daemon.ts"));
            const { isPublished, providePulumi } = require(path.join(root, "machine/pulumi.ts"));
            const { provideNodeImage } = require(path.join(root, "machine/images.ts"));
            const progress = new Progress("/dev/null", out);
            const assert = require("node:assert");
            await provideDocker(await useDockerHost("unix:///run/here.sock"), { k3s: {} }, progress);
            assert(await isPublished());
            assert.deepEqual((await providePulumi(progress)).path, []);
            assert.equal(await provideNodeImage("rancher/k3s:v1", progress), "there");
        `);
        expect(loaded).toEqual([]);
        expect(standIns.calls()).toContain(
            "docker image inspect --format {{json .Config.Labels}} rancher/k3s:v1",
        );
    });

    it("is loaded through its index where something has to be made", () => {
        const loaded = loadedBy(`
            const { loadToolchain } = require(path.join(root, "machine/standIns.ts"));
            await loadToolchain();
        `);
        expect(loaded).toContain("toolchain/index.ts");
        expect(loaded).toContain("toolchain/provide/goBuild.ts");
    });
});

describe("the toolchain's entrance", () => {
    it("is index.ts, which machine/standIns.ts alone names", () => {
        const ours = [
            "cli",
            "components",
            "guard",
            "machine",
            "model",
            "policy",
            "settings",
            "steps",
            "test",
        ];
        const entering = ours
            .flatMap((folder) =>
                readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" }).map(
                    (file) => path.join(folder, file),
                ),
            )
            .filter((file) => file.endsWith(".ts"))
            // What is tried on the toolchain's virtual machine, or on its images, is a test of it.
            .filter((file) => !/^test\/(vm|e2e)\//.test(file))
            .filter((file) =>
                /(from|import\()\s*"(\.\.?\/)+toolchain\b/.test(
                    readFileSync(path.join(ROOT, file), "utf8"),
                ),
            );
        expect(entering).toEqual(["machine/standIns.ts"]);
    });
});
