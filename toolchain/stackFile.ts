/** What the tools need to know of stacks before the engine runs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { openclaw } from "../components/openclaw";
import { parsePlace } from "../settings/parse";
import { explain } from "../settings/problems";
import type { GatewaySettings, PlaceSettings } from "../settings/schema";
import { dockerIsHere } from "../settings/thisMachine";
import { StepError } from "./progress";

/** A gateway as a stack's file has it. */
export interface ConfiguredGateway {
    /** Name of the file. */
    readonly file: string;
    readonly gateway: GatewaySettings;
}

/** A stack's own name, of `org/project/stack` as well. */
export function ownName(stack: string): string {
    return stack.split("/").at(-1) ?? "";
}

/** Name of the file with a stack's configuration: Pulumi's rule. */
export function stackFileName(stack: string): string {
    return `Pulumi.${ownName(stack)}.yaml`;
}

/**
 * Where a stack's sandboxes run, with defaults: the settings of its gateway, and of the existing
 * cluster that stands in for one. Values that are secret in the file are left out: the engine alone
 * can read them, and none says where something is.
 *
 * @throws StepError with the same message as the program's, when they are wrong
 */
export function readPlace(root: string, stack: string): PlaceSettings {
    const file = stackFileName(stack);
    return placeOf(file, existsSync(path.join(root, file)) ? readConfig(root, file) : {});
}

/** A setting that is on unless a stack's file says otherwise. */
export type Switch = "running" | "protect";

/** Whether a stack's file switches something off. */
export function isOff(root: string, stack: string, key: Switch): boolean {
    const file = stackFileName(stack);
    const config = existsSync(path.join(root, file)) ? readConfig(root, file) : {};
    // `--config` writes a text, a person a truth value.
    return String(config[`sandbox-gateway:${key}`]) === "false";
}

/**
 * Images of a stack's sandboxes, as far as its file tells. Whether they are right is for the program
 * to say; what cannot be read here names none.
 */
export function sandboxImages(root: string, stack: string): string[] {
    const file = stackFileName(stack);
    const config = existsSync(path.join(root, file)) ? readConfig(root, file) : {};
    const sandboxes = Object.values(config["sandbox-gateway:sandboxes"] ?? {}) as unknown[];
    return sandboxes.flatMap((sandbox) => {
        const { image, application } = (sandbox ?? {}) as {
            image?: unknown;
            application?: unknown;
        };
        const named = image ?? (application === "openclaw" ? openclaw.image : undefined);
        return typeof named === "string" ? [named] : [];
    });
}

/**
 * The gateways on this machine that the checkout's stack files have, whether or not they are up.
 *
 * @throws StepError when one of the files is wrong: what it claims cannot be told
 */
export function configuredGateways(root: string): ConfiguredGateway[] {
    return readdirSync(root)
        .filter((file) => /^Pulumi\..+\.yaml$/.test(file))
        .map((file) => ({ file, config: readConfig(root, file) }))
        .filter(({ config }) => config["sandbox-gateway:existingCluster"] === undefined)
        .map(({ file, config }) => ({ file, gateway: placeOf(file, config).gateway }))
        .filter(({ gateway }) => dockerIsHere(gateway.dockerHost));
}

type Config = Readonly<Record<string, unknown>>;

function readConfig(root: string, file: string): Config {
    const text = readFileSync(path.join(root, file), "utf8");
    try {
        return (parse(text) as { config?: Config } | null)?.config ?? {};
    } catch (error) {
        throw new StepError(
            `${file}: this is not YAML: ${(error as Error).message}`,
            `mend ${file}, or move it away`,
        );
    }
}

function placeOf(file: string, config: Config): PlaceSettings {
    const own = (key: string) => withoutSecrets(config[`sandbox-gateway:${key}`]);
    const { settings, problems } = parsePlace({
        gateway: own("gateway"),
        existingCluster: own("existingCluster"),
    });
    if (!settings) {
        throw new StepError(`${file}: ${explain(problems)}`, `mend ${file}, or move it away`);
    }
    return settings;
}

/** A value without what `pulumi config set --secret` has encrypted in it. */
function withoutSecrets(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(withoutSecrets);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const entries = Object.entries(value).filter(([, inner]) => !isEncrypted(inner));
    return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSecrets(inner)]));
}

/** `{secure: ...}`, as Pulumi writes it. */
function isEncrypted(value: unknown): boolean {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    return keys.length === 1 && keys[0] === "secure";
}
