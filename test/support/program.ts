/** Runs index.ts with a configuration against mocks. */
import * as pulumi from "@pulumi/pulumi";
import {
    drain,
    find,
    plain,
    record,
    type Recorded,
    type Services,
    type Stashed,
    type Found,
} from "./mocks";

/**
 * Runs it, as often as a test likes.
 *
 * @param stashed kept from an earlier run, as the state would; @default nothing
 * @param found what is there of a type, other than the inputs; @default nothing
 * @param secretKeys keys that have a secret somewhere, as the engine names them; @default none
 * @returns what it registered and exported
 */
export async function run(
    config: object,
    preview = false,
    services?: Services,
    stashed?: Stashed,
    found?: Found,
    secretKeys: readonly string[] = [],
) {
    const recorded = await record(preview, services, stashed, found);
    pulumi.runtime.setAllConfig(
        Object.fromEntries(
            Object.entries(config).map(([key, value]) => [
                `sandbox-gateway:${key}`,
                typeof value === "string" ? value : JSON.stringify(value),
            ]),
        ),
        secretKeys.map((key) => `sandbox-gateway:${key}`),
    );
    const outputs = await runProgram();
    await drain();
    return { recorded, outputs };
}

let runs = 0;

/**
 * Runs the program once more, and gives its outputs. A query makes another module of the same file; what
 * it imports stays as it is, which a run leaves as it was.
 */
export function runProgram(): Promise<Record<string, unknown>> {
    return import(/* @vite-ignore */ `../../index.ts?run=${++runs}`) as Promise<
        Record<string, unknown>
    >;
}

/** Inputs of the one resource of a type, secrets opened. */
export function inputs<T = Record<string, unknown>>(
    recorded: Recorded[],
    type: string,
    name?: string,
): T {
    return plain(find(recorded, type, name).inputs) as T;
}

/** What an output holds once it is known; hangs for one that is not. */
export function value<T>(output: pulumi.Output<T> | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
        if (output === undefined) {
            resolve(undefined);
        } else {
            output.apply(resolve);
        }
    });
}
