/**
 * The only reader of the stack's configuration: one schema, checked as a whole before anything is
 * registered. docs/configuration.md and the README's table are written from this file.
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

/** What the docker plugin would send in clear; `make` looks at what it hands on by itself. */
export function plainDocker(
    { gateway, existingCluster }: Settings,
    env: NodeJS.ProcessEnv = process.env,
): Problem | undefined {
    // A context brings its own, and is read by `docker` alone.
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

/** The SDK has it, and leaves it out of its types. */
const { isConfigSecret } = pulumi.runtime as unknown as {
    isConfigSecret: (key: string) => boolean;
};

/** Those that the engine has decrypted; exactly, if the stack's file is where it is by default. */
function readSecrets(raw: Readonly<Record<string, unknown>>): Secrets {
    const keys = Object.keys(raw).filter((key) => isConfigSecret(`${PROJECT}:${key}`));
    return keys.length === 0 ? NO_SECRETS : findSecrets(raw, keys, readFile());
}

/** @returns nothing when there is no such file: the engine was given another one */
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

/**
 * Says at every run which addresses of this machine a sandbox takes for the internet.
 *
 * @param addresses public ones of this machine; of a Docker host elsewhere they are not seen from here
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

/** All keys of the project, so that a misspelt one is noticed. */
function rawConfig(): Record<string, unknown> {
    const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) =>
        key.startsWith(`${PROJECT}:`),
    );
    return Object.fromEntries(
        own.map(([key, value]) => [key.slice(PROJECT.length + 1), opened(value)]),
    );
}
