/** A gateway's names in Docker, which are fixed: looked at before anything is made under them. */
import * as pulumi from "@pulumi/pulumi";
import { askDocker, type Ask } from "./dockerDaemon";
import { freeName, wantedOf } from "./leftovers";

/**
 * Has a gateway's containers and networks looked at before they are made. The engine runs it for what
 * is about to be created alone, so that what a state knows is never met.
 *
 * @param gateway name of the component
 * @param dockerHost of the provider @default the environment's
 */
export function nameIsFree(
    gateway: string,
    dockerHost?: string,
    ask: Ask = askDocker(dockerHost),
): pulumi.ResourceHook {
    return new pulumi.ResourceHook(
        `${gateway}: the name is free in Docker`,
        async ({ type, newInputs }) => {
            const wanted = wantedOf(type, newInputs ?? {});
            const taken = wanted && (await freeName(ask, wanted, pulumi.runtime.isDryRun()));
            if (taken) {
                void pulumi.log.info(
                    `Docker had a ${wanted.kind} ${taken.name} that a killed run had left; it was taken away`,
                );
            }
        },
        { onDryRun: true },
    );
}
