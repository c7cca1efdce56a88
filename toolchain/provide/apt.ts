/** Debian packages: installed where they are missing, and ended where an installation was killed. */
import { existsSync } from "node:fs";
import { output, type CommandError } from "../../steps/command";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";

/** States of a package whose files are there, or some of them, and which is not set up. */
const HALF = ["unpacked", "half-installed", "half-configured"];

/**
 * Installs Debian packages, without questions, waiting for another installation to end. One that was
 * killed half-way is ended first: apt-get refuses everything until then.
 */
export async function aptInstall(packages: readonly string[], progress: Progress): Promise<void> {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const options = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"];
    const install = () => progress.run("apt-get", ["install", ...options, ...packages], { env });
    await progress.run("apt-get", ["update"], { env });
    try {
        await install();
    } catch (error) {
        if (!(error instanceof StepError) || !isInterrupted(error.message)) {
            throw error;
        }
        await progress.run("dpkg", ["--configure", "-a"], { env });
        await install();
    }
}

/** Whether apt-get has refused because dpkg was killed; the command is the same in every language. */
function isInterrupted(words: string): boolean {
    return words.includes("dpkg --configure -a");
}

/** Those of some packages that dpkg was killed over: their files are there, and not set up. */
export async function halfInstalled(packages: readonly string[]): Promise<string[]> {
    const format = "${Package} ${db:Status-Status}\\n";
    const list = output(["dpkg-query", "--show", `--showformat=${format}`, ...packages]);
    // It fails when it does not know all of them, and is not there on other systems.
    const stdout = await list.catch((error: CommandError) => error.stdout);
    return stdout
        .split("\n")
        .map((line) => line.split(" "))
        .filter(([, state = ""]) => HALF.includes(state))
        .map(([name = ""]) => name);
}

/** Debian packages by name, each with a file of it. */
export type Packages = Readonly<Record<string, string>>;

/**
 * Installs what is missing of some packages. @returns what was installed, for people
 *
 * @throws StepError on another system than Debian, and without root
 */
export async function ensurePackages(packages: Packages, progress: Progress): Promise<string> {
    const half = await halfInstalled(Object.keys(packages));
    const missing = Object.entries(packages)
        .filter(([name, file]) => !existsSync(file) || half.includes(name))
        .map(([name]) => name);
    if (missing.length === 0) {
        return "all there";
    }
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
        const files = missing.map((name) => packages[name]).join(", ");
        throw new StepError(
            `missing: ${files}`,
            `install them (Debian: apt-get install ${missing.join(" ")}), then run this again`,
        );
    }
    await aptInstall(missing, progress);
    return `installed ${missing.join(", ")}`;
}
