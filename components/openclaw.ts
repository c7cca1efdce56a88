/** OpenClaw, the assistant most sandboxes run. Checked against openclaw 2026.9.6. */
import type { Application } from "./application";
import { SCRIPTS_PATH, WORKSPACE_PATH } from "./constants";

const PORT = 18789;
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
    env: {
        HOME: WORKSPACE_PATH,
        OPENCLAW_STATE_DIR: STATE,
        OPENCLAW_CONFIG_PATH: `${SCRIPTS_PATH}/${CONFIG_FILE}`,
        // Restarts of its own stay in the process: the supervisor is ours.
        OPENCLAW_NO_RESPAWN: "1",
    },
    tokenEnv: "OPENCLAW_GATEWAY_TOKEN",
    tokenUrl: (token) => `/#token=${token}`,
    files: ({ origins, model }) => ({ [CONFIG_FILE]: renderConfig(origins, model) }),
    // With 1Gi it starts and is killed by its first request; it peaks at 1.3 GB.
    resources: { requests: { memory: "1Gi", cpu: "100m" }, limits: { memory: "2Gi" } },
} as const satisfies Application;

function renderConfig(origins: readonly string[], model: string | undefined): string {
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
        ...(model ? { models: inferenceModels(model) } : {}),
    };
    return JSON.stringify(config, undefined, 2) + "\n";
}

/** OpenClaw puts the values of environment variables in itself; neither enters a ConfigMap. */
function inferenceModels(model: string): object {
    return {
        mode: "merge",
        providers: {
            inference: {
                baseUrl: "${INFERENCE_BASE_URL}",
                apiKey: "${INFERENCE_API_KEY}",
                api: "openai-completions",
                models: [{ id: model, name: model }],
            },
        },
    };
}
