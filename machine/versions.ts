/** Versions: what package.json pins, and which of two is the newer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root";

/**
 * Version of one of Pulumi's packages. That of the SDK is the version of the engine that is fetched or
 * built, and the oldest that is taken from PATH.
 */
export function sdkVersion(name: string): string {
    const file = join(ROOT, "node_modules", "@pulumi", name, "package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
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
