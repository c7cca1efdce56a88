/** Builds programs from their pinned Go modules. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { cached, isCached, type Recipe } from "../../machine/cache";
import { compareVersions } from "../../machine/versions";
import { output } from "../../steps/command";
import { applyEdits, type Edit } from "./edits";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";

/** One program, from a folder of toolchain/go. */
export interface GoBuild {
    readonly name: string;
    /** Folder below toolchain/go that holds go.mod and go.sum. */
    readonly module: string;
    /** Package to build, as `go build` takes it. */
    readonly package: string;
    /** Whether the versions are those of go.work, which all of the node image's programs share. */
    readonly workspace?: boolean;
    /** Build tags besides those that all have. */
    readonly tags?: string;
    /** Linker flags besides those that all have. */
    readonly ldflags?: string;
    /** Flags for the C compiler, where it needs one. */
    readonly cgo?: string;
    /** Files of a module that the compiler is to find beside ours. */
    readonly borrow?: {
        readonly module: string;
        readonly folder: string;
        readonly files: readonly string[];
        readonly edits?: readonly (Edit & { readonly file: string })[];
    };
}

/** All modules. */
export const GO_FOLDER = path.join(__dirname, "..", "go");
const WORKSPACE = path.join(GO_FOLDER, "go.work");

/**
 * Go's own resolver of names and users: with the same tags everywhere, programs with and without C
 * code share what is compiled of the standard library.
 */
const TAGS = "osusergo,netgo";

/**
 * For every compilation. Without debug information that no one reads; `-ldflags -w` alone would have
 * it made for each package and thrown away by the linker.
 */
const FLAGS = ["-trimpath", "-gcflags=all=-dwarf=false"];

/** Bytes of memory per core from which on the compiler may let garbage lie. */
const AMPLE_MEMORY = 4 * 2 ** 30;

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

/**
 * Paths of several programs. The first is built alone: what the others share with it is compiled
 * then, and each of them has little of its own. They are built two at a time: a linker takes a
 * gigabyte, and keeps one core busy.
 */
export async function goPrograms(
    [first, ...others]: readonly string[],
    progress: Progress,
): Promise<ReadonlyMap<string, string>> {
    const built = new Map<string, string>();
    const build = async (name: string) => built.set(name, await goProgram(name, progress));
    if (first !== undefined) {
        await build(first);
    }
    const half = Math.ceil(others.length / 2);
    const inTurn = (names: readonly string[]) => async () => {
        for (const name of names) {
            await build(name);
        }
    };
    await progress.together([inTurn(others.slice(0, half)), inTurn(others.slice(half))]);
    return built;
}

/** Version of the Go toolchain on PATH. @returns undefined without one */
export async function goVersion(): Promise<string | undefined> {
    try {
        return (await output(["go", "env", "GOVERSION"])).trim().slice(2);
    } catch {
        return undefined;
    }
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
export async function checkGo(names: readonly string[]): Promise<void> {
    if (names.length === 0) {
        return;
    }
    const hint = "install Go from https://go.dev/dl/ or set PATH to a newer one, then run it again";
    const needed = names
        .map((name) => goDirective(findBuild(name)))
        .sort(compareVersions)
        .at(-1);
    const found = await goVersion();
    if (found === undefined) {
        throw new StepError(`no Go on PATH; building ${names.join(", ")} needs Go ${needed}`, hint);
    }
    if (needed !== undefined && compareVersions(found, needed) < 0) {
        throw new StepError(
            `Go is ${found}; building ${names.join(", ")} needs ${needed} or newer`,
            hint,
        );
    }
}

/** How a program is built. @throws Error when there is none of that name */
export function findBuild(name: string): GoBuild {
    const build = goBuilds().get(name);
    if (!build) {
        throw new Error(`no Go build named ${name}`);
    }
    return build;
}

function recipe(build: GoBuild): Recipe {
    const folder = path.join(GO_FOLDER, build.module);
    return {
        name: build.name,
        files: [...sources(folder), ...(build.workspace ? workspaceFiles() : [])],
        parameters: [JSON.stringify(build), TAGS, ...FLAGS, process.arch],
    };
}

/** Everything that is compiled or decides a version, in a module and the modules inside it. */
function sources(folder: string): string[] {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => /(^|\/)go\.(mod|sum)$|(?<!_test)\.go$/.test(file))
        .sort()
        .map((file) => path.join(folder, file));
}

