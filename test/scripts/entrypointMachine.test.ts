/** What the machine lends to the gateway: cgroups, memory, the kernel; and how it is told. */
import { rmSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { GatewayRoot, RUN } from "../support/gatewayRoot";
import { shells } from "../support/shells";

const RESERVE = "etc/rancher/k3s/config.yaml.d/50-sandbox-gateway.yaml";
const GIB = 2 ** 30;

let root: GatewayRoot;

describe.each(shells())("under $name", (shell) => {
    beforeEach(() => (root = new GatewayRoot(shell)));
    afterEach(() => root.remove());

    const warnings = () => root.read(`${RUN}/warnings`) ?? "";

    describe("cgroups of version 2", () => {
        const GROUPS = "sys/fs/cgroup";

        beforeEach(() => {
            root.write(`${GROUPS}/cgroup.controllers`, "cpuset cpu io memory pids\n");
            root.write(`${GROUPS}/cgroup.procs`, "1\n27\n");
            root.write(`${GROUPS}/cgroup.subtree_control`, "");
            root.write("proc/self/cgroup", "0::/\n");
        });

        it("are handed to pods, after the root group has been emptied", () => {
            root.enter();
            // A plain file keeps what was written last; the kernel adds up.
            expect(root.read(`${GROUPS}/cgroup.subtree_control`)).toBe("+pids\n");
            expect(root.read(`${GROUPS}/init/cgroup.procs`)).toBe("27\n");
            expect(warnings()).toBe("");
        });

        it("that lack a controller are reported by its name, with a remedy", () => {
            root.write(`${GROUPS}/cgroup.controllers`, "cpu pids\n");
            expect(root.enter().stderr).toContain(
                "entrypoint: warning: the machine gives this container no cgroup controller for: cpuset memory; k3s needs them.",
            );
            expect(warnings()).toContain("Delegate=cpu cpuset io memory pids");
        });

        it("that cannot be handed on are reported, with what stands in the way", () => {
            rmSync(root.at(`${GROUPS}/cgroup.subtree_control`));
            root.fill(`${GROUPS}/cgroup.subtree_control`);
            root.enter();
            expect(warnings()).toMatch(
                /limits do not hold: cpuset cpu io memory pids; processes that stay .*: 1 27 ;/,
            );
        });

        it("are handed on beside a hierarchy of version 1 that a VPN has mounted", () => {
            root.write("proc/self/cgroup", "1:net_cls:/\n0::/\n");
            root.enter();
            expect(root.read(`${GROUPS}/cgroup.subtree_control`)).toBe("+pids\n");
            expect(warnings()).toBe("");
        });

        it("that are the machine's own are reported: limits would not hold", () => {
            root.write("proc/self/cgroup", "0::/system.slice/docker-1.scope\n");
            root.enter();
            expect(warnings()).toContain("this container shares the machine's cgroups");
            expect(root.read(`${GROUPS}/cgroup.subtree_control`)).toBe("");
        });

        it("are no matter where there are none", () => {
            rmSync(root.at(GROUPS), { recursive: true });
            root.enter();
            expect(warnings()).toBe("");
        });
    });

    describe("memory that the container may not use", () => {
        it.each([
            ["version 2", "sys/fs/cgroup/memory.max"],
            ["version 1", "sys/fs/cgroup/memory/memory.limit_in_bytes"],
        ])("is reserved, and what k3s needs too (cgroups of %s)", (_, file) => {
            root.write(file, `${4 * GIB}\n`);
            root.enter();
            // 16 GiB are there, 4 may be used, of which k3s needs a half.
            expect(parse(root.read(RESERVE) ?? "")).toEqual({
                "kubelet-arg+": [`system-reserved=memory=${12 * 1024 + 512}Mi`],
            });
        });

        it.each([
            ["max", "sys/fs/cgroup/memory.max"],
            ["9223372036854771712", "sys/fs/cgroup/memory/memory.limit_in_bytes"],
            [`${16 * GIB}`, "sys/fs/cgroup/memory.max"],
        ])("is none with a limit of %s, also when there was one before", (limit, file) => {
            root.write(RESERVE, "of before");
            root.write(file, `${limit}\n`);
            expect(root.enter().stdout).toBe("k3s server\n");
            expect(root.read(RESERVE)).toBeUndefined();
        });

        it("is left to a reserve that the user has set", () => {
            root.write("sys/fs/cgroup/memory.max", `${4 * GIB}\n`);
            root.write(
                "etc/rancher/k3s/config.yaml",
                'kubelet-arg:\n  - "system-reserved=memory=1Gi"\n',
            );
            root.enter();
            expect(root.read(RESERVE)).toBeUndefined();
        });

        it("is reserved beside CPUs that the user reserves", () => {
            root.write("sys/fs/cgroup/memory.max", `${4 * GIB}\n`);
            root.write(
                "etc/rancher/k3s/config.yaml",
                'kubelet-arg: ["system-reserved=cpu=500m", "v=2"]\n',
            );
            root.enter();
            expect(root.read(RESERVE)).toContain("system-reserved=memory=");
        });
    });

    describe("the health of a gateway", () => {
        const isSaid = (text: string) => () => root.health().said === text;

        it("is good once the API is ready and policies are enforced", async () => {
            root.write("ready", "");
            root.enforce();
            await root.startAndStop("it is healthy", () => root.health().status === 0);
        });

        it("waits for the API", async () => {
            root.enforce();
            await root.startAndStop("it says so", isSaid("the Kubernetes API is not ready"));
            expect(root.health().status).toBe(1);
        });

        it("is never good without policies, and the log says why", async () => {
            root.write("ready", "");
            root.write("saved", ":FORWARD ACCEPT [0:0]\n:KUBE-FORWARD - [0:0]\n");
            let log = "";
            const { stderr } = await root.startAndStop("it says so", () => {
                // Long enough for it to be said once.
                log += root.health().said === "network policies are not enforced" ? "." : "";
                return log.length > 20;
            });
            expect(root.health().status).toBe(1);
            expect(stderr.match(/sudo modprobe -a ip_set xt_set/g)).toHaveLength(1);
        });

        it("is never good on a kernel that refuses what policies are made of, with their chain there", async () => {
            root.write("ready", "");
            root.enforce();
            root.program("iptables", 'case $* in *NFLOG*) exit 1 ;; esac; [ "$4" != -C ]');
            const { stderr } = await root.startAndStop(
                "it says so",
                isSaid("network policies are not enforced: the kernel lacks xt_NFLOG"),
            );
            expect(stderr).toContain("(sudo modprobe -a xt_NFLOG)");
        });

        it("is not good when iptables refuses the rules for DNS", async () => {
            root.write("ready", "");
            root.program("iptables", "exit 1");
            await root.startAndStop(
                "it says so",
                isSaid("names do not resolve: iptables has refused the rules for DNS"),
            );
        });

        it("is watched for as long as one look takes, once it was good", () => {
            root.write(`${RUN}/health`, "ok\n");
            root.program("sleep", 'echo "$1" >>"$SANDBOX_GATEWAY_ROOT/slept"');
            expect(root.health(30).status).toBe(0);
            expect(root.lines("slept")).toEqual([]);
            expect(root.health(30).status).toBe(0);
            expect(root.lines("slept")).toEqual(Array<string>(6).fill("5"));
        });

        it("is said at once when it is good no longer", () => {
            root.write(`${RUN}/health`, "ok\n");
            expect(root.health().status).toBe(0);
            root.program("sleep", `echo gone >"$SANDBOX_GATEWAY_ROOT/${RUN}/health"`);
            expect(root.health(3600)).toEqual({ status: 1, said: "gone" });
        });

        it("is not known any more when nobody looks", () => {
            root.write(`${RUN}/health`, "ok\n");
            expect(root.health().status).toBe(0);
            const old = new Date(Date.now() - 5 * 60_000);
            utimesSync(root.at(`${RUN}/health`), old, old);
            expect(root.health().status).toBe(1);
        });
    });
});
