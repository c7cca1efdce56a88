/** Runs a Pulumi program: what the SDK's launcher is told, and what its end means. */
import type { RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { RunResponse } from "@pulumi/pulumi/proto/language_pb";
import type { Ending } from "./children";
import { locateModule } from "./modules";
import { nodeOptions, type NodeOptions } from "./options";

/** Status of a launcher that has already told the user what is wrong. */
const EXITED_AFTER_MESSAGE = 32;

/** One command line for node. */
export interface Launch {
    readonly args: readonly string[];
    readonly env: NodeJS.ProcessEnv;
}

/** How to run the program that the engine asks for. */
export function programLaunch(request: RunRequest, engineAddress: string): Launch {
    const info = request.getInfo();
    if (!info) {
        throw new Error("the engine sent no program information; its version is too old");
    }
    const folder = info.getProgramDirectory();
    const options = nodeOptions(info);
    const launcher = locateModule("@pulumi/pulumi/cmd/run", folder);
    const flags: readonly (readonly [string, string])[] = [
        ["monitor", request.getMonitorAddress()],
        ["engine", engineAddress],
        ["organization", request.getOrganization()],
        ["project", request.getProject()],
        ["root-directory", info.getRootDirectory()],
        ["stack", request.getStack()],
        ["pwd", folder],
        ["query-mode", request.getQuerymode() ? "true" : ""],
        ["parallel", String(request.getParallel())],
    ];
    return {
        args: [
            ...options.nodeargs,
            launcher,
            ...flags.flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
            ...(request.getDryrun() ? ["--dry-run"] : []),
            info.getEntryPoint(),
            ...request.getArgsList(),
        ],
        env: {
            ...process.env,
            ...compilerEnv(options),
            PULUMI_CONFIG: JSON.stringify(programConfig(request)),
            PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        },
    };
}

/** What makes the SDK's launchers compile TypeScript as they load it. */
export function compilerEnv({ typescript, tsconfig }: NodeOptions): NodeJS.ProcessEnv {
    return {
        ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
        ...(tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig } : {}),
    };
}

/** What the engine is told about the program's end. */
export function programResult({ code, signal }: Ending): RunResponse {
    const response = new RunResponse();
    if (code === EXITED_AFTER_MESSAGE) {
        response.setBail(true);
    } else if (code !== 0) {
        response.setError(
            code === null
                ? `Program was ended by signal ${signal}`
                : `Program exited with non-zero exit code: ${code}`,
        );
    }
    return response;
}

/** The engine's `project:key` in the older form that every SDK understands. */
function programConfig(request: RunRequest): Record<string, string> {
    const config: Record<string, string> = {};
    for (const [key, value] of request.getConfigMap().entries()) {
        const colon = key.indexOf(":");
        config[`${key.slice(0, colon)}:config:${key.slice(colon + 1)}`] = value;
    }
    return config;
}
