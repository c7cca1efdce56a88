/** Builds programs from their pinned Go modules. */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { cached, isCached, type Recipe } from "./cache";
import { StepError, type Progress } from "./progress";

/** One program, from a folder of toolchain/go. */
export interface GoBuild {
    readonly name: string;
    /** Folder below toolchain/go that holds go.mod and go.sum. */
    readonly module: string;
    /** Package to build, as `go build` takes it. */
    readonly package: string;
    readonly tags: string;
    readonly ldflags: string;
    /** Whether it needs a C compiler. */
    readonly cgo: boolean;
    /** Flags for the C compiler. */
    readonly cflags?: string;
    /** Files to copy into the folder before the build, from a module: `go:embed` needs them there. */
    readonly embed?: { readonly module: string; readonly folder: string; readonly files: string[] };
}

const GO_FOLDER = path.join(__dirname, "go");

/** Every program, by name. */
export function goBuilds(): ReadonlyMap<string, GoBuild> {
    const file = path.join(GO_FOLDER, "builds.json");
    const builds = JSON.parse(readFileSync(file, "utf8")) as GoBuild[];
    return new Map(builds.map((build) => [build.name, build]));
}

/** Path of the built program; builds it when it is not cached. */
export async function goProgram(name: string, progress: Progress): Promise<string> {
    const build = findBuild(name);
    const entry = await cached(recipe(build), (folder) => compile(build, folder, progress));
    return path.join(entry, name);
}

/** Whether the program is built already. */
export function hasGoProgram(name: string): boolean {
    return isCached(recipe(findBuild(name)));
}

/** What the program is built from: a key for things built from it. */
export function goRecipe(name: string): Recipe {
    return recipe(findBuild(name));
}

/**
 * Checks the Go toolchain against the newest version a module asks for.
 *
 * @throws StepError when it is missing or too old
 */
export function checkGo(names: readonly string[]): void {
    if (names.length === 0) {
        return;
    }
    const hint = "install Go from https://go.dev/dl/ or set PATH to a newer one, then run it again";
    const needed = names
        .map((name) => goDirective(findBuild(name)))
        .sort(compareVersions)
        .at(-1);
    let found: string;
    try {
        found = execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8" }).trim().slice(2);
    } catch {
        throw new StepError(`no Go on PATH; building ${names.join(", ")} needs Go ${needed}`, hint);
    }
    if (needed !== undefined && compareVersions(found, needed) < 0) {
        throw new StepError(
            `Go is ${found}; building ${names.join(", ")} needs ${needed} or newer`,
            hint,
        );
    }
}

function findBuild(name: string): GoBuild {
    const build = goBuilds().get(name);
    if (!build) {
        throw new Error(`no Go build named ${name}`);
    }
    return build;
}

function recipe(build: GoBuild): Recipe {
    const folder = path.join(GO_FOLDER, build.module);
    const sources =
        build.package === "." ? readdirSync(folder).filter((file) => file.endsWith(".go")) : [];
    return {
        name: build.name,
        files: ["go.mod", "go.sum", ...sources].map((file) => path.join(folder, file)),
        parameters: [JSON.stringify(build), process.arch],
    };
}

async function compile(build: GoBuild, folder: string, progress: Progress): Promise<void> {
    const env = {
        ...process.env,
        CGO_ENABLED: build.cgo ? "1" : "0",
        ...(build.cflags === undefined ? {} : { CGO_CFLAGS: build.cflags }),
        GOFLAGS: "-buildvcs=false",
    };
    let cwd = path.join(GO_FOLDER, build.module);
    if (build.embed) {
        cwd = await embedFiles(build.embed, cwd, folder, env, progress);
    }
    const output = path.join(folder, build.name);
    const tags = build.tags ? ["-tags", build.tags] : [];
    await progress.run(
        "go",
        [
            "build",
            "-v",
            "-trimpath",
            ...tags,
            "-ldflags",
            build.ldflags,
            "-o",
            output,
            build.package,
        ],
        { cwd, env },
    );
}

/** A copy of the module's folder with the files beside its sources; the checkout stays as it is. */
async function embedFiles(
    embed: NonNullable<GoBuild["embed"]>,
    module: string,
    folder: string,
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<string> {
    await progress.run("go", ["mod", "download", embed.module], { cwd: module, env });
    const source = await progress.run("go", ["list", "-m", "-f", "{{.Dir}}", embed.module], {
        cwd: module,
        env,
    });
    const copy = path.join(folder, "source");
    cpSync(module, copy, { recursive: true });
    for (const file of embed.files) {
        cpSync(path.join(source.trim(), embed.folder, file), path.join(copy, file));
    }
    return copy;
}

function goDirective(build: GoBuild): string {
    const text = readFileSync(path.join(GO_FOLDER, build.module, "go.mod"), "utf8");
    return /^go (\S+)$/m.exec(text)?.[1] ?? "1.0";
}

/** Orders versions such as 1.9.3 and 1.26 number by number. */
export function compareVersions(a: string, b: string): number {
    const [left, right] = [a, b].map((version) => version.split(".").map((part) => parseInt(part)));
    for (let i = 0; i < 3; i++) {
        const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
        if (difference !== 0) {
            return difference;
        }
    }
    return 0;
}
