/** The names that the machine lends to the gateway. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { DATA, GatewayRoot, RUN } from "../support/gatewayRoot";
import { shells } from "../support/shells";

let root: GatewayRoot;

const warnings = () => root.read(`${RUN}/warnings`) ?? "";

describe.each(shells())("names under $name", (shell) => {
    beforeEach(() => (root = new GatewayRoot(shell)));
    afterEach(() => root.remove());

    const NAMES = `${DATA}/server/manifests/coredns-custom.yaml`;
    const resolvConf = () => root.read(`${RUN}/resolv.conf`);
    /** Those that lead packets elsewhere; the others are for isolation. */
    const rulesOf = () => root.lines("rules").filter((rule) => !rule.includes(" -t raw "));
    const zone = () =>
        (parse(root.read(NAMES) ?? "") as { data: Record<string, string> }).data[
            "sandbox-gateway.server"
        ];

    it("are asked of Docker's resolver, through the container's own address", async () => {
        const { stderr } = await root.startAndStop(
            "the rules are there",
            () => root.lines("rules").filter((rule) => rule.includes(" -A OUTPUT ")).length >= 2,
        );
        expect(stderr).toContain(
            "gateway: DNS: sandboxes ask 172.30.18.2, which hands it to this container's resolver 127.0.0.11\n",
        );
        expect(resolvConf()).toBe("nameserver 172.30.18.2\n");
        expect(root.read("proc/sys/net/ipv4/conf/default/route_localnet")).toBe("1\n");
        const rules = rulesOf().map((rule) => rule.replace("iptables -w -t nat ", ""));
        expect(rules.filter((rule) => !rule.startsWith("-C"))).toEqual([
            "-N SANDBOX-GATEWAY-DNS",
            "-A SANDBOX-GATEWAY-DNS -p udp -j DNAT --to-destination 127.0.0.11:51127",
            "-A PREROUTING -d 172.30.18.2 -p udp --dport 53 -s 10.42.0.0/16 -j SANDBOX-GATEWAY-DNS",
            "-A OUTPUT -d 172.30.18.2 -p udp --dport 53 -j SANDBOX-GATEWAY-DNS",
            "-A SANDBOX-GATEWAY-DNS -p tcp -j DNAT --to-destination 127.0.0.11:46335",
            "-A PREROUTING -d 172.30.18.2 -p tcp --dport 53 -s 10.42.0.0/16 -j SANDBOX-GATEWAY-DNS",
            "-A OUTPUT -d 172.30.18.2 -p tcp --dport 53 -j SANDBOX-GATEWAY-DNS",
        ]);
    });

    it("are asked of a resolver on port 53 when it has no other", async () => {
        root.write("etc/resolv.conf", "nameserver 127.0.0.53\n");
        await root.startAndStop("the rules are there", () =>
            Boolean(root.read("rules")?.includes("127.0.0.53:53\n")),
        );
        expect(root.read("rules")).toContain("--to-destination 127.0.0.53:53\n");
    });

    it("are led to the resolver's new ports when the daemon was restarted beside the container", async () => {
        await root.startAndStop("the rules are made anew", () => {
            if (root.read("rules")?.includes("127.0.0.11:46335\n")) {
                root.write("proc/net/udp", "1: 0B00007F:0400 00000000:0000 07 00000000:00000000\n");
            }
            return root.read("rules")?.includes("127.0.0.11:1024") === true;
        });
        expect(root.read("rules")).toContain("127.0.0.11:51127");
    });

    it("are asked of the servers themselves where pods can reach them, three at most", async () => {
        root.write(
            "etc/resolv.conf",
            "nameserver fd00::1\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
        );
        root.write("ready", "");
        await root.startAndStop("it is ready", () => root.lines("calls").includes("openapi"));
        expect(resolvConf()).toBe(
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n",
        );
        expect(rulesOf()).toEqual([]);
    });

    it("are said to be missing where there is no server", () => {
        root.write("etc/resolv.conf", "nameserver fd00::1\n");
        root.enter();
        expect(warnings()).toContain("set gateway.dns");
    });

    it("of the machine and of gateway.hostAliases are CoreDNS's own, each zone once", () => {
        root.write(
            "etc/hosts",
            [
                "127.0.0.1\tlocalhost",
                "::1\tlocalhost ip6-localhost",
                "172.17.0.1\thost.docker.internal",
                "2001:db8::1\thost.docker.internal",
                "172.17.0.1\thost.openshell.internal",
                "192.168.7.20\tmodels.lan # a comment",
                "192.168.7.21\tMODELS.lan",
            ].join("\n"),
        );
        root.enter();
        expect(parse(root.read(NAMES) ?? "")).toMatchObject({
            kind: "ConfigMap",
            metadata: { name: "coredns-custom", namespace: "kube-system" },
        });
        expect(zone()).toBe(
            [
                "host.docker.internal:53 host.openshell.internal:53 models.lan:53 {",
                "    errors",
                "    hosts /etc/coredns/NodeHosts {",
                "        172.17.0.1 host.docker.internal",
                "        172.17.0.1 host.openshell.internal",
                "        192.168.7.20 models.lan",
                "        192.168.7.21 MODELS.lan",
                "        ttl 60",
                "        fallthrough",
                "    }",
                "    forward . /etc/resolv.conf",
                "}\n",
            ].join("\n"),
        );
    });

    it("are written again where a power cut has emptied them, and left alone where they are another's", () => {
        root.write(NAMES, "");
        root.enter();
        expect(zone()).toBe("");
        expect(warnings()).toBe("");
        root.write(NAMES, "kind: ConfigMap\n");
        root.enter();
        expect(root.read(NAMES)).toBe("kind: ConfigMap\n");
        expect(warnings()).toContain("is not this gateway's");
    });

    it("are no reason not to start on a full disk", () => {
        root.fill(`${NAMES}.new`);
        expect(root.enter().stdout).toBe("k3s server\n");
        expect(warnings()).toContain("cannot write ");
    });

    it("of nobody but the container itself make no zone, which CoreDNS would not start with", () => {
        root.enter();
        expect(zone()).toBe("");
    });
});
