/**
 * Rules of environment variables and commands: each arrives as it is written, or the preview refuses it.
 * Nothing is dropped, overridden or cut off without a message.
 */
import { APPLICATIONS } from "../../components/sandbox/applications";
import {
    INFERENCE_VARIABLES,
    tokenVariable,
} from "../../components/sandbox/applications/application";
import type { Problem } from "../problems";
import type { GatewaySettings, SandboxSettings } from "../schema";

type Variables = Readonly<Record<string, string>>;

const OF_INFERENCE: readonly string[] = Object.values(INFERENCE_VARIABLES);

/** Bytes of the longest `NAME=value` that Linux hands to a program, without the zero byte at its end. */
const LONGEST = 131_071;

/** Bytes of the largest Secret that Kubernetes stores; other objects may be little larger. */
const ALL_TOGETHER = 2 ** 20;

/**
 * Variables that shells set themselves: a shell changes or drops a value that it inherits. A shell starts an
 * application's command, and the gateway's k3s.
 */
export const OF_SHELLS =
    /^(_|IFS|HISTCMD|LINENO|OLDPWD|OPT(ERR|IND)|PPID|PS[124]|PWD|S?RANDOM|SHLVL|SHELLOPTS|COMP_WORDBREAKS|EPOCH(REALTIME|SECONDS)|BASH(?!_ENV$)\w*)$/;

/** The problems of the gateway's variables. */
export function checkGatewayVariables({ env, secretEnv }: GatewaySettings): Problem[] {
    const given = { "gateway.env": env, "gateway.secretEnv": secretEnv };
    return [
        ...inBoth("gateway", env, secretEnv),
        ...Object.entries(given).flatMap(([key, variables]) => [
            ...checkTexts(key, variables),
            ...Object.keys(variables).flatMap((name) => {
                const refusal = refusedOfGateway(name);
                return refusal ? [{ key: `${key}.${name}`, got: name, ...refusal }] : [];
            }),
        ]),
    ];
}

function refusedOfGateway(name: string): Pick<Problem, "rule" | "example"> | undefined {
    if (/^K3S_/.test(name)) {
        // K3S_DATA_DIR, for example, would put the data outside of the volume.
        return {
            rule: "not begin with K3S_: k3s reads flags from there, which gateway.k3s checks",
            example: 'gateway.k3s: {"debug": true}',
        };
    }
    if (!/^([A-Z_][A-Z0-9_]*|(https?|all|no)_proxy)$/.test(name)) {
        return {
            rule: "be in capitals, unless it is one of a proxy: the entrypoint has small ones of its own",
            example: name.toUpperCase(),
        };
    }
    return OF_SHELLS.test(name) ? shells(name) : undefined;
}

const shells = (name: string) => ({
    rule: `not be ${name}, which the shell that starts the program has to itself`,
    example: `MY_${name}`,
});

/** The problems of a sandbox's variables and command. @param key path of the sandbox */
export function checkSandboxVariables(key: string, sandbox: SandboxSettings): Problem[] {
    const { env, secretEnv, application } = sandbox;
    const custom = typeof application === "object" ? (application.env ?? {}) : {};
    const groups = { env, secretEnv, "application.env": custom };
    const taken = takenNames(sandbox);
    const started = startsCommand(sandbox);
    return [
        ...inBoth(key, env, secretEnv),
        ...ofApplication(key, sandbox, custom),
        ...Object.entries(groups).flatMap(([group, variables]) => [
            ...checkTexts(`${key}.${group}`, variables),
            ...Object.keys(variables).flatMap((name) => {
                const refusal =
                    taken.get(name) ?? (started && OF_SHELLS.test(name) ? shells(name) : undefined);
                return refusal ? [{ key: `${key}.${group}.${name}`, got: name, ...refusal }] : [];
            }),
        ]),
        ...checkCommand(`${key}.application.command`, sandbox),
        ...checkSum(key, { ...custom, ...env }, secretEnv),
    ];
}

function startsCommand({ application }: SandboxSettings): boolean {
    const { command } = (
        typeof application === "string" ? APPLICATIONS[application] : (application ?? {})
    ) as { command?: readonly string[] };
    return command !== undefined;
}

