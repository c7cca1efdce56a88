/**
 * Programs of ours that need nothing beside them: bundled, so that they run outside any checkout, and with
 * what V8 has compiled of them, for the engine starts four of them in each run.
 */
import * as esbuild from "esbuild";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import type { Recipe } from "../../machine/cache";
import { output as run } from "../../steps/command";
import { ROOT } from "../../machine/root";

/** One program. */
interface Bundle {
    readonly name: string;
    /** First module, below the project's root. */
    readonly entry: string;
    /** Modules that are left out: native parts that the program can do without. */
    readonly external: readonly string[];
}

/** What plugins share, and what decides their packages. */
const SHARED = ["toolchain/plugins/host", "model/urn.ts", "package-lock.json"];

/** Set where a program is to write down what has been compiled of it, instead of serving. */
const COMPILE = "SANDBOX_GATEWAY_COMPILE";

/** Milliseconds after which it has loaded all that it serves with. */
const LOADED = 1000;

/** Runs the bundle beside it. What another version of node has compiled is compiled anew. */
const STARTER = `#!/usr/bin/env node
"use strict";
const fs = require("node:fs");
const Module = require("node:module");
const vm = require("node:vm");
const file = \`\${__filename}.js\`;
const code = \`\${__filename}.code\`;
const script = new vm.Script(Module.wrap(fs.readFileSync(file, "utf8")), {
    filename: file,
    cachedData: fs.existsSync(code) ? fs.readFileSync(code) : undefined,
});
script.runInThisContext().call(exports, exports, require, module, file, __dirname);
if (process.env.${COMPILE}) {
    setTimeout(() => {
        fs.writeFileSync(code, script.createCachedData());
        process.exit(0);
    }, ${LOADED});
}
`;

/** What the program is made from: its own folder, what plugins share, and the locked packages. */
export function bundleRecipe(name: string): Recipe {
    const { entry } = findBundle(name);
    return {
        name,
        files: [path.dirname(entry), ...SHARED].map((file) => path.join(ROOT, file)),
        parameters: [JSON.stringify(findBundle(name)), STARTER, process.version],
    };
}

/** Writes the executable `name` into `folder`, with two files beside it that it needs. */
export async function buildBundle(name: string, folder: string): Promise<void> {
    const { entry, external } = findBundle(name);
    const output = path.join(folder, name);
    await esbuild.build({
        entryPoints: [path.join(ROOT, entry)],
        outfile: `${output}.js`,
        bundle: true,
        platform: "node",
        target: "node20",
        external: [...external],
        logLevel: "error",
    });
    // A line for shells is no JavaScript within a function.
    writeFileSync(`${output}.js`, readFileSync(`${output}.js`, "utf8").replace(/^#!/, "//"));
    writeFileSync(output, STARTER);
    chmodSync(output, 0o755);
    // Without the address of an engine it serves whoever asks.
    const env = { ...process.env, [COMPILE]: "1" };
    await run([process.execPath, output], { env });
}

function findBundle(name: string): Bundle {
    const bundles = JSON.parse(
        readFileSync(path.join(__dirname, "bundles.json"), "utf8"),
    ) as Bundle[];
    const bundle = bundles.find((candidate) => candidate.name === name);
    if (!bundle) {
        throw new Error(`no bundle named ${name}`);
    }
    return bundle;
}
