/** The way into the toolchain: the one file outside of it that loads it. */

/** What the toolchain makes and installs. */
export type Toolchain = typeof import("../toolchain/index.js");

/**
 * Loads it, where something cannot be fetched and has to be made here. An ordinary machine never comes
 * here.
 */
export function loadToolchain(): Promise<Toolchain> {
    return import("../toolchain/index.js");
}
