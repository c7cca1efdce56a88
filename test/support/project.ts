/** The folder of a Pulumi project that a test works on: the program as it stands in the checkout. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import ts from "typescript";
import type { Task } from "./modules/record";

const ROOT = path.join(__dirname, "..", "..");

/** What the program consists of. */
const PROGRAM = ["index.ts", "config.ts", "settings", "machine", "components", "model"];

/** What makes it a project. */
const PROJECT = ["Pulumi.yaml", "package.json", "tsconfig.json"];

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

/** Lays a project in `folder`, which is there and empty. */
export function layProject(folder: string): void {
    copy([...PROJECT, ...PROGRAM], folder);
    symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
}

/**
 * Has node load a project's program, or a policy pack, from an archive. Starting then takes a third of the
 * time, and types are not checked.
 *
 * @param file Pulumi.yaml or PulumiPolicy.yaml
 * @param archive folder that `makeArchive` has made
 */
export function useArchive(file: string, archive: string): void {
    const text = readFileSync(file, "utf8");
    const runtime = `runtime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --require ${path.join(archive, "program.js")}\n`;
    const own = /^runtime: nodejs\n|^runtime:\n {2}name: nodejs\n {2}options:\n/m;
    change(file, (own.exec(text) ?? [file])[0], runtime);
}

/** What node loads, by `--require`, to load a tool of ours from an archive. */
export function registerFile(archive: string): string {
    return path.join(archive, "register.js");
}

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

/**
 * Changes a source of the program. @returns how to undo it
 *
 * @throws Error when the text to change is not there
 */
export function editProgram(folder: string, file: string, from: string, to: string): () => void {
    const source = path.join(folder, file);
    const text = readFileSync(source, "utf8");
    change(source, from, to);
    return () => writeFileSync(source, text);
}

function change(file: string, from: string, to: string): void {
    const text = readFileSync(file, "utf8");
    if (!text.includes(from)) {
        throw new Error(`${file} does not contain ${from}`);
    }
    writeFileSync(
        file,
        text.replace(from, () => to),
    );
}

function copy(names: readonly string[], folder: string): void {
    for (const name of names) {
        cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
    }
}
