/** What the outbound proxy gets: ports, configurations, and what its logs say. */
import { describe, expect, it } from "vitest";
import { parseTraffic } from "../../cli/status/trafficLog";
import { renderTraffic } from "../../cli/status/traffic";
import { renderCorefile } from "../../components/outbound/corefile";
import {
    baseUrlProblem,
    endpointOf,
    keyProblem,
    sandboxUrl,
} from "../../components/outbound/endpoint";
import { renderModel, renderProxy } from "../../components/outbound/haproxy";
import { listenersOf, type Client } from "../../components/outbound/listeners";
import { outboundPolicy, wayToProxy } from "../../components/outbound/policy";

const client = (sandbox: string, more: Partial<Client> = {}): Client => ({
    ...{ sandbox, hosts: [{ host: "a.org" }], inference: false, resolvesAll: false },
    ...more,
});

describe("ports of the proxy", () => {
    it("stay a sandbox's own when others come and go", () => {
        const names = Array.from({ length: 60 }, (_, index) => `sandbox-${index}`);
        const all = listenersOf(names.map((name) => client(name)));
        const alone = names.map((name) => listenersOf([client(name)]).get(name));
        const moved = names.filter(
            (name, index) => JSON.stringify(all.get(name)) !== JSON.stringify(alone[index]),
        );
        // Of two whose names lead to one place, one has to give way.
        expect(moved.length).toBeLessThan(5);
        const used = [...all.values()].flatMap(({ dns, tcp }) => [
            dns,
            ...tcp.map(({ target }) => target),
        ]);
        expect(new Set(used).size).toBe(used.length);
    });

    it("are one for names, and one for each port that rules are about", () => {
        const hosts = [{ host: "a.org", ports: [8443, 443] }, { host: "b.org" }];
        const found = listenersOf([client("a", { hosts, inference: true })]).get("a");
        const first = found?.dns ?? 0;
        expect(found?.tcp).toEqual([
            { port: 80, target: first + 1 },
            { port: 443, target: first + 2 },
            { port: 8443, target: first + 3 },
        ]);
    });

    it("are none for names where a model is all there is", () => {
        const found = listenersOf([client("a", { hosts: [], inference: true })]).get("a");
        expect(found).toEqual({ tcp: [{ port: 80, target: expect.any(Number) as number }] });
    });

    it("are for so many sandboxes, and no more", () => {
        const many = (count: number) =>
            Array.from({ length: count }, (_, index) => client(`s${index}`));
        expect(listenersOf(many(1423)).size).toBe(1423);
        expect(() => listenersOf(many(1424))).toThrow("1423 sandboxes; got 1424");
    });
});

describe("network policies", () => {
    it("let a sandbox to its own ports, and the proxy take nothing else", () => {
        const clients = [client("a"), client("b")];
        const listeners = listenersOf(clients);
        const policy = outboundPolicy(clients, listeners, {
            ...{ internalNetworks: ["10.42.0.0/16", "10.43.0.0/16"], machine: "172.30.18.1" },
            ownNetworks: ["172.30.18.0/24"],
        });
        const own = listeners.get("b");
        const ports = [
            { port: own?.dns, protocol: "UDP" },
            { port: own?.dns, protocol: "TCP" },
            { port: own?.tcp[0]?.target, protocol: "TCP" },
        ];
        expect(policy.ingress).toEqual([
            expect.anything(),
            {
                from: [{ podSelector: { matchLabels: { "sandbox-gateway.dev/sandbox": "b" } } }],
                ports,
            },
        ]);
        expect(own && wayToProxy(own)).toEqual({
            to: [{ podSelector: { matchLabels: { "sandbox-gateway.dev/outbound": "proxy" } } }],
            ports,
        });
        expect(JSON.stringify(policy.egress)).toContain(
            '"except":["10.42.0.0/16","10.43.0.0/16","172.30.18.0/24","169.254.0.0/16"]',
        );
        expect(policy.egress).toContainEqual({ to: [{ ipBlock: { cidr: "172.30.18.1/32" } }] });
    });
});

