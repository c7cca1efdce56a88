/** The environment of every pulumi command, once the tools are there. */
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

/**
 * Chooses it for a checkout.
 *
 * @param stack named, not only selected: another run may select another one meanwhile. @default none
 */
export function chooseEnvironment(
    root: string,
    tools: PulumiTools,
    stack?: string,
): PulumiEnvironment {
    const backend = environment.chooseBackend(root, process.env, environment.currentLogin());
    const variables: Record<string, string> = { ...backend.variables };
    if (tools.plugins !== undefined) {
        variables["PULUMI_HOME"] = environment.ensureHome(root, tools.plugins);
    }
    if (tools.path.length > 0) {
        // An engine that was built here is as new as it gets.
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
