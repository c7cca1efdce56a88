/** The gateway's entrypoint, run for real under a shell, in a folder that stands for the container's root. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { until } from "../../steps/wait";
import { SH, shellCommand, type Shell } from "./shells";

const SCRIPTS = path.join(__dirname, "..", "..", "components", "gateway", "scripts");

const AUTHORITY = "our authority\n";

/** What the marker of a volume of ours says. */
export const OURS = createHash("sha256").update(AUTHORITY).digest("hex");

export const DATA = "var/lib/rancher/k3s";
export const TLS = `${DATA}/server/tls`;
export const RUN = "run/sandbox-gateway";

/** Ports of Docker's resolver in these files: 51127 for UDP, 46335 for TCP, in the kernel's writing. */
const SOCKETS = {
    udp: "10089: 0B00007F:C7B7 00000000:0000 07 00000000:00000000",
    tcp: "   0: 0B00007F:B4FF 00000000:0000 0A 00000000:00000000",
};

/** Ends at once; what the entrypoint did before it can be looked at. */
const ENDS = 'echo "k3s $*"; exit 3';

/**
 * Runs until TERM, and writes down in which order it was asked for what. Answers of kubectl are files
 * in the root: `ready`, `drains`, `cordoned`, there or not; `pods` is what it has of them. With `deaf` it takes no notice of TERM, and
 * with `slow` it opens the node when that is gone. With `silent` it takes no change of a sandbox.
 */
const RUNS = String.raw`log() { echo "$*" >>"$SANDBOX_GATEWAY_ROOT/calls"; }
cd "$SANDBOX_GATEWAY_ROOT"
case $* in
server)
    log started
    [ ! -e starts ] || sh ./starts
    if [ -e deaf ]; then trap '' TERM; else trap 'log "server ended"; exit 0' TERM; fi
    while :; do /bin/sleep 0.05; done ;;
"kubectl get --raw /readyz"*) [ -e ready ] ;;
"kubectl get --raw /openapi/v2"*) log openapi ;;
"kubectl -n sandboxes get pods,"*) cat pods 2>/dev/null ;;
"kubectl -n sandboxes get statefulset"*) [ ! -e silent ] && cat "set-$5" 2>/dev/null || echo 7 1 ;;
"kubectl -n sandboxes patch"*) [ ! -e silent ] && log "$*" && echo 8 0 >"set-$5" ;;
"kubectl get node"*) [ -e ready ] || exit 1; [ ! -e cordoned ] || echo true ;;
"kubectl drain"*) log "$*"; [ -e drains ] ;;
"kubectl uncordon"*) log "$*"; while [ -e slow ]; do touch asked; /bin/sleep 0.02; done; log opened ;;
esac`;

/** One container's root. */
export class GatewayRoot {
    readonly folder = mkdtempSync(path.join(os.tmpdir(), "entrypoint-"));
    /** Further environment of the entrypoint. */
    readonly settings: Record<string, string> = {};
    private readonly mounts: string[] = [];

