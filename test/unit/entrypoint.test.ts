import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { until } from "../../toolchain/wait";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SCRIPT = path.join(__dirname, "..", "..", "components", "scripts", "entrypoint.sh");
const OURS = createHash("sha256").update("our authority\n").digest("hex");

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "entrypoint-"));
    mkdirSync(at("tls"));
    writeFileSync(at("tls/server-ca.crt"), "our authority\n");
    mkdirSync(at("bin"));
    // Stands for k3s: says how it was called, and ends.
    writeFileSync(at("bin/k3s"), '#!/bin/sh\necho "k3s $*"; exit 3\n', { mode: 0o755 });
    // The script changes how the root is mounted; a test must not.
    writeFileSync(at("bin/mount"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);

const environment = () => ({
    PATH: `${at("bin")}:${process.env["PATH"]}`,
    FOLDER: folder,
    SANDBOX_GATEWAY_DATA: at("data"),
    SANDBOX_GATEWAY_TLS: at("tls"),
    SANDBOX_GATEWAY_VOLUME: "the-volume",
    SANDBOX_GATEWAY_IMAGE: "k3s:1",
});

function enter() {
    const { status, stdout, stderr } = spawnSync("/bin/sh", [SCRIPT, "server"], {
        encoding: "utf8",
        env: environment(),
    });
    return { status, stdout, stderr };
}

/** A volume in which k3s has run. */
function used(marker?: string) {
    mkdirSync(at("data/server/db"), { recursive: true });
    writeFileSync(at("data/server/db/state.db"), "");
    if (marker !== undefined) {
        writeFileSync(at("data/.sandbox-gateway"), `${marker}\n`);
    }
}

/** Stands for a k3s that runs until TERM, and writes down in which order it was asked for what. */
const K3S = String.raw`#!/bin/sh
log() { echo "$*" >>"$FOLDER/calls"; }
case $* in
server) log started; trap 'log "server ended"; exit 0' TERM; while :; do sleep 0.05; done ;;
"kubectl get --raw /readyz"*) exit "$READY" ;;
"kubectl drain"*) log "$*"; echo draining; exit "$DRAIN" ;;
"kubectl uncordon"*) log "$*" ;;
esac
`;

/** Starts the entrypoint, sends TERM once a condition holds, and waits for the end. */
async function startAndStop(env: { READY: string; DRAIN: string }, when: () => boolean) {
    writeFileSync(at("bin/k3s"), K3S, { mode: 0o755 });
    const child = spawn("/bin/sh", [SCRIPT, "server"], { env: { ...environment(), ...env } });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    await until("k3s is as far", 20, () => Promise.resolve(when()));
    child.kill("SIGTERM");
    return { status: await ended, calls: calls() };
}

const calls = () =>
    existsSync(at("calls")) ? readFileSync(at("calls"), "utf8").trim().split("\n") : [];

describe("a stop", () => {
    const started = () => calls().includes("started");
    const node = os.hostname();

    it("drains the node before k3s ends, and remembers to open it again", async () => {
        const { status, calls } = await startAndStop({ READY: "0", DRAIN: "0" }, started);
        expect(status).toBe(0);
        expect(calls).toEqual([
            "started",
            `kubectl drain ${node} --disable-eviction --force --ignore-daemonsets --delete-emptydir-data --timeout=55s`,
            "server ended",
        ]);
        expect(existsSync(at("data/.sandbox-gateway-drained"))).toBe(true);
    });

    it.each([
        ["no API answers", { READY: "1", DRAIN: "0" }],
        ["the drain takes too long", { READY: "0", DRAIN: "1" }],
    ])("ends k3s all the same when %s", async (_, env) => {
        const { status, calls } = await startAndStop(env, started);
        expect(status).toBe(0);
        expect(calls.at(-1)).toBe("server ended");
    });

    it("is undone by the next start, which alone opens the node", async () => {
        const opened = `kubectl uncordon ${node} --request-timeout=5s`;
        await startAndStop({ READY: "0", DRAIN: "0" }, started);
        const { calls: second } = await startAndStop(
            { READY: "1", DRAIN: "0" },
            () => !existsSync(at("data/.sandbox-gateway-drained")),
        );
        expect(second).toContain(opened);
        rmSync(at("calls"));
        // A person who cordoned the node meant it: without a drain of ours, it is left as it is.
        const { calls: third } = await startAndStop({ READY: "1", DRAIN: "0" }, started);
        expect(third).toEqual(["started", "server ended"]);
    });
});

describe("a volume", () => {
    it("that is empty becomes ours, with the authorities in place before k3s starts", () => {
        const { status, stdout } = enter();
        expect(stdout).toBe("k3s server\n");
        expect(status).toBe(3);
        expect(readFileSync(at("data/.sandbox-gateway"), "utf8")).toBe(`${OURS}\n`);
        expect(readFileSync(at("data/server/tls/server-ca.crt"), "utf8")).toBe("our authority\n");
        expect(existsSync(at("data/agent/images/.cache.json"))).toBe(true);
    });

    it("that is ours is used", () => {
        used(OURS);
        expect(enter().stdout).toBe("k3s server\n");
    });

    it("whose first start was killed before k3s made a database is used", () => {
        mkdirSync(at("data/server/tls"), { recursive: true });
        expect(enter().stdout).toBe("k3s server\n");
    });

    it.each([
        ["without a marker", undefined, "holds a cluster that this program did not make"],
        ["of another gateway", "f".repeat(64), "belongs to another gateway"],
    ])("%s is refused and not touched", (_, marker, reason) => {
        used(marker);
        const { status, stdout, stderr } = enter();
        expect(status).toBe(1);
        expect(stdout).toBe("");
        expect(stderr).toContain(
            `entrypoint: the volume the-volume ${reason}; nothing in it was touched.`,
        );
        expect(stderr).toContain(
            `docker run --rm --volume the-volume:/data --entrypoint /bin/sh k3s:1 -c 'echo ${OURS} >/data/.sandbox-gateway'`,
        );
        expect(existsSync(at("data/server/tls"))).toBe(false);
    });
});