/** Variables to which the program itself gives values, each with what to do instead. */
function takenNames({ application, inference }: SandboxSettings) {
    const known = typeof application === "string" ? APPLICATIONS[application] : application;
    const token = tokenVariable(known);
    const names = new Map([
        [
            token,
            {
                rule: `not be ${token}, which holds the sandbox's token`,
                example:
                    typeof application === "string"
                        ? "the same without this key; tokenGeneration makes a new one"
                        : 'application.tokenEnv: "MY_TOKEN"',
            },
        ],
    ]);
    for (const name of inference ? OF_INFERENCE : []) {
        names.set(name, {
            rule: `not be ${name}, which is made of inference`,
            example: "the same without this key",
        });
    }
    return names;
}

function inBoth(key: string, env: Variables, secretEnv: Variables): Problem[] {
    return (
        Object.entries(env)
            .filter(([name]) => Object.hasOwn(secretEnv, name))
            // The message has the name alone: the value is likely a secret.
            .map(([name]) => ({
                key: `${key}.env.${name}`,
                got: name,
                rule: "not be in secretEnv too",
                example: "one of the two",
            }))
    );
}

/** Rules between a sandbox's variables and its application's. In a pod, a clear value wins over one of a Secret. */
function ofApplication(key: string, sandbox: SandboxSettings, custom: Variables): Problem[] {
    const { application, env, secretEnv, inference } = sandbox;
    const known: Variables =
        typeof application === "string" ? APPLICATIONS[application].env : custom;
    const tokenEnv = typeof application === "object" ? application.tokenEnv : undefined;
    return [
        ...Object.keys(secretEnv)
            .filter((name) => Object.hasOwn(known, name))
            .map((name) => ({
                key: `${key}.secretEnv.${name}`,
                got: name,
                rule: `not be a variable of the application, which would count instead (${name})`,
                example: typeof application === "string" ? "env" : "one of the two",
            })),
        ...Object.entries(custom)
            .filter(([name, value]) => Object.hasOwn(env, name) && env[name] !== value)
            .map(([name]) => ({
                key: `${key}.application.env.${name}`,
                got: name,
                rule: "not have another value in env, which would count instead",
                example: "one of the two",
            })),
        ...(tokenEnv !== undefined && startsCommand(sandbox) && OF_SHELLS.test(tokenEnv)
            ? [{ key: `${key}.application.tokenEnv`, got: tokenEnv, ...shells(tokenEnv) }]
            : []),
        ...(tokenEnv !== undefined && inference && OF_INFERENCE.includes(tokenEnv)
            ? [
                  {
                      key: `${key}.application.tokenEnv`,
                      got: tokenEnv,
                      rule: "not be a variable that is made of inference",
                      example: "TOKEN",
                  },
              ]
            : []),
    ];
}

/** Rules of each value: Linux hands over a text up to its first zero byte, and none that is too long. */
function checkTexts(key: string, variables: Variables): Problem[] {
    return Object.entries(variables).flatMap(([name, value]) =>
        checkText(`${key}.${name}`, value, `${name}=${value}`),
    );
}

function checkText(key: string, value: string, whole = value): Problem[] {
    if (value.includes("\0")) {
        return [
            {
                key,
                got: `a text of ${value.length} characters`,
                rule: "hold no zero byte: it would end there",
                example: "a file, or base64",
            },
        ];
    }
    const size = Buffer.byteLength(whole);
    return size <= LONGEST
        ? []
        : [
              {
                  key,
                  got: `a text of ${size} bytes`,
                  rule: `have at most ${LONGEST} bytes with its name: Linux starts no program with more`,
                  example: "a file in the workspace",
              },
          ];
}

function checkCommand(key: string, { application }: SandboxSettings): Problem[] {
    const command = typeof application === "object" ? (application.command ?? []) : [];
    const [program = "program"] = command;
    return [
        ...(program === "" || program.startsWith("-")
            ? [
                  {
                      key: `${key}[0]`,
                      got: program,
                      rule: "be the name or the path of a program",
                      example: '"node"',
                  },
              ]
            : []),
        ...command.flatMap((text, index) => checkText(`${key}[${index}]`, text)),
    ];
}

function checkSum(key: string, clear: Variables, secret: Variables): Problem[] {
    const size = (variables: Variables) =>
        Object.entries(variables).reduce(
            (sum, [name, value]) => sum + Buffer.byteLength(`${name}=${value}`),
            0,
        );
    return Object.entries({ env: size(clear), secretEnv: size(secret) })
        .filter(([, bytes]) => bytes > ALL_TOGETHER - 2 ** 14)
        .map(([group, bytes]) => ({
            key: `${key}.${group}`,
            got: bytes,
            rule: `have less than ${ALL_TOGETHER - 2 ** 14} bytes in all: Kubernetes stores no larger objects`,
            example: "files in the workspace",
        }));
}
