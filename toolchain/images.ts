/** Container images: those a registry gives, and those made here where no registry is reached. */
import {
    copyFileSync,
    existsSync,
    linkSync,
    mkdirSync,
    readdirSync,
    renameSync,
    rmSync,
    statSync,
} from "node:fs";
import * as path from "node:path";
import { aptInstall } from "./apt";
import { cached, entryName, type Recipe } from "./cache";
import { dockerWithin, imageLabels } from "./dockerCli";
import { announce } from "./download";
import { checkGo, goPrograms, goRecipe, hasGoProgram } from "./goBuild";
import { checkImageBuild } from "./machine";
import { StepError, type Progress } from "./progress";
import { pullSize } from "./pullSize";

/** Programs that the node image is made of; first the one that most of the code is in. */
export const NODE_PROGRAMS = [
    "kube",
    "k3s",
    "kine",
    "coredns",
    "local-path-provisioner",
    "kube-router",
] as const;

/** Label of an image that was made here under the name of a published one: `standInOf` of the name. */
export const STAND_IN_LABEL = "sandbox-gateway.stand-in";

/** What the scripts that build images have in common. */
const SHARED_SCRIPTS = ["debian-rootfs", "image-archive", "phase.sh"].map((file) =>
    path.join(__dirname, file),
);

/** Seconds a registry may take; on a machine without one the answer comes at once. */
const PULL_TIMEOUT = 600;

/** Seconds a registry may take to tell the size of an image, which nothing depends on. */
const MANIFEST_TIMEOUT = 10;

/** How Docker says that it did not reach a registry. */
const UNREACHABLE =
    /no such host|dial tcp|connection refused|network is unreachable|i\/o timeout|deadline exceeded|Client\.Timeout|TLS handshake timeout/;

/** Where the node image comes from. */
export type NodeImage = "there" | "pulled" | "made here";

/**
 * Makes sure the daemon has the node image.
 *
 * @param reference its name, as the program will ask for it
 */
export async function provideNodeImage(reference: string, progress: Progress): Promise<NodeImage> {
    const recipe = nodeImageRecipe(reference);
    const present = await imageLabels(reference);
    if (present !== undefined) {
        const standIn = present[STAND_IN_LABEL];
        if (standIn === undefined) {
            return "there";
        }
        if (standIn === standInOf(reference)) {
            return "made here";
        }
    } else if (await pull(reference, progress)) {
        return "pulled";
    }
    const entry = await cached(recipe, (folder) => {
        checkImageBuild(`k3s image ${reference}`);
        return buildNodeImage(reference, folder, progress);
    });
    await progress.run("docker", ["load", "--input", path.join(entry, "image.tar")]);
    return "made here";
}

/** An image archive that k3s can import; made by a script of the toolchain. */
export interface Archive {
    /** For people. */
    readonly title: string;
    /** Folder below toolchain/ with an executable `build --out FILE`. */
    readonly folder: "openclaw-image" | "proxy-image" | "test-image";
    /** File name in the folder of archives. */
    readonly file: string;
    /** What its script calls that is not there on every Debian machine. @default nothing */
    readonly tools?: readonly Tool[];
    /** Scripts below toolchain/ that it uses besides those of all. @default none */
    readonly scripts?: readonly string[];
}

/** What a build calls, and Debian's packages of it. */
interface Tool {
    readonly program: string;
    readonly title: string;
    readonly packages: readonly string[];
}

const MMDEBSTRAP: Tool = {
    program: "/usr/bin/mmdebstrap",
    title: "mmdebstrap",
    packages: ["mmdebstrap"],
};

export const OPENCLAW_ARCHIVE: Archive = {
    title: "OpenClaw image",
    folder: "openclaw-image",
    file: "openclaw.tar",
};
export const PROXY_ARCHIVE: Archive = {
    title: "HAProxy image",
    folder: "proxy-image",
    file: "haproxy.tar",
    tools: [MMDEBSTRAP],
    scripts: ["debian-archive.sh"],
};
export const TEST_ARCHIVE: Archive = {
    title: "test image",
    folder: "test-image",
    file: "test-agent.tar",
};

/** Makes sure `archive` lies in `target`. */
export async function provideArchive(
    archive: Archive,
    target: string,
    progress: Progress,
): Promise<void> {
    const source = path.join(__dirname, archive.folder);
    const recipe: Recipe = {
        name: archive.folder,
        files: [
            source,
            ...SHARED_SCRIPTS,
            ...(archive.scripts ?? []).map((file) => path.join(__dirname, file)),
        ],
    };
    const entry = await cached(recipe, async (folder) => {
        checkImageBuild(archive.title);
        await ensureTools(archive.tools ?? [], progress);
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

/** What the label of an up-to-date image says. */
export function standInOf(reference: string): string {
    return entryName(nodeImageRecipe(reference));
}

function nodeImageRecipe(reference: string): Recipe {
    return {
        name: "node-image",
        files: [path.join(__dirname, "node-image"), ...SHARED_SCRIPTS],
        parameters: [reference, ...NODE_PROGRAMS.map((name) => entryName(goRecipe(name)))],
    };
}

async function buildNodeImage(
    reference: string,
    folder: string,
    progress: Progress,
): Promise<void> {
    checkGo(NODE_PROGRAMS.filter((name) => !hasGoProgram(name)));
    await ensureTools(NODE_TOOLS, progress);
    const programs = path.join(folder, "bin");
    mkdirSync(programs);
    for (const [name, file] of await goPrograms(NODE_PROGRAMS, progress)) {
        linkSync(file, path.join(programs, name));
    }
    const work = path.join(folder, "work");
    await progress.run(path.join(__dirname, "node-image", "build"), [
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
const NODE_TOOLS: readonly Tool[] = [
    { program: "/usr/bin/gcc", title: "C compiler", packages: ["gcc", "libc6-dev"] },
    { program: "/sbin/setcap", title: "setcap", packages: ["libcap2-bin"] },
];

async function ensureTools(tools: readonly Tool[], progress: Progress): Promise<void> {
    const missing = tools.filter(({ program }) => !existsSync(program));
    if (missing.length === 0) {
        return;
    }
    const packages = missing.flatMap((tool) => tool.packages);
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
        throw new StepError(
            `no ${missing.map(({ title }) => title).join(", no ")}`,
            `install ${packages.join(" ")}, then run this again`,
        );
    }
    await aptInstall(packages, progress);
}

/**
 * Pulls an image. @returns false where no registry is within reach
 *
 * @throws StepError when the registry answers with anything but the image: that is to be mended, not
 * to be stood in for
 */
async function pull(reference: string, progress: Progress): Promise<boolean> {
    announce(progress, `image ${reference}`, await sizeOf(reference));
    try {
        await progress.run("docker", ["pull", reference], { timeout: PULL_TIMEOUT });
        return true;
    } catch (error) {
        if (error instanceof StepError && UNREACHABLE.test(error.message)) {
            return false;
        }
        throw error;
    }
}

/** Bytes that are fetched for an image. @returns undefined when the registry does not say */
async function sizeOf(reference: string): Promise<number | undefined> {
    try {
        const inspect = ["manifest", "inspect", "--verbose", reference];
        const arch = await dockerWithin(
            MANIFEST_TIMEOUT,
            "version",
            "--format",
            "{{.Server.Arch}}",
        );
        return pullSize(await dockerWithin(MANIFEST_TIMEOUT, ...inspect), arch.trim());
    } catch {
        return undefined;
    }
}
