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
 * Runs it; a second time in one test only after `vi.resetModules()`.
 *
 * @param stashed kept from an earlier run, as the state would; @default nothing
 * @param found what is there of a type, other than the inputs; @default nothing
 * @returns what it registered and exported
 */
export async function run(
    config: object,
    preview = false,
    services?: Services,
    stashed?: Stashed,
    found?: Found,
) {
    const recorded = await record(preview, services, stashed, found);
    pulumi.runtime.setAllConfig(
        Object.fromEntries(
            Object.entries(config).map(([key, value]) => [
                `sandbox-gateway:${key}`,
                typeof value === "string" ? value : JSON.stringify(value),
            ]),
        ),
    );
    const outputs = (await import("../../index.js")) as Record<string, unknown>;
    await drain();
    return { recorded, outputs };
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
