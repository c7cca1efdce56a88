/** Runs plugins that are written for node: policy packs, providers and the like. */
import type { RunPluginRequest } from "@pulumi/pulumi/proto/language_pb";
import { locateModule } from "./modules";
import { nodeOptions } from "./options";
import { compilerEnv, type Launch } from "./program";

/** How to run the plugin, and where. */
export function pluginLaunch(request: RunPluginRequest): Launch & { readonly cwd: string } {
    const info = request.getInfo();
    const folder = info?.getProgramDirectory() || request.getProgram();
    const options = nodeOptions(info);
    const env = {
        ...process.env,
        ...Object.fromEntries(request.getEnvList().map(splitVariable)),
        ...compilerEnv(options),
    };
    if (request.getKind() === "analyzer") {
        const launcher = locateModule("@pulumi/pulumi/cmd/run-policy-pack", folder);
        // A pack reads its name and version from the package.json in its working folder.
        return {
            args: [...options.nodeargs, launcher, ...request.getArgsList(), folder],
            env,
            cwd: folder,
        };
    }
    const launcher = locateModule("@pulumi/pulumi/cmd/run-plugin", folder);
    return {
        args: [...options.nodeargs, launcher, folder, ...request.getArgsList()],
        env,
        cwd: request.getPwd() || folder,
    };
}

function splitVariable(variable: string): [string, string] {
    const equals = variable.indexOf("=");
    return [variable.slice(0, equals), variable.slice(equals + 1)];
}
