/** What the entrypoint closes before k3s starts, and that nobody calls a gateway healthy that it could not. */
import { mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GatewayRoot, RUN } from "../support/gatewayRoot";
import { shells } from "../support/shells";

const FILTER = "proc/sys/net/bridge/bridge-nf-call-iptables";
const FILTER6 = "proc/sys/net/bridge/bridge-nf-call-ip6tables";

/** The chain of rules, in the first of all tables. */
const CHAIN = "-w -t raw";

let root: GatewayRoot;

describe.each(shells())("under $name", (shell) => {
    beforeEach(() => {
        root = new GatewayRoot(shell);
        root.settings["SANDBOX_GATEWAY_BRIDGE"] = "172.30.18.1";
        root.settings["SANDBOX_GATEWAY_LOCAL_PORTS"] = "10250 6443 18789:18808";
    });
    afterEach(() => root.remove());

    const warnings = () => root.read(`${RUN}/warnings`) ?? "";

    /** With everything else as it should be. @param said what the health check is to say */
    const starts = (said: string) => {
        root.write("ready", "");
        root.enforce();
        return root.startAndStop(`it says ${said}`, () => root.health().said === said);
    };

    describe("IPv4", () => {
        const rules = () =>
            root
                .lines("rules")
                .filter((rule) => rule.startsWith(`iptables ${CHAIN} `))
                .map((rule) => rule.slice(`iptables ${CHAIN} `.length));

        it("is closed to what no policy allows, and to who comes past the loopback", () => {
            root.enter();
            const drop = (rule: string) => `-A SANDBOX-GATEWAY-CLOSED ${rule} -j DROP`;
            expect(rules()).toEqual([
                "-N SANDBOX-GATEWAY-CLOSED",
                drop("-s 10.42.0.0/16 -d 0.0.0.0/8"),
                drop("-s 10.42.0.0/16 -d 127.0.0.0/8"),
                drop("-s 10.42.0.0/16 -d 169.254.0.0/16"),
                drop("-s 10.42.0.0/16 -d 224.0.0.0/3"),
                ...["udp", "tcp"].map((protocol) =>
                    drop(
                        `-s 10.42.0.0/16 ! -d 172.30.18.2 -p ${protocol} --dport 53 -m hashlimit --hashlimit-name sandbox-dns-${protocol} --hashlimit-mode srcip --hashlimit-above 100/second --hashlimit-burst 500`,
                    ),
                ),
                "-A SANDBOX-GATEWAY-CLOSED -s 172.30.18.1 -j RETURN",
                drop("-i eth7 -p tcp --syn --dport 10250"),
                drop("-i eth7 -p tcp --syn --dport 6443"),
                drop("-i eth7 -p tcp --syn --dport 18789:18808"),
                "-C PREROUTING -j SANDBOX-GATEWAY-CLOSED",
                "-I PREROUTING -j SANDBOX-GATEWAY-CLOSED",
            ]);
            expect(warnings()).toBe("");
        });

        it("is closed before k3s starts", () => {
            root.program("k3s", 'cp "$SANDBOX_GATEWAY_ROOT/rules" "$SANDBOX_GATEWAY_ROOT/before"');
            root.enter();
            expect(root.read("before")).toContain("-I PREROUTING -j SANDBOX-GATEWAY-CLOSED");
        });

        it("stays open to a resolver of the link's, for names alone", () => {
            root.write("etc/resolv.conf", "nameserver 169.254.169.253\n");
            root.enter();
            const allowed = rules().filter((rule) => rule.includes("--dport 53 -j RETURN"));
            expect(allowed).toEqual(
                ["udp", "tcp"].map(
                    (protocol) =>
                        `-A SANDBOX-GATEWAY-CLOSED -s 10.42.0.0/16 -d 169.254.169.253 -p ${protocol} --dport 53 -j RETURN`,
                ),
            );
            expect(rules().indexOf(allowed[1] ?? "")).toBeLessThan(
                rules().findIndex((rule) => rule.includes("-d 169.254.0.0/16")),
            );
        });

        it("that iptables cannot close keeps the gateway from being healthy, and its node closed", async () => {
            root.write("var/lib/rancher/k3s/.sandbox-gateway-drained", "");
            root.program("iptables", 'case $* in *169.254*) exit 1 ;; esac; [ "$4" != -C ]');
            const { calls } = await starts(
                "network policies are not enforced: iptables has refused the rules of SANDBOX-GATEWAY-CLOSED",
            );
            expect(calls.filter((call) => call.includes("uncordon"))).toEqual([]);
            expect(warnings()).toContain("iptables has refused");
        });
    });

    describe("IPv6", () => {
        it("is closed between pods, and to everything of the gateway's but its own loopback", () => {
            root.enter();
            expect(root.read(FILTER6)).toBe("1\n");
            expect(root.lines("rules6")).toEqual([
                "ip6tables -w -P FORWARD DROP",
                "ip6tables -w -I INPUT ! -i lo -j DROP",
            ]);
            expect(warnings()).toBe("");
        });

        it("is closed by the other kind of tables, where one has none", () => {
            root.program("ip6tables", "exit 1");
            root.program("ip6tables-nft", 'echo "$*" >>"$SANDBOX_GATEWAY_ROOT/rules6"');
            root.enter();
            expect(root.lines("rules6")).toEqual([
                "-w -P FORWARD DROP",
                "-w -I INPUT ! -i lo -j DROP",
            ]);
            expect(warnings()).toBe("");
        });

        it("that the kernel does not have is not closed", () => {
            rmSync(root.at("proc/sys/net/ipv6"), { recursive: true });
            root.program("ip6tables", "exit 1");
            root.enter();
            expect(warnings()).toBe("");
        });

        it("that ip6tables cannot close keeps the gateway from being healthy, and says the remedy", async () => {
            root.program("ip6tables", "case $* in *INPUT*) exit 1 ;; esac");
            await starts(
                "network policies are not enforced: IPv6 between sandboxes is open: ip6tables has refused its rules",
            );
            expect(warnings()).toContain("sudo modprobe -a ip6_tables ip6table_filter");
        });

        it("that passes by on bridges keeps the gateway from being healthy", async () => {
            rmSync(root.at(FILTER6));
            // No file that could be written to.
            mkdirSync(root.at(FILTER6));
            await starts(
                "network policies are not enforced: IPv6 between sandboxes is open: cannot write net.bridge.bridge-nf-call-ip6tables",
            );
        });
    });

    describe("the filter of bridges", () => {
        it("that is there is left alone", () => {
            root.enter();
            expect(root.read("rules") ?? "").not.toContain("physdev");
        });

        it("is loaded by the kernel for a rule that needs it, which is taken away again", () => {
            rmSync(root.at(FILTER));
            root.program(
                "iptables",
                `echo "$*" >>"$SANDBOX_GATEWAY_ROOT/rules"; case $* in *physdev*) echo 1 >"$SANDBOX_GATEWAY_ROOT/${FILTER}";; esac`,
            );
            root.enter();
            expect(root.lines("rules").slice(0, 4)).toEqual([
                "-w -N SANDBOX-GATEWAY",
                "-w -A SANDBOX-GATEWAY -m physdev --physdev-is-bridged -j RETURN",
                "-w -F SANDBOX-GATEWAY",
                "-w -X SANDBOX-GATEWAY",
            ]);
            expect(warnings()).toBe("");
        });

        it("that only the machine sees, before Linux 5.3, is taken for on", () => {
            rmSync(root.at("proc/sys/net/bridge"), { recursive: true });
            mkdirSync(root.at("sys/module/br_netfilter"), { recursive: true });
            root.enter();
            expect(warnings()).toBe("");
        });

        it("that cannot be had keeps the gateway from being healthy, and says the remedy", async () => {
            rmSync(root.at(FILTER));
            await starts(
                "network policies are not enforced: the kernel module br_netfilter is not loaded",
            );
            expect(warnings()).toContain("On the Docker host: sudo modprobe br_netfilter");
        });
    });
});
