/** Runs index.ts with a configuration against recorded resources. */
import * as pulumi from "@pulumi/pulumi";
import { drain, find, plain, record, type Recorded, type Stashed } from "./mocks";

/** Runs it; `vi.resetModules()` has to come before. @returns what it registered and exported */
export async function runProgram(config: object, preview = false, stashed?: Stashed) {
    const recorded = await record(preview, stashed);
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

/** Inputs of a resource, secrets opened. */
export function inputsOf<T = Record<string, unknown>>(
    recorded: readonly Recorded[],
    type: string,
    name?: string,
): T {
    return plain(find(recorded, type, name).inputs) as T;
}
