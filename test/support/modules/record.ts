/**
 * Makes the archive that register.ts uses. It loads modules of a checkout and of its packages, and writes down
 * what node has found and read, and what TypeScript compiles to. Run once more, it adds what V8 has compiled.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import * as path from "node:path";
import {
    ARCHIVE,
    compile,
    compileModule,
    loader,
    loadTypeScript,
    requestKey,
    sourceKey,
    useArchive,
    writeArchive,
    type Contents,
} from "./archive";
import { loadSeldomLater } from "./seldom";

/** What is recorded, as the one argument. */
export interface Task {
    /** Folder of the checkout. */
    readonly root: string;
    /** Modules that are loaded. */
    readonly load: readonly string[];
    /** Those of TypeScript that do something when they are loaded: they are compiled only. */
    readonly compile: readonly string[];
}

/** Loads modules as always. @returns what that took */
function record({ root, ...task }: Task): Contents {
    const packages = realpathSync(path.join(root, "node_modules")) + path.sep;
    const options = readOptions(root);
    const files: string[] = [];
    const resolved: Record<string, string> = {};
    const compiled: Record<string, string> = {};
    const compileFile = (file: string) => {
        const text = readFileSync(file, "utf8");
        return (compiled[sourceKey(text)] ??= compile(text, file, options));
    };
    const resolve = loader._resolveFilename;
    loader._resolveFilename = function (request, parent, ...rest) {
        const file = resolve.call(this, request, parent, ...rest);
        const folder = parent?.filename && path.dirname(parent.filename);
        if (folder?.startsWith(packages) && path.isAbsolute(file) && rest[1] === undefined) {
            resolved[requestKey(folder, request)] = file;
        }
        return file;
    };
    const load = loader._extensions[".js"]!;
    loader._extensions[".js"] = (module, file) => {
        if (file.startsWith(packages)) {
            files.push(file);
        }
        load(module, file);
    };
    loader._extensions[".ts"] = (module, file) => {
        compileModule(module, file, compileFile(file));
    };
    task.load.forEach(require);
    task.compile.forEach(compileFile);
    return { packages, options, files, resolved, compiled };
}

/** Those of the checkout, with which the SDK compiles a program as well. */
function readOptions(root: string): Contents["options"] {
    const ts = loadTypeScript();
    const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) =>
        ts.sys.readFile(file),
    ) as { config: { compilerOptions: object } };
    const { options } = ts.convertCompilerOptionsFromJson(
        { ...config.compilerOptions, noEmit: false },
        root,
    );
    return options;
}

loadSeldomLater();
const archive = path.join(__dirname, ARCHIVE);
const task = JSON.parse(process.argv[2] ?? "") as Task;
if (existsSync(archive)) {
    const { scripts, contents } = useArchive(archive);
    task.load.forEach(require);
    const code = [...scripts].map(([key, script]) => [key, script.createCachedData()] as const);
    writeArchive(archive, contents(), new Map(code));
} else {
    writeArchive(archive, record(task));
}
