/** The way into the toolchain: the one file outside of it that loads it. */
import { createRequire } from "node:module";

/** What the toolchain makes and installs. */
export type Toolchain = typeof import("../toolchain/index.js");

/**
 * Loads the toolchain, where something cannot be fetched and has to be made here. A machine that has everything,
 * or can fetch it, never loads it.
 */
export function loadToolchain(): Toolchain {
    // Not by `import()`: in a CommonJS module node serves that itself, past the loader that compiles TypeScript.
    return createRequire(__filename)("../toolchain") as Toolchain;
}
