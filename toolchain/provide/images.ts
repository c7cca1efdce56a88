/** Container images, made here where no registry is reached. */
import {
    copyFileSync,
    linkSync,
    mkdirSync,
    readdirSync,
    renameSync,
    rmSync,
    statSync,
} from "node:fs";
import * as path from "node:path";
import { cached, entryName, type Recipe } from "../../machine/cache";
import { STAND_IN_LABEL } from "../../model/constants";
import type { Progress } from "../../steps/progress";
import { ensurePackages, type Packages } from "./apt";
import { checkImageBuild } from "./builder";
import { checkGo, goPrograms, goRecipe, hasGoProgram } from "./goBuild";

/** Scripts that make images, and what goes into these. */
const IMAGES = path.join(__dirname, "..", "images");

/** Programs that the node image is made of; first the one that most of the code is in. */
const NODE_PROGRAMS = [
    "kube",
    "k3s",
    "kine",
    "coredns",
    "local-path-provisioner",
    "kube-router",
] as const;

/** What the scripts that build images have in common. */
const SHARED_SCRIPTS = ["debian-rootfs", "image-archive", "phase.sh"].map((file) =>
    path.join(IMAGES, file),
);

/** Whether the label of an image says that it was made from what is here now. */
export function isCurrent(reference: string, label: string): boolean {
    return label === standInOf(reference);
}

/** Makes the node image under its published name, and loads it into the daemon. */
export async function buildNodeImage(reference: string, progress: Progress): Promise<void> {
    const entry = await cached(nodeImageRecipe(reference), (folder) => {
        checkImageBuild(`k3s image ${reference}`);
        return fillNodeImage(reference, folder, progress);
    });
    await progress.run("docker", ["load", "--input", path.join(entry, "image.tar")]);
}

/** What the label of an up-to-date image says. */
export function standInOf(reference: string): string {
    return entryName(nodeImageRecipe(reference));
}

function nodeImageRecipe(reference: string): Recipe {
    return {
        name: "node-image",
        files: [path.join(IMAGES, "node-image"), ...SHARED_SCRIPTS],
        parameters: [reference, ...NODE_PROGRAMS.map((name) => entryName(goRecipe(name)))],
    };
}

async function fillNodeImage(reference: string, folder: string, progress: Progress): Promise<void> {
    await checkGo(NODE_PROGRAMS.filter((name) => !hasGoProgram(name)));
    await ensurePackages(NODE_PACKAGES, progress);
    const programs = path.join(folder, "bin");
    mkdirSync(programs);
    for (const [name, file] of await goPrograms(NODE_PROGRAMS, progress)) {
        linkSync(file, path.join(programs, name));
    }
    const work = path.join(folder, "work");
    await progress.run(path.join(IMAGES, "node-image", "build"), [
        "--bin",
        programs,
        "--tag",
        reference,
        "--out",
        path.join(folder, "image.tar"),
        "--label",
        // It says that it is not the published image, and from which recipe it is.
        `${STAND_IN_LABEL}=${standInOf(reference)}`,
        "--work",
        work,
    ]);
    rmSync(work, { recursive: true, force: true });
    rmSync(programs, { recursive: true });
}

/** kine and the pause image are linked with C code; CoreDNS's program is marked with a capability. */
const NODE_PACKAGES: Packages = {
    gcc: "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "libcap2-bin": "/sbin/setcap",
};

/** An image archive that k3s can import; made by a script of the toolchain. */
export interface Archive {
    /** For people. */
    readonly title: string;
    /** Folder below images/ with an executable `build --out FILE`. */
    readonly folder: string;
    /** File name in the folder of archives. */
    readonly file: string;
    /** What its script calls that is not there on every Debian machine. @default nothing */
    readonly packages?: Packages;
    /** Scripts below images/ that it uses besides those of all. @default none */
    readonly scripts?: readonly string[];
}

/** All of them. */
export const ARCHIVES = {
    openclaw: { title: "OpenClaw image", folder: "openclaw-image", file: "openclaw.tar" },
    proxy: {
        title: "HAProxy image",
        folder: "proxy-image",
        file: "haproxy.tar",
        packages: { mmdebstrap: "/usr/bin/mmdebstrap" },
        scripts: ["debian-archive.sh"],
    },
    test: { title: "test image", folder: "test-image", file: "test-agent.tar" },
} as const satisfies Readonly<Record<string, Archive>>;

/** Makes sure that archives lie in `target`, with a line for people about each. */
export async function provideArchives(
    archives: readonly Archive[],
    target: string,
    progress: Progress,
): Promise<void> {
    for (const archive of archives) {
        await progress.step(archive.title, () => provideArchive(archive, target, progress));
    }
}

async function provideArchive(archive: Archive, target: string, progress: Progress): Promise<void> {
    const source = path.join(IMAGES, archive.folder);
    const recipe: Recipe = {
        name: archive.folder,
        files: [
            source,
            ...SHARED_SCRIPTS,
            ...(archive.scripts ?? []).map((file) => path.join(IMAGES, file)),
        ],
    };
    const entry = await cached(recipe, async (folder) => {
        checkImageBuild(archive.title);
        await ensurePackages(archive.packages ?? {}, progress);
        await progress.run(path.join(source, "build"), ["--out", path.join(folder, archive.file)]);
    });
    mkdirSync(target, { recursive: true });
    const from = path.join(entry, archive.file);
    const to = path.join(target, archive.file);
    const [made, present] = [statSync(from), statSync(to, { throwIfNoEntry: false })];
    if (present && present.size === made.size && present.mtimeMs >= made.mtimeMs) {
        return;
    }
    removeAbandoned(target, archive.file);
    const temporary = `${to}.${process.pid}`;
    try {
        linkSync(from, temporary);
    } catch {
        // The cache is on another file system.
        copyFileSync(from, temporary);
    }
    renameSync(temporary, to);
}

/** Copies of runs that were killed: each is as large as the archive. */
export function removeAbandoned(folder: string, file: string): void {
    for (const name of readdirSync(folder)) {
        const pid = name.startsWith(`${file}.`) ? Number(name.slice(file.length + 1)) : NaN;
        if (Number.isInteger(pid) && !isRunning(pid)) {
            rmSync(path.join(folder, name), { force: true });
        }
    }
}

/** Whether a process has a number; another user's counts. */
function isRunning(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code !== "ESRCH";
    }
}
