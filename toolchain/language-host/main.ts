#!/usr/bin/env node
/**
 * `pulumi-language-nodejs`: the stand-in for the language host of the same name, for machines that
 * reach package registries but not the CLI's download site. The engine starts it with its own
 * address and reads the port to talk to from the first line of output; everything after that line
 * is the program's.
 */
import { watchEngine } from "./engine";
import { LanguageHost } from "./host";

async function main(argv: readonly string[]): Promise<void> {
    // Flags are for tracing, which this host does not do.
    const engineAddress = argv.find((arg) => !arg.startsWith("-"));
    const host = new LanguageHost(engineAddress);
    const port = await host.listen();

    let leaving = false;
    const leave = () => {
        if (leaving) {
            return;
        }
        leaving = true;
        void host.close().finally(() => {
            killGroup();
            process.exit(0);
        });
    };
    // The engine asks with SIGINT before it kills, a terminal with SIGINT or SIGHUP.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(signal, leave);
    }
    if (engineAddress) {
        watchEngine(engineAddress, leave);
    }
    process.stdout.write(`${port}\n`);
}

/**
 * Ends what the programs themselves have started and left behind. The engine makes its plugins the
 * leaders of their groups; started by hand this host is none, and there is no such group.
 */
function killGroup(): void {
    try {
        process.kill(-process.pid, "SIGKILL");
    } catch {
        // No group of ours.
    }
}

main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`pulumi-language-nodejs: ${String(error)}\n`);
    process.exit(1);
});
