/** Makes the archive that end-to-end tests load from; once for all, for the compiler takes its time to load. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import ts from "typescript";
import type { Task } from "./modules/record";
import { PROGRAM } from "./project";

const ROOT = path.join(__dirname, "..", "..");

/** What loads modules from an archive. */
const MODULES = path.join(__dirname, "modules");

/** What the SDK has loaded when it begins to run a program, or a policy pack. */
const SDK = [
    ...["instrumentation", "tracing", "error"].map((name) => `@pulumi/pulumi/cmd/run/${name}`),
    ...["@pulumi/pulumi", "@pulumi/pulumi/tsutils", "@pulumi/policy"],
    ...["source-map-support/register", "minimist", "ini"],
    // They are loaded as they are asked for.
    ...["remoteImage", "volume", "network", "container"].map((name) => `@pulumi/docker/${name}`),
    "@pulumi/random/randomBytes",
    ...[
        ...["provider", "networking/v1/networkPolicy", "storage/v1/storageClass"],
        ...["namespace", "secret", "persistentVolumeClaim", "service", "configMap"].map(
            (name) => `core/v1/${name}`,
        ),
        "apps/v1/statefulSet",
    ].map((name) => `@pulumi/kubernetes/${name}`),
];

/** What declares nothing and runs nothing when it is loaded. */
const LIBRARIES = [
    "config",
    "components",
    "settings/args",
    "policy/rules",
    "cli/up",
    "cli/recovery/recover",
];

/** Where all the rest is that programs and tools of ours load. */
const SOURCES = [...PROGRAM, "cli", "guard", "policy", "steps", "toolchain"];

/** What programs and tools of the checkout load. */
const OURS = (): Task => ({
    root: ROOT,
    load: [...SDK, ...LIBRARIES.map((name) => path.join(ROOT, name))],
    compile: SOURCES.flatMap(sourcesIn),
});

/** Makes an archive in `folder`, which is there and empty. @param task @default the checkout's own */
export function makeArchive(folder: string, task = OURS()): void {
    symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
    for (const name of readdirSync(MODULES)) {
        const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS };
        const text = readFileSync(path.join(MODULES, name), "utf8");
        const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: name });
        writeFileSync(path.join(folder, name.replace(/\.ts$/, ".js")), outputText);
    }
    const args = [path.join(folder, "record.js"), JSON.stringify(task)];
    for (let run = 0; run < 2; run++) {
        execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    }
}

/** Files of TypeScript that a name of the checkout stands for. */
function sourcesIn(name: string): string[] {
    const names = name.endsWith(".ts")
        ? [name]
        : readdirSync(path.join(ROOT, name), { recursive: true, encoding: "utf8" }).map((below) =>
              path.join(name, below),
          );
    return names.filter((file) => file.endsWith(".ts")).map((file) => path.join(ROOT, file));
}
