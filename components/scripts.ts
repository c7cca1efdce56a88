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

/** Scripts of the gateway's container, and those of a sandbox's pod. */
type Script =
    | `gateway/${"entrypoint.sh" | "health.sh" | (typeof ENTRYPOINT_PARTS)[number]}`
    | `sandbox/${"gate.sh" | "seed.sh" | "start.sh"}`;

/** The text of a script, by the component whose folder `scripts` it is in. */
export function script(file: Script): string {
    const [component = "", name = ""] = file.split("/");
    return readFileSync(path.join(__dirname, component, "scripts", name), "utf8");
}
