/** The environment of every pulumi command, once the tools are there. */
import type { DockerHost } from "../../machine/docker/host";
import * as environment from "../../machine/environment";
import type { PulumiTools } from "../../machine/pulumi";
import { findStateFolder, makeStateFolder, type StateFolder } from "../../machine/stateFolder";
import { TAKE_OVER, takesOver } from "../recovery/recovered";

/** What pulumi runs in. */
export interface PulumiEnvironment {
    /** Everything. */
    readonly env: NodeJS.ProcessEnv;
    /** What was added to the user's own, besides PATH. */
    readonly variables: Readonly<Record<string, string>>;
    /** Where the state is, for people. */
    readonly description: string;
    /** The checkout's own, also where the state is in a backend of the user's. */
    readonly folder: StateFolder;
}

/** What pulumi is to work on. */
export interface Aim {
    /** Named, not only selected: another run may select another one meanwhile. @default none */
    readonly stack?: string;
    /** The daemon that the docker plugin asks. @default its own choice */
    readonly docker?: DockerHost | undefined;
}

/** Chooses it for a checkout. */
export function chooseEnvironment(
    root: string,
    tools: PulumiTools,
    { stack, docker }: Aim = {},
): PulumiEnvironment {
    const folder = findStateFolder(root);
    const backend = environment.chooseBackend(folder, process.env, environment.currentLogin());
    const variables: Record<string, string> = { ...backend.variables, ...docker?.variables };
    if (variables["PULUMI_BACKEND_URL"] !== undefined) {
        // The engine does not make it.
        makeStateFolder(folder, root);
    }
    if (tools.plugins !== undefined) {
        variables["PULUMI_HOME"] = environment.ensureHome(root, tools.plugins);
    }
    if (tools.path.length > 0) {
        // An engine that `make` brought has the version that the program was tried with.
        variables["PULUMI_SKIP_UPDATE_CHECK"] = "true";
    }
    if (stack !== undefined) {
        variables["PULUMI_STACK"] = stack;
        Object.assign(variables, takesOver({ folder, stack }) ? TAKE_OVER : {});
    }
    return {
        env: environment.withTools(process.env, tools.path, variables),
        variables,
        description: backend.description,
        folder,
    };
}
