/** The folder of a Pulumi project that a test works on: the program as it stands in the checkout. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";

const ROOT = path.join(__dirname, "..", "..");

/** What the program consists of. */
export const PROGRAM = ["index.ts", "config.ts", "settings", "machine", "components", "model"];

/** What makes it a project. */
const PROJECT = ["Pulumi.yaml", "package.json", "tsconfig.json"];

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