/** The versions of a workspace are decided by all of its modules. */
function workspaceFiles(): string[] {
    const modules = [...readFileSync(WORKSPACE, "utf8").matchAll(/^\t\.\/(\S+)$/gm)];
    return [
        WORKSPACE,
        `${WORKSPACE}.sum`,
        ...modules.map(([, module]) => path.join(GO_FOLDER, module ?? "", "go.mod")),
    ];
}

async function compile(build: GoBuild, folder: string, progress: Progress): Promise<void> {
    const scratch = path.join(folder, "scratch");
    const { flags, cwd, env } = await compilation(build, scratch, progress);
    await progress.run(
        "go",
        [
            "build",
            "-v",
            ...flags,
            "-ldflags",
            build.ldflags === undefined ? "-s -w" : `-s -w ${build.ldflags}`,
            "-o",
            path.join(folder, build.name),
            build.package,
        ],
        { cwd, env },
    );
    rmSync(scratch, { recursive: true, force: true });
}

/** How a program's packages are compiled, wherever they are linked to: a difference compiles all anew. */
export async function compilation(build: GoBuild, scratch: string, progress: Progress) {
    const cwd = path.join(GO_FOLDER, build.module);
    const env = environment(build);
    const overlay = build.borrow
        ? await overlayFile(build.borrow, cwd, scratch, env, progress)
        : [];
    const tags = build.tags === undefined ? TAGS : `${TAGS},${build.tags}`;
    return { flags: [...FLAGS, ...overlay, "-tags", tags], cwd, env };
}

function environment(build: GoBuild): NodeJS.ProcessEnv {
    const perCore = os.totalmem() / os.availableParallelism();
    return {
        ...process.env,
        CGO_ENABLED: build.cgo === undefined ? "0" : "1",
        ...(build.cgo === undefined ? {} : { CGO_CFLAGS: build.cgo }),
        GOFLAGS: "-buildvcs=false",
        GOWORK: build.workspace ? WORKSPACE : "off",
        // A compiler lives for seconds: collecting its garbage is up to a third of its work. Two
        // builds at a time use each core twice.
        ...(perCore < AMPLE_MEMORY
            ? {}
            : { GOGC: "off", GOMEMLIMIT: String(Math.floor(perCore / 4)) }),
    };
}

/** Flags that let the compiler find a module's files among ours; the checkout stays as it is. */
async function overlayFile(
    { module, folder, files, edits = [] }: NonNullable<GoBuild["borrow"]>,
    cwd: string,
    scratch: string,
    env: NodeJS.ProcessEnv,
    progress: Progress,
): Promise<readonly string[]> {
    const list = ["list", "-m", "-f", "{{.Dir}}", module];
    await progress.run("go", ["mod", "download", module], { cwd, env });
    const from = path.join((await progress.run("go", list, { cwd, env })).trim(), folder);
    mkdirSync(scratch, { recursive: true });
    const replaced = files.map((file) => {
        const original = path.join(from, file);
        const own = edits.filter((edit) => edit.file === file);
        if (own.length === 0) {
            return [path.join(cwd, file), original] as const;
        }
        const edited = path.join(scratch, file);
        writeFileSync(edited, applyEdits(readFileSync(original, "utf8"), own, file));
        return [path.join(cwd, file), edited] as const;
    });
    const overlay = path.join(scratch, "overlay.json");
    writeFileSync(overlay, JSON.stringify({ Replace: Object.fromEntries(replaced) }));
    return ["-overlay", overlay];
}

function goDirective(build: GoBuild): string {
    const text = readFileSync(path.join(GO_FOLDER, build.module, "go.mod"), "utf8");
    return /^go (\S+)$/m.exec(text)?.[1] ?? "1.0";
}
