/**
 * The only reader of the stack's configuration: one schema, checked as a whole before anything is
 * registered. docs/configuration.md and the README's table are written from this file.
 */
import * as pulumi from "@pulumi/pulumi";
import { findClash } from "./settings/hostNetworks";
import { parseSettings } from "./settings/parse";
import { explain, type Problem } from "./settings/problems";
import type { Settings } from "./settings/schema";
import { dockerIsHere, readHostNetworks } from "./settings/thisMachine";

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
    const clash = settings.existingCluster ? undefined : findHostClash(settings.gateway);
    if (clash) {
        throw new pulumi.RunError(explain([clash]));
    }
    return settings;
}

/** Networks of this machine; those of a Docker host elsewhere are not seen from here. */
function findHostClash(gateway: Settings["gateway"]): Problem | undefined {
    return dockerIsHere(gateway.dockerHost) ? findClash(gateway, readHostNetworks()) : undefined;
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