describe("HAProxy's configuration", () => {
    const hosts = [
        { host: "a.org" },
        { host: "*.b.org", ports: [443, 8443] },
        { host: "git.lan", private: true },
        { host: "plain.org", ports: [80] },
    ];
    const render = (more: Partial<Client> = {}) => {
        const clients = [client("a", { hosts, ...more })];
        return renderProxy(clients, listenersOf(clients), ["10.0.0.0/8"]);
    };
    const frontend = (config: string, port: number) =>
        config.split("\n\n").find((part) => part.trim().startsWith(`frontend a-${port}\n`)) ?? "";
    const acls = (config: string, port: number) =>
        frontend(config, port)
            .split("\n")
            .filter((line) => line.trim().startsWith("acl "))
            .map((line) => line.trim());

    it.each([
        [
            443,
            [
                "acl listed var(txn.host) -m str a.org",
                "acl listed var(txn.host) -m str git.lan",
                "acl listed var(txn.host) -m end .b.org",
                "acl private var(txn.host) -m str git.lan",
                "acl near var(txn.address) -m ip 10.0.0.0/8",
            ],
        ],
        [
            8443,
            [
                "acl listed var(txn.host) -m end .b.org",
                "acl private always_false",
                "acl near var(txn.address) -m ip 10.0.0.0/8",
            ],
        ],
        [
            80,
            [
                "acl listed var(txn.host) -m str plain.org",
                "acl private always_false",
                "acl near var(txn.address) -m ip 10.0.0.0/8",
            ],
        ],
    ])("lists on port %d what is for it", (port, expected) => {
        expect(acls(render(), port)).toEqual(expected);
    });

    it("leads to a model by one name, which takes no rule", () => {
        const config = render({ hosts: [], inference: true });
        expect(acls(config, 80)).toEqual([
            "acl listed always_false",
            "acl private always_false",
            "acl near var(txn.address) -m ip 10.0.0.0/8",
            "acl model var(txn.host) -m str inference.local",
        ]);
        expect(frontend(config, 80)).toContain("use_backend model-a if model");
        expect(frontend(render(), 80)).not.toContain("model");
    });

    it("has a model's key in a variable, its server by name, and its path as a limit", () => {
        const endpoint = endpointOf("https://api.example.org/it's/v1/");
        const config = renderModel("my-agent", endpoint, true, "/etc/ssl/certs");
        expect(config).toContain('"Bearer %[env(INFERENCE_KEY_my_agent)]"');
        expect(config).toContain("unless { path -m beg '/it'\\''s/v1/' }");
        expect(config).toContain(
            "server any 0.0.0.0:0 ssl verify required ca-file '/etc/ssl/certs' sni str(api.example.org) verifyhost api.example.org",
        );
        const open = renderModel("a", endpointOf("http://10.1.2.3:11434"), false, "/x");
        expect(open).toContain("http-request del-header authorization");
        expect(open).toContain("set-var(txn.address) str(10.1.2.3),ipmask(32)");
        expect(open).toContain("set-dst-port int(11434)");
        expect(open).not.toContain("ssl");
    });
});

describe("CoreDNS's configuration", () => {
    const render = (more: Partial<Client>) => {
        const clients = [client("a", { hosts: [{ host: "a.org" }, { host: "*.b.org" }], ...more })];
        return renderCorefile(clients, listenersOf(clients), { a: "10.43.7.7" });
    };
    const matches = [...render({}).matchAll(/match \(\?i\)(.*)/g)].map(
        ([, pattern = ""]) => new RegExp(pattern, "i"),
    );
    const isListed = (name: string) => matches.some((pattern) => pattern.test(name));

    it.each([
        ["a.org.", true],
        ["A.org.", true],
        ["x.b.org.", true],
        ["y.x.b.org.", true],
        ["b.org.", false],
        ["xb.org.", false],
        ["x.a.org.", false],
        ["aXorg.", false],
        ["a.org.evil.org.", false],
        [".b.org.", false],
    ])("takes %s for listed: %s", (name, expected) => {
        expect(isListed(name)).toBe(expected);
    });

    it("denies every other name, unless a sandbox finds everything", () => {
        expect(render({})).toContain("rcode NXDOMAIN");
        expect(render({})).not.toContain("forward");
        expect(render({ resolvesAll: true })).toContain("forward . /etc/resolv.conf");
        expect(render({ resolvesAll: true })).not.toContain("NXDOMAIN");
    });

    it("has nothing for a sandbox with a model alone", () => {
        expect(render({ hosts: [], inference: true })).not.toContain("template");
    });
});

