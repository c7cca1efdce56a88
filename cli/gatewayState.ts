/** Whether a gateway's container runs. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Three values: what cannot be told is not taken for stopped. */
export type GatewayState = "running" | "stopped" | "unknown";

/** Whether the container runs. */
export async function gatewayState(container: string): Promise<GatewayState> {
    try {
        const { stdout } = await promisify(execFile)("docker", [
            ...["ps", "--all", "--filter", `name=^/?${container}$`, "--format", "{{.State}}"],
        ]);
        return stdout.trim() === "running" ? "running" : "stopped";
    } catch {
        return "unknown";
    }
}
