/** What the tools need to know of stacks before the engine runs. */
import { existsSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { openclaw } from "../../components/sandbox/applications/openclaw";
import { PROXY_IMAGE } from "../../model/constants";
import { parsePlace } from "../../settings/parse";
import { explain } from "../../settings/problems";
import type { GatewaySettings, PlaceSettings } from "../../settings/schema";
import * as stackConfig from "../../settings/stackConfig";
import { dockerIsHere } from "../../machine/readNetworks";
import { StepError } from "../../steps/errors";
import type { Checkout } from "../session";

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

/** Where the file with a stack's configuration is, from the project's folder: Pulumi's rule. */
export function stackFileName({ root, stack }: Checkout): string {
    const project = readProject(root);
    const name = stackConfig.stackFileName(project, ownName(stack));
    return path.relative(root, path.join(project.folder, name));
}

/**
 * Where a stack's sandboxes run, with defaults: the settings of its gateway, and of the existing
 * cluster that stands in for one. Values that are secret in the file are left out: the engine alone
 * can read them, and none says where something is.
 *
 * @throws StepError with the same message as the program's, when they are wrong
 */
export function readPlace(checkout: Checkout): PlaceSettings {
    return placeOf(checkout.root, stackFileName(checkout));
}

/** A setting that is on unless a stack's file says otherwise. */
export type Switch = "running" | "protect";

/** Whether a stack's file switches something off. */
export function isOff(checkout: Checkout, key: Switch): boolean {
    // `--config` writes a text, a person a truth value.
    return String(readConfig(checkout.root, stackFileName(checkout))[key]) === "false";
}

/**
 * Images of a stack's sandboxes and of their outbound proxy, as far as its file tells. Whether they are right is for the program
 * to say; what cannot be read here names none.
 */
export function sandboxImages(checkout: Checkout): string[] {
    const config = readConfig(checkout.root, stackFileName(checkout));
    const sandboxes = Object.values(config["sandboxes"] ?? {}) as unknown[];
    return sandboxes.flatMap((sandbox) => {
        const { image, application, ...rest } = (sandbox ?? {}) as Readonly<
            Record<string, unknown>
        >;
        const named = image ?? (application === "openclaw" ? openclaw.image : undefined);
        return [
            ...(typeof named === "string" ? [named] : []),
            ...(usesProxy(rest) ? [PROXY_IMAGE] : []),
        ];
    });
}

/** Whether a sandbox reaches something through the outbound proxy. */
function usesProxy({ inference, egress }: Readonly<Record<string, unknown>>): boolean {
    const isObject = (value: unknown) => typeof value === "object" && value !== null;
    const rules: unknown[] = Array.isArray(egress) ? egress : [];
    return isObject(inference) || rules.some((rule) => isObject(rule) && "host" in rule);
}

/**
 * The gateways on this machine that the checkout's stack files have, whether or not they are up.
 *
 * @throws StepError when one of the files is wrong: what it claims cannot be told
 */
export function configuredGateways(root: string): ConfiguredGateway[] {
    const { folder, extension } = readProject(root);
    return (existsSync(folder) ? readdirSync(folder) : [])
        .filter((file) => isStackFile(file, extension))
        .map((name) => path.relative(root, path.join(folder, name)))
        .map((file) => ({ file, config: readConfig(root, file) }))
        .filter(({ config }) => config["existingCluster"] === undefined)
        .map(({ file }) => ({ file, gateway: placeOf(root, file).gateway }))
        .filter(({ gateway }) => dockerIsHere(gateway.dockerHost));
}

/** `Pulumi.STACK.deploy.yaml` is of a stack too, and has other settings. */
function isStackFile(file: string, extension: string): boolean {
    const stack = file.startsWith("Pulumi.") && file.endsWith(extension);
    return stack && file !== `Pulumi${extension}` && !file.endsWith(`.deploy${extension}`);
}

function readProject(root: string): stackConfig.Project {
    return mended("Pulumi.yaml", () => stackConfig.readProject(root));
}

function readConfig(root: string, file: string): stackConfig.StackConfig {
    const project = readProject(root);
    return mended(file, () => stackConfig.readStackConfig(project, path.join(root, file)));
}

function mended<T>(file: string, read: () => T): T {
    try {
        return read();
    } catch (error) {
        throw new StepError(
            `${file}: this is not YAML: ${(error as Error).message}`,
            `mend ${file}, or move it away`,
        );
    }
}

function placeOf(root: string, file: string): PlaceSettings {
    const config = readConfig(root, file);
    const { settings, problems } = parsePlace(
        {
            gateway: withoutSecrets(config["gateway"]),
            existingCluster: withoutSecrets(config["existingCluster"]),
        },
        stackConfig.readWritten(readProject(root), path.join(root, file)),
    );
    if (!settings) {
        throw new StepError(`${file}: ${explain(problems)}`, `mend ${file}, or move it away`);
    }
    return settings;
}

/** A value without what `pulumi config set --secret` has encrypted in it. */
function withoutSecrets(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.filter((inner) => !isEncrypted(inner)).map(withoutSecrets);
    }
    if (typeof value !== "object" || value === null || isEncrypted(value)) {
        return isEncrypted(value) ? undefined : value;
    }
    const entries = Object.entries(value).filter(([, inner]) => !isEncrypted(inner));
    return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSecrets(inner)]));
}

const isEncrypted = (value: unknown) => value instanceof stackConfig.Encrypted;
