/** What runs in a sandbox, and how to tell that it does. */
import type { Resources } from "../../../model/resources";

/** An HTTP application. */
export interface Application {
    /** Image to run it in, unless the sandbox names another. */
    readonly image?: string;
    /** Program and arguments. @default the image's own entrypoint and command */
    readonly command?: readonly string[];
    /** Port it listens on, in the pod. */
    readonly port: number;
    /** Page a person opens. @default `/` */
    readonly path?: string;
    /** Paths that the kubelet asks. @default `path` for all three */
    readonly probes?: {
        /** Answers 200 once the application has started. No other probe is asked before. */
        readonly startup?: string;
        /** Answers 200 while the application can serve. */
        readonly readiness?: string;
        /** Answers 200 unless the application hangs, in which case its container is restarted in place. */
        readonly liveness?: string;
    };
    /**
     * Shell patterns of lock and temporary files that a killed process leaves behind. They are removed
     * before each start, when nothing runs that could own them.
     */
    readonly staleFiles?: readonly string[];
    /** Environment the application needs, below what the sandbox sets itself. */
    readonly env?: Readonly<Record<string, string>>;
    /** Environment variable that receives the sandbox's token. @default SANDBOX_TOKEN */
    readonly tokenEnv?: string;
    /** What to append to the URL so that the page opens with the token. */
    readonly tokenUrl?: (token: string) => string;
    /** Whether its page is for the address itself: under other names it lets in nobody at once. @default false */
    readonly atAddress?: boolean;
    /** Configuration files by name, mounted under `SCRIPTS_PATH`; they may name where they are published. */
    readonly files?: (context: FileContext) => Readonly<Record<string, string>>;
    /** Whether the files hold secrets: a Secret keeps them then. @default false */
    readonly secretFiles?: boolean;
    /** Resources it needs to work at all, unless the sandbox says otherwise. */
    readonly resources?: Resources;
}

/** What an application's configuration files may depend on. */
export interface FileContext {
    /** URLs under which a browser reaches the application, without a path. */
    readonly origins: readonly string[];
    /** Model to use of the inference endpoint. @default no endpoint */
    readonly model?: string;
    /** Whether the endpoint needs no key of the sandbox's. @default false: it is in a variable */
    readonly keyElsewhere?: boolean;
}

/** Environment variable with the sandbox's token, for agents that have no name of their own for it. */
const TOKEN_VARIABLE = "SANDBOX_TOKEN";

/** Environment variables that an inference endpoint is given in; through the outbound proxy, the first alone. */
export const INFERENCE_VARIABLES = {
    baseUrl: "INFERENCE_BASE_URL",
    apiKey: "INFERENCE_API_KEY",
} as const;

/** Environment variable with the sandbox's token. */
export function tokenVariable(application: Pick<Application, "tokenEnv"> | undefined): string {
    return application?.tokenEnv ?? TOKEN_VARIABLE;
}
