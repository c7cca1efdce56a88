/** Installs a program's packages with the package manager that the project uses. */
import { existsSync } from "node:fs";
import * as path from "node:path";
import { PACKAGE_MANAGERS, type NodeOptions, type PackageManager } from "./options";

const LOCK_FILES: Readonly<Record<string, PackageManager>> = {
    "yarn.lock": "yarn",
    "pnpm-lock.yaml": "pnpm",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
};

/** The command that installs what the package.json in `folder` asks for. */
export function installCommand(
    folder: string,
    options: NodeOptions,
): { readonly manager: PackageManager; readonly args: readonly string[] } {
    const manager = options.packagemanager === "auto" ? managerOf(folder) : options.packagemanager;
    // Of npm's own output only errors: the engine shows the rest of the step.
    const args = manager === "npm" ? ["install", "--loglevel=error"] : ["install"];
    return { manager, args };
}

/** Package managers that can be run here. */
export function availableManagers(): PackageManager[] {
    const folders = (process.env["PATH"] ?? "").split(path.delimiter);
    return PACKAGE_MANAGERS.filter((manager) =>
        folders.some((folder) => existsSync(path.join(folder, manager))),
    );
}

function managerOf(folder: string): PackageManager {
    const lock = Object.keys(LOCK_FILES).find((file) => existsSync(path.join(folder, file)));
    return (lock && LOCK_FILES[lock]) || "npm";
}
