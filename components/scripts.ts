/** Scripts that run in containers are real files: they can be read, checked and tested as such. */
import { readFileSync } from "node:fs";
import * as path from "node:path";

/** The text of a script in `components/scripts`. */
export function script(file: "entrypoint.sh" | "seed.sh" | "start.sh"): string {
    return readFileSync(path.join(__dirname, "scripts", file), "utf8");
}
