/** `npm run test:times`: where the time of the last `make test` went, once more. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { LOCAL_FOLDER } from "../../machine/environment";
import { formatTimes, TIMES_FILE, type Times } from "./times";
import { ROOT } from "../../machine/root";

const USAGE = `usage: npm run test:times [-- --json]

Prints where the time of the last \`make test\` of this checkout went: checks, preparation, and each file
of tests with its set-up, its clean-up, its runs of pulumi, of tools and of docker, and its waits.
`;

function main(args: readonly string[]): number {
    if (args.some((arg) => arg !== "--json")) {
        process.stdout.write(USAGE);
        return args.includes("--help") ? 0 : 64;
    }
    const file = path.join(ROOT, LOCAL_FOLDER, "log", TIMES_FILE);
    if (!existsSync(file)) {
        process.stderr.write("no times are recorded: run `make test` first\n");
        return 1;
    }
    const text = readFileSync(file, "utf8");
    process.stdout.write(
        `${args.includes("--json") ? text : formatTimes(JSON.parse(text) as Times)}\n`,
    );
    return 0;
}

process.exitCode = main(process.argv.slice(2));
