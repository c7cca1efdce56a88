/**
 * The only reader of the stack's configuration: one schema, checked as a whole before anything is
 * registered. docs/configuration.md and the README's table are written from this file.
 */
import * as pulumi from "@pulumi/pulumi";
import { findClash, type HostNetwork } from "./settings/hostNetworks";
import { parseSettings } from "./settings/parse";
import { explain } from "./settings/problems";
import type { Settings } from "./settings/schema";
import { dockerIsHere, readHostNetworks } from "./settings/thisMachine";
import { explainUnprotected } from "./settings/unprotected";

export type { Settings } from "./settings/schema";

/** Project name, in front of each key in `Pulumi.<stack>.yaml`. */
const PROJECT = "sandbox-gateway";

/**
 * Reads and checks the configuration.
 *
 * @throws pulumi.RunError naming every wrong key with its value, its rule and an example
 */
export function loadSettings(): Settings {
    const { settings, problems } = parseSettings(rawConfig());
    if (!settings || problems.length > 0) {
        throw new pulumi.RunError(explain(problems));
    }
    return settings;
}

/**
 * Refuses, before a gateway is made and in its preview already, a subnet that this machine uses
 * otherwise. The engine runs it for what is about to be created alone. A gateway that is there keeps
 * its subnet for good, so that no VPN of today may be in the way of its preview, stop or removal; nor
 * is it looked for in Docker, which may hide it in a virtual machine, or have lost its network.
 *
 * @param networks those of this machine; of a Docker host elsewhere they are not seen from here
 */
export function subnetIsFree(
    gateway: Settings["gateway"],
    networks: () => readonly HostNetwork[] = readHostNetworks,
): pulumi.ResourceHook {
    return new pulumi.ResourceHook(
        "gateway.subnet is free",
        () => {
            const clash = dockerIsHere(gateway.dockerHost)
                ? findClash(gateway, networks())
                : undefined;
            if (clash) {
                throw new Error(explain([clash]));
            }
        },
        { onDryRun: true },
    );
}

/** Says at every run what is not protected: `--config protect=false` stays in the stack's file. */
export function warnOfUnprotected(settings: Settings): void {
    const message = explainUnprotected(settings);
    if (message !== undefined) {
        void pulumi.log.warn(message);
    }
}

/** All keys of the project, so that a misspelt one is noticed. */
function rawConfig(): Record<string, unknown> {
    const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) =>
        key.startsWith(`${PROJECT}:`),
    );
    return Object.fromEntries(
        own.map(([key, value]) => [key.slice(PROJECT.length + 1), parseValue(value)]),
    );
}

/** The engine hands objects, numbers and booleans over as JSON and texts as they are. */
function parseValue(text: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return text;
    }
}
