/** Finds the parts of the Pulumi SDK that a program brings along. */
import { createRequire } from "node:module";
import * as path from "node:path";

/** A module that cannot be found from a program's folder. */
class ModuleMissing extends Error {}

/** Path of a module as the program in `folder` would load it. */
export function locateModule(name: string, folder: string): string {
    try {
        return createRequire(path.join(folder, "index.js")).resolve(name);
    } catch {
        throw new ModuleMissing(
            "It looks like the Pulumi SDK has not been installed. " +
                "Have you run npm install or yarn install?",
        );
    }
}
