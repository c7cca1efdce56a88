/** Pure: moves variables that were given with `--secret` to `secretEnv`. */
import type { SandboxSettings, Settings } from "../schema";
import type { Secrets } from "../secrets";

type Variables = Readonly<Record<string, string>>;

/** The same settings, with every variable that is secret, or may be, in `secretEnv`. */
export function keepSecret(settings: Settings, secrets: Secrets): Settings {
    const { gateway, sandboxes } = settings;
    const entries = Object.entries(sandboxes).map(
        ([name, sandbox]) => [name, ofSandbox(name, sandbox, secrets)] as const,
    );
    return {
        ...settings,
        gateway: { ...gateway, ...split(["gateway", "env"], gateway, secrets) },
        sandboxes: Object.fromEntries(entries),
    };
}

function ofSandbox(name: string, sandbox: SandboxSettings, secrets: Secrets): SandboxSettings {
    const path = ["sandboxes", name];
    const { application } = sandbox;
    const own = { ...sandbox, ...split([...path, "env"], sandbox, secrets) };
    if (typeof application !== "object" || application.env === undefined) {
        return own;
    }
    const { env, secretEnv } = split(
        [...path, "application", "env"],
        { env: application.env, secretEnv: {} },
        secrets,
    );
    return {
        ...own,
        application: { ...application, env },
        // A variable of the sandbox itself wins over one of its application.
        secretEnv: { ...without(secretEnv, own.env), ...own.secretEnv },
    };
}

function split(
    path: readonly string[],
    { env, secretEnv }: { readonly env: Variables; readonly secretEnv: Variables },
    secrets: Secrets,
) {
    const entries = Object.entries(env);
    const isSecret = ([name]: readonly [string, string]) => secrets.has([...path, name]);
    return {
        env: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
        secretEnv: { ...Object.fromEntries(entries.filter(isSecret)), ...secretEnv },
    };
}

function without(variables: Variables, others: Variables): Variables {
    return Object.fromEntries(
        Object.entries(variables).filter(([name]) => !Object.hasOwn(others, name)),
    );
}
