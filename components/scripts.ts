/** Scripts that run in containers are real files: they can be read, checked and tested as such. */
import { readFileSync } from "node:fs";
import * as path from "node:path";

/** Parts of `entrypoint.sh`, which reads them from one folder. */
export const ENTRYPOINT_PARTS = [
    "report.sh",
    "machine.sh",
    "dns.sh",
    "isolate.sh",
    "restart.sh",
    "room.sh",
    "watch.sh",
] as const;

type Script =
    | "entrypoint.sh"
    | "gate.sh"
    | "health.sh"
    | "seed.sh"
    | "start.sh"
    | (typeof ENTRYPOINT_PARTS)[number];

/** The text of a script in `components/scripts`. */
export function script(file: Script): string {
    return readFileSync(path.join(__dirname, "scripts", file), "utf8");
}
