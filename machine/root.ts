/** Where this checkout is. */
import * as path from "node:path";

/** Folder of the checkout: the Pulumi project, whose stacks the targets of make work on. */
export const ROOT = path.join(__dirname, "..");