    /** A machine on which nothing is missing, with cgroup v1. */
    constructor(private readonly shell: Shell = SH) {
        this.write("etc/sandbox-gateway/tls/server-ca.crt", AUTHORITY);
        this.write("etc/sandbox-gateway/tls/server-ca.key", "our key\n");
        this.write("etc/rancher/k3s/config.yaml", 'node-name: "n"\n');
        this.write("etc/resolv.conf", "search lan\nnameserver 127.0.0.11\noptions ndots:0\n");
        this.write("etc/hosts", `127.0.0.1\tlocalhost\n172.30.18.2\t${os.hostname()}\n`);
        this.write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n");
        this.write("proc/self/cgroup", "9:memory:/docker/x\n");
        this.write("proc/net/udp", `  sl  local_address\n${SOCKETS.udp}\n`);
        this.write("proc/net/tcp", `  sl  local_address\n${SOCKETS.tcp}\n`);
        this.write("proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
        this.write("proc/sys/net/ipv4/conf/default/route_localnet", "0\n");
        this.write("proc/sys/net/bridge/bridge-nf-call-ip6tables", "0\n");
        this.write("proc/sys/net/ipv6/bindv6only", "0\n");
        this.write("proc/net/route", "Iface\tDestination\neth7\t00000000\t01121EAC\n");
        this.k3s("ends");
        // The script changes how the root is mounted, and rules of packets; a test must not.
        this.program("mount", "exit 0");
        this.program("modprobe", "exit 1");
        this.program(
            "iptables",
            'echo "iptables $*" >>"$SANDBOX_GATEWAY_ROOT/rules"; [ "$4" != -C ]',
        );
        this.program("ip6tables", 'echo "ip6tables $*" >>"$SANDBOX_GATEWAY_ROOT/rules6"');
        // Never those of this machine, whatever the script makes of the answer.
        for (const kind of ["nft", "legacy"]) {
            this.program(`ip6tables-${kind}`, "exit 1");
        }
        this.program("ipset", 'echo "ipset $*" >>"$SANDBOX_GATEWAY_ROOT/sets"');
        this.program("iptables-save", 'cat "$SANDBOX_GATEWAY_ROOT/saved" 2>/dev/null');
        // No test but one about it looks at this machine's disk.
        this.program("df", "exit 1");
        this.program("sleep", "exec /bin/sleep 0.02");
    }

    at(name: string): string {
        return path.join(this.folder, name);
    }

    write(name: string, content: string): void {
        mkdirSync(path.dirname(this.at(name)), { recursive: true });
        writeFileSync(this.at(name), content);
    }

    /** @returns undefined for a file that is not there */
    read(name: string): string | undefined {
        return existsSync(this.at(name)) ? readFileSync(this.at(name), "utf8") : undefined;
    }

    lines(name: string): string[] {
        return this.read(name)?.trim().split("\n") ?? [];
    }

    /** Whatever is written under this name meets a full disk. */
    fill(name: string): void {
        mkdirSync(path.dirname(this.at(name)), { recursive: true });
        symlinkSync("/dev/full", this.at(name));
    }

    /** Mounts something on a folder, until the test is over. */
    mount(name: string, ...args: string[]): void {
        mkdirSync(this.at(name), { recursive: true });
        execFileSync("mount", [...args, this.at(name)], { stdio: "pipe" });
        this.mounts.push(this.at(name));
    }

    /** A program on PATH. */
    program(name: string, body: string): void {
        mkdirSync(this.at("bin"), { recursive: true });
        writeFileSync(this.at(`bin/${name}`), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }

    /** The policy controller has set up its rules. */
    enforce(): void {
        this.write("saved", ":KUBE-ROUTER-FORWARD - [0:0]\n");
    }

    k3s(kind: "ends" | "runs"): void {
        this.program("k3s", kind === "ends" ? ENDS : RUNS);
    }

    /** A volume in which k3s has run. */
    used(marker?: string, key?: string): void {
        this.write(`${DATA}/server/db/state.db`, "");
        if (marker !== undefined) {
            this.write(`${DATA}/.sandbox-gateway`, marker);
        }
        if (key !== undefined) {
            this.write(`${TLS}/server-ca.key`, key);
        }
    }

    private get env() {
        return {
            PATH: `${this.at("bin")}:${process.env["PATH"]}`,
            SANDBOX_GATEWAY_ROOT: this.folder,
            SANDBOX_GATEWAY_LIB: SCRIPTS,
            SANDBOX_GATEWAY_VOLUME: "the-volume",
            SANDBOX_GATEWAY_ADDRESS: "172.30.18.2",
            SANDBOX_GATEWAY_DRAIN_SECONDS: "50",
            SANDBOX_GATEWAY_HEALTH_TRIES: "1",
            ...this.settings,
        };
    }

    /** Runs the entrypoint with a k3s that ends. */
    enter() {
        return this.script("entrypoint.sh", "server");
    }

    /** Docker's health check, without its patience. @param hold seconds it watches one that is well */
    health(hold = 0) {
        const [command, args] = this.command("health.sh", []);
        const { status, stdout } = spawnSync(command, args, {
            encoding: "utf8",
            env: { ...this.env, SANDBOX_GATEWAY_HEALTH_HOLD: String(hold) },
        });
        return { status, said: stdout.trim() };
    }

    private command(name: string, args: readonly string[]) {
        return shellCommand(this.shell, this.at("bin"), path.join(SCRIPTS, name), args);
    }

    private script(name: string, ...args: string[]) {
        const { status, stdout, stderr } = spawnSync(...this.command(name, args), {
            encoding: "utf8",
            env: this.env,
        });
        return { status, stdout, stderr };
    }

    /** Starts the entrypoint, sends TERM once a condition holds, and waits for the end. */
    async startAndStop(what: string, when: () => boolean) {
        this.k3s("runs");
        const child = spawn(...this.command("entrypoint.sh", ["server"]), { env: this.env });
        let stderr = "";
        child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
        const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
        try {
            await until(what, 20, () => Promise.resolve(when()));
        } finally {
            child.kill("SIGTERM");
        }
        return { status: await ended, calls: this.lines("calls"), stderr };
    }

    remove(): void {
        for (const folder of this.mounts.reverse()) {
            execFileSync("umount", ["-l", folder], { stdio: "pipe" });
        }
        rmSync(this.folder, { recursive: true, force: true });
    }
}
