/** Sandboxes that end-to-end tests run, as they stand in a configuration. */
import * as path from "node:path";

/** Folders of image archives that the test command has filled. */
const ARCHIVES = path.join(__dirname, "..", "..", ".local", "test-images");

/** For gateways with small agents. */
export const IMAGES = path.join(ARCHIVES, "agent");

/** For those that reach something by name. */
export const OUTBOUND_IMAGES = path.join(ARCHIVES, "outbound");

/** For those that run the real application. */
export const ASSISTANT_IMAGES = path.join(ARCHIVES, "assistant");

/** A small agent that starts at once; see toolchain/images/test-image. */
export const AGENT = {
    image: "sandbox-gateway/test-agent:1",
    application: {
        command: ["/usr/local/bin/agent"],
        port: 18789,
        probes: { startup: "/startupz", readiness: "/startupz", liveness: "/healthz" },
    },
};

/** The same, which ends at once, saying so, as long as its workspace holds a file `broken`. */
export const FRAGILE = {
    ...AGENT,
    application: {
        ...AGENT.application,
        command: [
            ...["/bin/sh", "-c"],
            "[ ! -e /sandbox/broken ] || { echo cannot work; exit 3; }; exec /usr/local/bin/agent",
        ],
    },
};

/** The real application. */
export const ASSISTANT = { application: "openclaw" };
