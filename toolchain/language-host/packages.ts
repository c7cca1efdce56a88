/** What is installed in a program's node_modules. */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import * as path from "node:path";

/** The part of package.json that matters here. */
interface Manifest {
    readonly name?: string;
    readonly version?: string;
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly devDependencies?: Readonly<Record<string, string>>;
    readonly workspaces?: unknown;
    /** What a Pulumi SDK says about its plugin. */
    readonly pulumi?: {
        readonly resource?: boolean;
        readonly name?: string;
        readonly version?: string;
        readonly server?: string;
        readonly parameterization?: {
            readonly name: string;
            readonly version: string;
            /** Base64. */
            readonly value: string;
        };
    };
}

/** A plugin that the program needs. */
export interface RequiredPackage {
    readonly name: string;
    readonly version: string;
    readonly server?: string;
    readonly parameterization?: NonNullable<Manifest["pulumi"]>["parameterization"];
}

/** A package by name and version. */
export interface InstalledPackage {
    readonly name: string;
    readonly version: string;
}

const SEMVER = /^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** Plugins of every installed SDK, dependencies of dependencies included, each version once. */
export function requiredPackages(folder: string): RequiredPackage[] {
    const found = new Map<string, RequiredPackage>();
    // Of hundreds of packages a few are SDKs: reading the others' manifests would take longer than all else.
    for (const { name, version, pulumi } of installedManifests(folder, true, '"pulumi"')) {
        if (!pulumi?.resource || !name || !version) {
            continue;
        }
        const plugin = {
            name: pulumi.name ?? name.replace(/^@pulumi\//, ""),
            version: withPrefix(pulumi.version ?? version),
            server: pulumi.server,
            parameterization: pulumi.parameterization,
        };
        if (!SEMVER.test(plugin.version)) {
            throw new Error(
                `package ${name} names version ${plugin.version} of its plugin, ` +
                    "which is no semantic version such as 1.2.3",
            );
        }
        found.set(JSON.stringify(plugin), plugin);
    }
    return [...found.keys()].sort().map((key) => found.get(key)!);
}

/** What package.json asks for, in the versions installed; or everything that is installed. */
export function programDependencies(folder: string, transitive: boolean): InstalledPackage[] {
    const manifest = readManifest(folder);
    const direct = { ...manifest?.dependencies, ...manifest?.devDependencies };
    const found = new Map<string, InstalledPackage>();
    for (const { name, version } of installedManifests(folder, transitive)) {
        if (name && version && (transitive || name in direct)) {
            // Some packages carry a prefix that npm leaves out.
            const plain = version.replace(/^v/, "");
            found.set(`${name}@${plain}`, { name, version: plain });
        }
    }
    return [...found.keys()].sort().map((key) => found.get(key)!);
}

/** Folder whose node_modules holds the program's packages: its own, or that of its workspace. */
export function installFolder(folder: string): string {
    for (let parent = path.dirname(folder); ; parent = path.dirname(parent)) {
        if (readManifest(parent)?.workspaces) {
            return parent;
        }
        if (parent === path.dirname(parent)) {
            return folder;
        }
    }
}

/** @param mark text without which a manifest is left out */
function* installedManifests(folder: string, nested = true, mark = ""): Generator<Manifest> {
    const seen = new Set<string>();
    for (const root of new Set([folder, installFolder(folder)])) {
        yield* manifestsBelow(root, nested, mark, seen);
    }
}

/** Follows links, as node does, but enters no folder twice: linked packages may form circles. */
function* manifestsBelow(
    folder: string,
    nested: boolean,
    mark: string,
    seen: Set<string>,
): Generator<Manifest> {
    const modules = path.join(folder, "node_modules");
    for (const name of packageNames(modules)) {
        const real = realFolder(path.join(modules, name));
        if (real === undefined || seen.has(real)) {
            continue;
        }
        seen.add(real);
        const manifest = readManifest(real, mark);
        if (manifest) {
            yield manifest;
        }
        if (nested) {
            yield* manifestsBelow(real, nested, mark, seen);
        }
    }
}

function packageNames(modules: string): string[] {
    return list(modules)
        .filter((name) => !name.startsWith("."))
        .flatMap((name) =>
            name.startsWith("@")
                ? list(path.join(modules, name)).map((inner) => `${name}/${inner}`)
                : [name],
        );
}

function list(folder: string): string[] {
    try {
        return readdirSync(folder);
    } catch {
        return [];
    }
}

function realFolder(folder: string): string | undefined {
    try {
        return realpathSync(folder);
    } catch {
        // A link whose target is gone.
        return undefined;
    }
}

function readManifest(folder: string, mark = ""): Manifest | undefined {
    try {
        const text = readFileSync(path.join(folder, "package.json"), "utf8");
        return text.includes(mark) ? (JSON.parse(text) as Manifest) : undefined;
    } catch {
        return undefined;
    }
}

function withPrefix(version: string): string {
    return version.startsWith("v") ? version : `v${version}`;
}
