/** The environment of every pulumi command, once the tools are there. */
import type { DockerHost } from "../toolchain/dockerHost";
import * as environment from "../toolchain/environment";
import type { PulumiTools } from "../toolchain/pulumi";

/** What pulumi runs in. */
export interface PulumiEnvironment {
    /** Everything. */
    readonly env: NodeJS.ProcessEnv;
    /** What was added to the user's own, besides PATH. */
    readonly variables: Readonly<Record<string, string>>;
    /** Where the state is, for people. */
    readonly description: string;
}

/** What pulumi is to work on. */
export interface Work {
    /** Named, not only selected: another run may select another one meanwhile. @default none */
    readonly stack?: string;
    /** The daemon that the docker plugin asks. @default its own choice */
    readonly docker?: DockerHost | undefined;
}

/** Chooses it for a checkout. */
export function chooseEnvironment(
    root: string,
    tools: PulumiTools,
    { stack, docker }: Work = {},
): PulumiEnvironment {
    const backend = environment.chooseBackend(root, process.env, environment.currentLogin());
    const variables: Record<string, string> = { ...backend.variables, ...docker?.variables };
    if (tools.plugins !== undefined) {
        variables["PULUMI_HOME"] = environment.ensureHome(root, tools.plugins);
    }
    if (tools.path.length > 0) {
        // An engine that `make` brought has the version that the program was tried with.
        variables["PULUMI_SKIP_UPDATE_CHECK"] = "true";
    }
    if (stack !== undefined) {
        variables["PULUMI_STACK"] = stack;
    }
    return {
        env: environment.withTools(process.env, tools.path, variables),
        variables,
        description: backend.description,
    };
}
