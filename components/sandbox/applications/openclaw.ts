/** OpenClaw, the assistant most sandboxes run. Checked against openclaw 2026.9.6. */
import type { Application } from "./application";
import { SCRIPTS_PATH, WORKSPACE_PATH } from "../../../model/constants";
import { PORT, renderConfig, type OpenClawConfig } from "./openclawConfig";

const STATE = `${WORKSPACE_PATH}/.openclaw`;
const CONFIG_FILE = "openclaw.json";

export const openclaw = {
    image: "ghcr.io/openclaw/openclaw:2026.9.6",
    command: ["node", "/app/openclaw.mjs", "gateway", "run"],
    port: PORT,
    // `/` and every unknown path answer 200 as soon as the port is open: they prove nothing.
    probes: { startup: "/startupz", readiness: "/startupz", liveness: "/healthz" },
    // State has files named like locks (`*.lock.sqlite`) that hold committed data. Only these hold
    // none; OpenClaw would reclaim them by itself, after a wait.
    staleFiles: [`${STATE}/tmp/openclaw-*/gateway*.lock`],
    // Node's compile cache stays where OpenClaw puts it, in /tmp: kept in the workspace it would take
    // 38 MB, and save a start two of its twelve CPU seconds.
    env: {
        HOME: WORKSPACE_PATH,
        OPENCLAW_STATE_DIR: STATE,
        OPENCLAW_CONFIG_PATH: `${SCRIPTS_PATH}/${CONFIG_FILE}`,
        // The file is read-only. With this variable OpenClaw says so, and who keeps the file, when a
        // setting is changed in its page.
        OPENCLAW_CONFIG_READONLY: "1",
        // Restarts of its own stay in the process: the supervisor is ours.
        OPENCLAW_NO_RESPAWN: "1",
    },
    tokenEnv: "OPENCLAW_GATEWAY_TOKEN",
    tokenUrl: (token) => `/#token=${token}`,
    // OpenClaw approves a new browser by itself at 127.0.0.1 and at localhost, not at names below. It sets no
    // cookies, and what it keeps in a browser is of its port.
    atAddress: true,
    files: (context) => ({ [CONFIG_FILE]: renderConfig(context) }),
    // With 1Gi it starts and is killed by its first request; it peaks at 1.3 GB.
    resources: { requests: { memory: "1Gi", cpu: "100m" }, limits: { memory: "2Gi" } },
} as const satisfies Application;

/** What can be chosen of OpenClaw. */
export interface OpenClawOptions {
    /** Origins of its page besides those under which it is published. @default none */
    readonly allowedOrigins?: readonly string[];
    /**
     * Settings in OpenClaw's own form, laid over ours: objects are merged, everything else takes the place
     * of ours. The whole file is a secret then. @default none
     */
    readonly config?: OpenClawConfig;
}

/** OpenClaw with settings of one's own. */
export function openclawWith({ allowedOrigins = [], config }: OpenClawOptions): Application {
    return {
        ...openclaw,
        files: ({ origins, ...context }) => ({
            [CONFIG_FILE]: renderConfig(
                { ...context, origins: [...new Set([...origins, ...allowedOrigins])] },
                config,
            ),
        }),
        // Credentials may stand in it nearly everywhere.
        secretFiles: config !== undefined,
    };
}
