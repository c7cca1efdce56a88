/** The Docker daemon as these tests use it: the docker command, and a tiny image made on the spot. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUSYBOX = "/bin/busybox";
const APPLETS = ["sh", "cat", "false", "hostname", "ls", "sleep", "test", "touch", "true"];

/** Runs `docker ...`; what it printed. */
export function docker(...args: string[]): string {
    return execFileSync("docker", args, { stdio: ["ignore", "pipe", "pipe"] })
        .toString()
        .trim();
}

/** The same, for what may be gone already. */
export function dockerQuietly(...args: string[]): void {
    try {
        docker(...args);
    } catch {
        // Nothing to do: it was not there.
    }
}

function hasImage(name: string): boolean {
    try {
        docker("image", "inspect", name);
        return true;
    } catch {
        return false;
    }
}

/** An image with a shell. One that exists is used as it is; only one made here is removed again. */
export function provideImage(name: string): { remove(): void } {
    if (hasImage(name)) {
        return { remove: () => undefined };
    }
    if (!existsSync(BUSYBOX)) {
        throw new Error(
            `${BUSYBOX} is missing; this test makes its image from it: apt-get install busybox-static`,
        );
    }
    const folder = mkdtempSync(join(tmpdir(), "record-image-"));
    try {
        const root = join(folder, "root");
        for (const each of ["bin", "tmp", "etc"]) {
            mkdirSync(join(root, each), { recursive: true });
        }
        copyFileSync(BUSYBOX, join(root, "bin/busybox"));
        for (const applet of APPLETS) {
            symlinkSync("busybox", join(root, "bin", applet));
        }
        execFileSync("tar", ["-C", root, "-cf", join(folder, "image.tar"), "."]);
        docker("import", join(folder, "image.tar"), name);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
    return { remove: () => dockerQuietly("image", "rm", name) };
}
