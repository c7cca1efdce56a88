/** Pure: OpenClaw's configuration file. Checked against openclaw 2026.9.6. */
import type { FileContext } from "./application";
import { WORKSPACE_PATH } from "../../../model/constants";

/** Port OpenClaw listens on, in the pod. */
export const PORT = 18789;

/** Settings in OpenClaw's own form. */
export type OpenClawConfig = Readonly<Record<string, unknown>>;

/**
 * The file.
 *
 * @param own laid over ours: objects are merged, everything else takes the place of ours; @default nothing
 */
export function renderConfig(
    { origins, model, keyElsewhere = false }: FileContext,
    own: OpenClawConfig = {},
): string {
    const config = {
        gateway: {
            mode: "local",
            bind: "lan",
            port: PORT,
            auth: { mode: "token" },
            // On `lan` it seeds origins with its own port, which is not the one that is published.
            controlUi: { allowedOrigins: origins },
            http: { endpoints: { chatCompletions: { enabled: true } } },
        },
        update: { checkOnStart: false },
        agents: {
            defaults: {
                workspace: `${WORKSPACE_PATH}/workspace`,
                // Otherwise an idle assistant calls its model every half hour.
                heartbeat: { every: "0m" },
                ...(model ? { model: { primary: `inference/${model}` } } : {}),
            },
        },
        ...(model ? { models: inferenceModels(model, keyElsewhere) } : {}),
    };
    return JSON.stringify(merge(config, own), undefined, 2) + "\n";
}

/** OpenClaw puts the values of environment variables in itself; neither enters the file. */
function inferenceModels(model: string, keyElsewhere: boolean): object {
    return {
        mode: "merge",
        providers: {
            inference: {
                baseUrl: "${INFERENCE_BASE_URL}",
                // Something it has to be; the outbound proxy puts the key in its place.
                apiKey: keyElsewhere ? "none" : "${INFERENCE_API_KEY}",
                api: "openai-completions",
                models: [{ id: model, name: model }],
            },
        },
    };
}

function merge(ours: unknown, own: unknown): unknown {
    if (!isObject(ours) || !isObject(own)) {
        return own;
    }
    const merged = new Map(Object.entries(ours));
    for (const [key, value] of Object.entries(own)) {
        merged.set(key, merged.has(key) ? merge(merged.get(key), value) : value);
    }
    return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A setting that is not for `own`: what it must not be, and what to set instead. */
interface Reserved {
    readonly path: readonly string[];
    readonly reason: string;
    readonly instead: string;
}

const PUBLISHED = "the sandbox is published and probed as the program sets it";
const ORIGINS = "the program lists the origins under which the sandbox is published";

/** Settings that identity, data, probes and addresses rest on, or that open what is closed. */
const RESERVED: readonly Reserved[] = [
    {
        path: ["gateway", "auth"],
        reason: "the sandbox's token lets in, and nothing else",
        instead: "tokenGeneration, for a new one",
    },
    ...["mode", "bind", "customBindHost", "port", "tls", "tailscale"].map((key) => ({
        path: ["gateway", key],
        reason: PUBLISHED,
        instead: "hostPort, or a proxy with TLS and openclaw.allowedOrigins",
    })),
    {
        path: ["gateway", "controlUi", "basePath"],
        reason: PUBLISHED,
        instead: "a proxy with a name for each sandbox",
    },
    ...["allowedOrigins", "dangerouslyAllowHostHeaderOriginFallback"].map((key) => ({
        path: ["gateway", "controlUi", key],
        reason: ORIGINS,
        instead: "openclaw.allowedOrigins",
    })),
    {
        path: ["agents", "defaults", "workspace"],
        reason: "elsewhere the assistant's files would not be kept",
        instead: "workspaceSize, for more room",
    },
];

/** What is wrong with settings of one's own. */
export interface ConfigProblem {
    readonly path: readonly PropertyKey[];
    /** What it must be, completing "must ...". */
    readonly rule: string;
    /** A value or a key that would do. */
    readonly example: string;
}

/** The settings in `own` that are not for it, each by its path; values are OpenClaw's to judge. */
export function configProblems(own: OpenClawConfig): ConfigProblem[] {
    const found = new Map(
        [...RESERVED.flatMap((reserved) => reservedIn(own, reserved)), ...includesIn(own, [])].map(
            (problem) => [problem.path.join("\0"), problem],
        ),
    );
    return [...found.values()];
}

/** Also what stands in place of an object that holds a reserved setting: it would take it away. */
function reservedIn(own: OpenClawConfig, { path, reason, instead }: Reserved): ConfigProblem[] {
    let value: unknown = own;
    for (const [depth, part] of path.entries()) {
        if (!isObject(value)) {
            return [
                {
                    path: path.slice(0, depth),
                    rule: "be an object: it is merged with ours",
                    // Not the key that was asked for: it is not to be set.
                    example: "{}",
                },
            ];
        }
        if (!Object.hasOwn(value, part)) {
            return [];
        }
        value = value[part];
    }
    return [{ path, rule: `not be set here: ${reason}`, example: instead }];
}

/** A file in the sandbox is the agent's to write, and could set what is reserved. */
function includesIn(value: unknown, path: readonly PropertyKey[]): ConfigProblem[] {
    if (Array.isArray(value)) {
        return value.flatMap((item, index) => includesIn(item, [...path, index]));
    }
    return isObject(value)
        ? Object.entries(value).flatMap(([key, inner]) =>
              key === "$include"
                  ? [
                        {
                            path: [...path, key],
                            rule: "not be set here: the file that is included would be the agent's",
                            example: "its content, in this place",
                        },
                    ]
                  : includesIn(inner, [...path, key]),
          )
        : [];
}
