/** Programs of ours that are one file each: bundled, so that they run outside any checkout. */
import * as esbuild from "esbuild";
import { chmodSync, readFileSync } from "node:fs";
import * as path from "node:path";
import type { Recipe } from "./cache";

const ROOT = path.join(__dirname, "..");

/** One program. */
interface Bundle {
    readonly name: string;
    /** First module, below the project's root. */
    readonly entry: string;
    /** Modules that are left out: native parts that the program can do without. */
    readonly external: readonly string[];
}

/** What the program is made from: its folder, what the plugins share, and the locked packages. */
export function bundleRecipe(name: string): Recipe {
    const { entry } = findBundle(name);
    return {
        name,
        files: [path.dirname(entry), "toolchain/plugin-host", "package-lock.json"].map((file) =>
            path.join(ROOT, file),
        ),
        parameters: [JSON.stringify(findBundle(name))],
    };
}

/** Writes the executable `name` into `folder`. */
export async function buildBundle(name: string, folder: string): Promise<void> {
    const { entry, external } = findBundle(name);
    const output = path.join(folder, name);
    await esbuild.build({
        entryPoints: [path.join(ROOT, entry)],
        outfile: output,
        bundle: true,
        platform: "node",
        target: "node20",
        external: [...external],
        logLevel: "error",
    });
    chmodSync(output, 0o755);
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
