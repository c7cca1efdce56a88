/**
 * The one place in which the program reads its stack's configuration: as a whole, and checked before
 * anything is registered. Schema and rules are in settings/. `make` reads the stack's file by itself, before
 * there is an engine, in cli/stack/stackFile.ts.
 */
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { plainTransport } from "./components/gateway/dockerTransport";
import { explainReachable } from "./machine/addresses";
import { findClash, type HostNetwork } from "./machine/networks";
import { readFiles, type ReadSettings } from "./settings/files";
import { parseSettings } from "./settings/parse";
import { explain, type Problem } from "./settings/problems";
import type { Settings } from "./settings/schema";
import { findSecrets, NO_SECRETS, type Secrets } from "./settings/secrets";
import {
    opened,
    PROJECT,
    readProject,
    readStackConfig,
    readWritten,
    stackFileName,
    type Project,
    type StackConfig,
} from "./settings/stackConfig";
import { dockerIsHere, readHostNetworks, readPublicAddresses } from "./machine/readNetworks";
import { explainUnprotected } from "./settings/unprotected";
import type { Written } from "./model/yaml";

export type { Settings } from "./settings/schema";

/**
 * Reads and checks the configuration.
 *
 * @throws pulumi.RunError naming every wrong key with its value, its rule and an example
 */
export function loadSettings(): ReadSettings {
    const raw = rawConfig();
    const secrets = readSecrets(raw);
    const { settings, problems } = parseSettings(raw, secrets, readWrittenText());
    if (!settings || problems.length > 0) {
        throw new pulumi.RunError(explain(problems));
    }
    const plain = plainDocker(settings);
    const read = readFiles(settings);
    const outside = [...(plain ? [plain] : []), ...read.problems];
    if (outside.length > 0) {
        throw new pulumi.RunError(explain(outside));
    }
    if (secrets.unknown.length > 0) {
        void pulumi.log.warn(
            `${secrets.unknown.join(", ")}: which values are secret cannot be told, for the stack's file in the project is not what the engine was given; every env is kept as a secret, everything else is taken for clear`,
        );
    }
    return read.settings;
}

/**
 * The problem of a Docker host that the docker plugin would talk to in clear.
 *
 * @param env where DOCKER_HOST and its kin are; `make` checks the environment that it hands on by itself
 */
export function plainDocker(
    { gateway, existingCluster }: Settings,
    env: NodeJS.ProcessEnv = process.env,
): Problem | undefined {
    // A context has a host of its own, which only the `docker` command reads.
    const host = gateway.dockerHost ?? (env["DOCKER_CONTEXT"] ? undefined : env["DOCKER_HOST"]);
    const plain = existingCluster ? undefined : plainTransport(host, env);
    return (
        plain && {
            key: gateway.dockerHost === undefined ? "DOCKER_HOST" : "gateway.dockerHost",
            got: host,
            rule: plain.reason,
            example: plain.instead,
        }
    );
}

/** `isConfigSecret` is in the SDK, but not in its types. */
const { isConfigSecret } = pulumi.runtime as unknown as {
    isConfigSecret: (key: string) => boolean;
};

/** The secrets of a configuration: each by its path, if the stack's file is where it is by default. */
function readSecrets(raw: Readonly<Record<string, unknown>>): Secrets {
    const keys = Object.keys(raw).filter((key) => isConfigSecret(`${PROJECT}:${key}`));
    return keys.length === 0 ? NO_SECRETS : findSecrets(raw, keys, readFile());
}

/** The stack's values as its file has them. @returns none when it cannot be read: the engine was given another file */
function readFile(): StackConfig {
    try {
        return readStackConfig(...stackFile());
    } catch {
        return {};
    }
}

function readWrittenText(): Written {
    try {
        return readWritten(...stackFile());
    } catch {
        return () => undefined;
    }
}

function stackFile(): [project: Project, file: string] {
    // Without a value from the engine the SDK gives a relative name.
    const root = pulumi.getRootDirectory();
    const project = readProject(path.isAbsolute(root) ? root : process.cwd());
    return [project, path.join(project.folder, stackFileName(project, pulumi.getStack()))];
}

/**
 * A hook that refuses a subnet which overlaps another network of this machine. The engine runs the hook
 * before it creates a gateway, in the preview as well, and for creations alone: a gateway that exists keeps
 * its subnet, so that a VPN of today cannot block its preview, stop or removal. Only the engine knows whether
 * a gateway exists: Docker may hide its network in a virtual machine, or have lost it.
 *
 * @param networks this machine's networks; those of a Docker host elsewhere cannot be seen from here
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

/** Warns at every run of what is not protected: `--config protect=false` stays in the stack's file. */
export function warnOfUnprotected(settings: Settings): void {
    const message = explainUnprotected(settings);
    if (message !== undefined) {
        void pulumi.log.warn(message);
    }
}

/**
 * Warns at every run of this machine's addresses that sandboxes reach as a part of the internet.
 *
 * @param addresses this machine's public addresses; those of a Docker host elsewhere cannot be seen from here
 */
export function warnOfReachable(
    settings: Settings,
    addresses: () => readonly string[] = readPublicAddresses,
): void {
    const message = dockerIsHere(settings.gateway.dockerHost)
        ? explainReachable(settings, addresses())
        : undefined;
    if (message !== undefined) {
        void pulumi.log.warn(message);
    }
}

/** The values of all keys of the project, misspelt keys included, which are refused. */
function rawConfig(): Record<string, unknown> {
    const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) =>
        key.startsWith(`${PROJECT}:`),
    );
    return Object.fromEntries(
        own.map(([key, value]) => [key.slice(PROJECT.length + 1), opened(value)]),
    );
}
