/** The folder of a Pulumi project that a test works on: the program as it stands in the checkout. */
import {
    cpSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import * as path from "node:path";
import ts from "typescript";

const ROOT = path.join(__dirname, "..", "..");

/** What the program consists of. */
const PROGRAM = ["index.ts", "config.ts", "settings", "components"];

/** What makes it a project. */
const PROJECT = ["Pulumi.yaml", "package.json", "tsconfig.json"];

/** Folder in a project with the compiled program. */
const BUILD = "build";

/** Lays a project in `folder`, which is there and empty. */
export function layProject(folder: string): void {
    copy([...PROJECT, ...PROGRAM], folder);
    symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
}

/**
 * Makes a project run a program that was compiled beforehand by `compileProgram`, as a project may:
 * with the entry point in its package.json. Starting then takes half the time.
 */
export function useCompiled(folder: string, compiled: string): void {
    cpSync(compiled, path.join(folder, BUILD), { recursive: true });
    change(path.join(folder, "package.json"), '"main": "index.ts"', `"main": "${BUILD}/index.js"`);
    // A sixth of a run would go into source maps of stacks that are kept in case a promise leaks.
    const options = "    typescript: false\n    nodeargs: --stack-trace-limit=0\n";
    change(path.join(folder, "Pulumi.yaml"), "options:\n", `options:\n${options}`);
}

/** Compiles the program of the checkout into `folder`. Types are checked by a check of its own. */
export function compileProgram(folder: string): void {
    copy(PROGRAM, folder);
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    for (const name of names.filter((name) => name.endsWith(".ts"))) {
        compile(path.join(folder, name), path.join(folder, outputOf(name)));
    }
}

/**
 * Changes a source of the program, and what was compiled from it. @returns how to undo it
 *
 * @throws Error when the text to change is not there
 */
export function editProgram(folder: string, file: string, from: string, to: string): () => void {
    const source = path.join(folder, file);
    const text = readFileSync(source, "utf8");
    const output = path.join(folder, BUILD, outputOf(file));
    const compiled = statSync(output, { throwIfNoEntry: false }) !== undefined;
    const build = () => {
        if (compiled) {
            // A script lies beside what was compiled as it is.
            (file.endsWith(".ts") ? compile : cpSync)(source, output);
        }
    };
    change(source, from, to);
    build();
    return () => {
        writeFileSync(source, text);
        build();
    };
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

/** With the options that the launcher of programs compiles with when it loads them. */
function compile(source: string, output: string): void {
    const { compilerOptions } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), (file) =>
        ts.sys.readFile(file),
    ).config as { compilerOptions: object };
    const { options } = ts.convertCompilerOptionsFromJson(
        { ...compilerOptions, noEmit: false },
        ROOT,
    );
    const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), {
        compilerOptions: options,
        fileName: source,
    });
    mkdirSync(path.dirname(output), { recursive: true });
    writeFileSync(output, outputText);
}

function outputOf(file: string): string {
    return file.replace(/\.ts$/, ".js");
}

function copy(names: readonly string[], folder: string): void {
    for (const name of names) {
        cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
    }
}
