/** What `make test-vm` has prepared for the checks, which run in a process of vitest's. */

/** Where the machine is, and what goes into it. */
export interface Given {
    /** For sockets; the machine's ssh has its own there. */
    readonly folder: string;
    /** File of the private key. */
    readonly key: string;
    /** Port of the machine's ssh on 127.0.0.1. */
    readonly port: number;
    /** Archive of the image of the sandboxes. */
    readonly archive: string;
    /** File for the results. */
    readonly results: string;
}

const VARIABLE = "SANDBOX_GATEWAY_TEST_VM";

/** As variables of the environment. */
export function hand(given: Given): Record<string, string> {
    return { [VARIABLE]: JSON.stringify(given) };
}

/** @throws Error where there is none */
export function take(): Given {
    const text = process.env[VARIABLE];
    if (text === undefined) {
        throw new Error("there is no virtual machine; these checks run by `make test-vm`");
    }
    return JSON.parse(text) as Given;
}