describe("a base URL", () => {
    it.each([
        ["https://api.example.org", { tls: true, host: "api.example.org", port: 443, path: "" }],
        ["http://10.0.0.7:8000/v1//", { tls: false, host: "10.0.0.7", port: 8000, path: "/v1" }],
        [
            "http://host.docker.internal/a/v1",
            { tls: false, host: "host.docker.internal", port: 80, path: "/a/v1" },
        ],
    ])("%s is where a model is", (url, endpoint) => {
        expect(baseUrlProblem(url)).toBeUndefined();
        expect(endpointOf(url)).toEqual(endpoint);
        expect(sandboxUrl(endpointOf(url))).toBe(`http://inference.local${endpoint.path}`);
    });

    it.each([
        "ftp://a.org",
        "https://u:p@a.org",
        "https://u@a.org",
        "https://a.org/v1?x=1",
        "https://a.org/v1#x",
        "http://[::1]/",
        "http://a.org:0/",
        `http://a.org/${"x".repeat(512)}`,
    ])("%s is none", (url) => {
        expect(baseUrlProblem(url)).toBeDefined();
        expect(() => endpointOf(url)).toThrow("inference.baseUrl: must");
    });

    it.each(["", "sk-1", "with blank", "x".repeat(8192)])("goes with the key %j", (key) => {
        expect(keyProblem(key)).toBeUndefined();
    });

    it.each(["a\n", "a\r\nX: y", " a", "ä", "a\0", "x".repeat(8193)])(
        "goes not with the key %j",
        (key) => {
            expect(keyProblem(key)).toBeDefined();
        },
    );
});

describe("the log", () => {
    const connections = [
        '2026-11-27T05:00:02.000000000Z {"at": 1795755602000, "sandbox": "a", "verdict": "allowed", "host": "a.org", "port": 443, "address": "1.2.3.4"}',
        '2026-11-27T05:00:03.500000000Z {"at": 1795755603500, "sandbox": "a", "verdict": "no-tls", "host": "", "port": 443, "address": ""}',
        "2026-11-27T05:00:00.000000000Z [NOTICE] haproxy version is 3.2.26",
        '2026-11-27T05:00:04.000000000Z {"at": 17957',
        "",
    ].join("\n");
    const names = [
        "2026-11-27T05:00:01.000000000Z [INFO] dns a a.org. A NOERROR",
        "2026-11-27T05:00:01.100000000Z [INFO] dns a a.org. AAAA NOERROR",
        "2026-11-27T05:00:03.000000000Z [INFO] dns a evil.org. A NXDOMAIN",
        "2026-11-27T05:00:00.000000000Z .:10000",
    ].join("\n");

    it("is one list by time, of connections and names alone", () => {
        expect(parseTraffic(connections, names)).toEqual([
            { at: "2026-11-27T05:00:01.000Z", sandbox: "a", verdict: "resolved", host: "a.org" },
            {
                ...{ at: "2026-11-27T05:00:02.000Z", sandbox: "a", verdict: "allowed" },
                ...{ host: "a.org", port: 443, address: "1.2.3.4" },
            },
            {
                ...{ at: "2026-11-27T05:00:03.000Z", sandbox: "a" },
                ...{ verdict: "not-resolved", host: "evil.org" },
            },
            {
                ...{ at: "2026-11-27T05:00:03.500Z", sandbox: "a" },
                ...{ verdict: "no-tls", host: "", port: 443 },
            },
        ]);
    });

    it("is a human-readable table, with the newest last", () => {
        const table = renderTraffic(parseTraffic(connections, names)).split("\n");
        expect(table[0]).toMatch(/^TIME +SANDBOX +VERDICT +HOST +ADDRESS$/);
        expect(table[2]).toMatch(/allowed +a\.org:443 +1\.2\.3\.4$/);
        expect(renderTraffic([])).toContain("nothing was asked for yet");
    });
});
