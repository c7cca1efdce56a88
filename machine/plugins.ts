/** Resource plugins of the engine that the program needs. */
import { sdkVersion } from "./versions";

/** A resource plugin that the program needs. */
export interface Plugin {
    readonly name: string;
    readonly version: string;
    /** Name of its folder, where the engine keeps plugins. */
    readonly folder: string;
}

/** All of them. */
export const PLUGINS: readonly Plugin[] = ["kubernetes", "docker", "random"].map((name) => {
    const version = sdkVersion(name);
    return { name, version, folder: `resource-${name}-v${version}` };
});
