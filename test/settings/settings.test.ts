import { describe, expect, it } from "vitest";
import { subnetOf } from "../../model/subnet";
import { parseSettings } from "../../settings/parse";
import { explain } from "../../settings/problems";
import { messageOf, sandbox, UNKNOWN } from "../support/settings";

/** A cluster that is there already. */
const existing = (more: object) => ({
    existingCluster: {
        ...{ kubeconfig: "k", context: "c", storageClass: "s", host: "h" },
        ...more,
    },
});

const NAME_RULE =
    "must have 1 to 53 letters, digits, `_`, `.` or `-` and begin with a letter or digit; for example dev";
const SANDBOX_NAME_RULE =
    "must be a sandbox name of 1 to 40 lower-case letters, digits or `-`, beginning with a letter; for example assistant";
const PORT_RULE = "must be a TCP port from 1024 to 65535; for example 18789";
const BLOCK_RULE = 'must be a block of ports, first-last; for example "18789-18808"';
const IMAGE_RULE = "must be an image reference; for example ghcr.io/openclaw/openclaw:2026.9.6";
const TAG_RULE =
    "must name a tag or a digest, so that it means the same next week; for example busybox:1.37.0";
const APP_RULE = 'must be a known application or an object; for example "openclaw"';
const SIZE_RULE = "must be a Kubernetes quantity of storage; for example 2Gi";
const EGRESS_RULE =
    'must be `internet`, or an object of one of `internet`, `cidr` and `host`; for example {"host": "api.example.org"}';
const USER_RULE = "must be a user id above 0, or `root` by that name; for example 1000";
/** Not shown when it is long. */
const shown = (text: string) =>
    text.length > 80 ? `a text of ${text.length} characters` : JSON.stringify(text);

const claim = (name: string, mountPath: string) => ({ name, mountPath, size: "1Gi" });

describe("a wrong configuration is named key by key", () => {
    it.each<[object, string | RegExp]>([
        // Keys that do not exist.
        [{ runing: false }, `runing: got false; ${UNKNOWN("the program")}`],
        [{ gateway: { nam: "x" } }, `gateway.nam: got a text; ${UNKNOWN("gateway")}`],
        [sandbox({ img: "x" }), `sandboxes.a.img: got a text; ${UNKNOWN("sandboxes.a")}`],
        [
            sandbox({ resources: { limit: {} } }),
            `sandboxes.a.resources.limit: got {}; ${UNKNOWN("sandboxes.a.resources")}`,
        ],
        [
            sandbox({ application: { port: 80, comand: [] } }),
            `sandboxes.a.application.comand: got []; ${UNKNOWN("sandboxes.a.application")}`,
        ],
        // Switches.
        [{ running: "yes" }, 'running: got "yes"; must be true or false; for example true'],
        [{ running: 1 }, "running: got 1; must be true or false; for example true"],
        [{ protect: null }, "protect: got null; must be true or false; for example true"],
        [
            sandbox({ running: "no" }),
            'sandboxes.a.running: got "no"; must be true or false; for example true',
        ],
        // Names of gateways.
        ...[
            "",
            "-dev",
            "a b",
            "é",
            "a".repeat(54),
            "a".repeat(55),
            "a".repeat(63),
            "a".repeat(253),
        ].map((name): [object, string] => [
            { gateway: { name } },
            `gateway.name: got ${shown(name)}; ${NAME_RULE}`,
        ]),
        [{ gateway: { name: [] } }, `gateway.name: got []; ${NAME_RULE}`],
        [{ gateway: [] }, 'gateway: got []; must be an object; for example {"name": "dev"}'],
        // Names of sandboxes.
        ...["", "A", "1a", "a_b", "a-", "a".repeat(41), "a.b"].map((name): [object, string] => [
            { sandboxes: { [name]: { application: "openclaw" } } },
            `sandboxes${name.includes(".") ? `[${JSON.stringify(name)}]` : `.${name}`}: got ${JSON.stringify(name)}; ${SANDBOX_NAME_RULE}`,
        ]),
        [
            { sandboxes: ["a"] },
            'sandboxes: got ["..."]; must be an object keyed by sandbox name; for example {"assistant": {"application": "openclaw"}}',
        ],
        [
            { sandboxes: { a: null } },
            'sandboxes.a: got null; must be an object; for example {"application": "openclaw"}',
        ],
        [
            { sandboxes: { "default-deny": { application: "openclaw" } } },
            'sandboxes.default-deny: got "default-deny"; must not be the name of an object that all sandboxes share; for example assistant',
        ],
        [
            sandbox({ resources: { limits: { cpu: "0.0" } } }),
            'sandboxes.a.resources.limits.cpu: got "0.0"; must be a number of CPUs; for example 500m',
        ],
        [
            sandbox({ resources: { limits: { memory: "512m" } } }),
            'sandboxes.a.resources.limits.memory: got "512m"; must be a Kubernetes quantity of memory; for example 2Gi',
        ],
        // Images.
        [
            { gateway: { image: "Rancher/K3s:1" } },
            `gateway.image: got "Rancher/K3s:1"; ${IMAGE_RULE}`,
        ],
        [{ gateway: { image: "rancher/k3s" } }, `gateway.image: got "rancher/k3s"; ${TAG_RULE}`],
        [sandbox({ image: "reg:5000/x" }), `sandboxes.a.image: got "reg:5000/x"; ${TAG_RULE}`],
        [sandbox({ image: "" }), `sandboxes.a.image: got ""; ${IMAGE_RULE}`],
        [
            { sandboxes: { a: {} } },
            "sandboxes.a.image: got nothing; must be given unless the application is a known one (openclaw); for example ghcr.io/openclaw/openclaw:2026.9.6",
        ],
        // Networks.
        [
            { gateway: { subnet: "172.30.18.1/24" } },
            'gateway.subnet: got "172.30.18.1/24"; must be an IPv4 network without host bits; for example 192.168.7.0/24',
        ],
        [
            { gateway: { subnet: "172.30.18.0/30" } },
            'gateway.subnet: got "172.30.18.0/30"; must be a network of /16 to /29; for example 172.30.18.0/24',
        ],
        [
            { gateway: { subnet: "10.42.7.0/24" } },
            'gateway.subnet: got "10.42.7.0/24"; must not overlap 10.42.0.0/16, which Kubernetes uses inside; for example 172.30.18.0/24',
        ],
        [
            { gateway: { subnet: "10.43.0.0/16" } },
            'gateway.subnet: got "10.43.0.0/16"; must not overlap 10.43.0.0/16, which Kubernetes uses inside; for example 172.30.18.0/24',
        ],
        [
            { gateway: { bindAddress: "localhost" } },
            'gateway.bindAddress: got "localhost"; must be an IPv4 address of this machine; for example 127.0.0.1',
        ],
        // Ports.
        [
            { gateway: { apiPort: 443 } },
            "gateway.apiPort: got 443; must be a TCP port from 1024 to 65535; for example 16443",
        ],
        [
            { gateway: { apiPort: "16443" } },
            'gateway.apiPort: got "16443"; must be a TCP port from 1024 to 65535; for example 16443',
        ],
        [
            { gateway: { apiPort: 18790 } },
            "gateway.apiPort: got 18790; must lie outside gateway.ports (18789-18808); for example 16443",
        ],
        [{ gateway: { ports: "18789" } }, `gateway.ports: got "18789"; ${BLOCK_RULE}`],
        [{ gateway: { ports: 18789 } }, `gateway.ports: got 18789; ${BLOCK_RULE}`],
        [
            { gateway: { ports: "2000-1999" } },
            'gateway.ports: got "2000-1999"; must lie between 1024 and 65535, first before last; for example "18789-18808"',
        ],
        [
            { gateway: { ports: "80-90" } },
            'gateway.ports: got "80-90"; must lie between 1024 and 65535, first before last; for example "18789-18808"',
        ],
        [
            { gateway: { ports: "2000-2256" } },
            'gateway.ports: got "2000-2256"; must hold at most 256 ports: each is published by Docker; for example "18789-18808"',
        ],
        [sandbox({ hostPort: 70000 }), `sandboxes.a.hostPort: got 70000; ${PORT_RULE}`],
        [sandbox({ hostPort: 80.5 }), `sandboxes.a.hostPort: got 80.5; ${PORT_RULE}`],
        [
            sandbox({ hostPort: 30000 }),
            "sandboxes.a.hostPort: got 30000; must lie in gateway.ports (18789-18808); for example 18789",
        ],
        [
            { sandboxes: { a: { image: "x:1", hostPort: 18789 } } },
            'sandboxes.a.hostPort: got 18789; must belong to an application: there is no port to publish; for example application: "openclaw"',
        ],
        [
            {
                sandboxes: {
                    a: { application: "openclaw", hostPort: 18789 },
                    b: { application: "openclaw", hostPort: 18789 },
                },
            },
            "sandboxes.b.hostPort: got 18789; must differ from that of sandboxes.a; for example 18790",
        ],
        [
            {
                gateway: { ports: "18789-18789" },
                sandboxes: { a: { application: "openclaw" }, b: { application: "openclaw" } },
            },
            'gateway.ports: got "18789-18789"; must hold a port for each of the 2 sandboxes with an application; for example "18789-18790"',
        ],
        // Another cluster.
        [
            { existingCluster: { context: "c", storageClass: "s", host: "h" } },
            "existingCluster.kubeconfig: got nothing; must be the path of a kubeconfig file; for example ~/.kube/config",
        ],
        [
            {
                existingCluster: {
                    kubeconfig: "k",
                    context: "c",
                    storageClass: "s",
                    host: "h",
                    serviceType: "Ingress",
                },
            },
            'existingCluster.serviceType: got "Ingress"; must be NodePort or ClusterIP; for example NodePort',
        ],
        ...[
            ["Agents", "be the name of a namespace: at most 63 lower-case letters, digits or `-`"],
            [
                "a".repeat(64),
                "be the name of a namespace: at most 63 lower-case letters, digits or `-`",
            ],
            ["-a", "be the name of a namespace: at most 63 lower-case letters, digits or `-`"],
            ["a.b", "be the name of a namespace: at most 63 lower-case letters, digits or `-`"],
            ["", "be the name of a namespace: at most 63 lower-case letters, digits or `-`"],
            ["a b", "be the name of a namespace: at most 63 lower-case letters, digits or `-`"],
            ["default", "not be a namespace of Kubernetes' own or everyone's"],
            ["kube-system", "not be a namespace of Kubernetes' own or everyone's"],
            ["kube-public", "not be a namespace of Kubernetes' own or everyone's"],
            ["kube-node-lease", "not be a namespace of Kubernetes' own or everyone's"],
        ].map(([namespace, rule]): [object, string] => [
            existing({ namespace }),
            `existingCluster.namespace: got ${JSON.stringify(namespace)}; must ${rule}; for example agents`,
        ]),
        [
            existing({ ingressFrom: { namespace: "ingress-nginx" } }),
            'existingCluster.ingressFrom: got {"namespace":"..."}; must be a list; for example [{"namespace": "ingress-nginx"}]',
        ],
        [
            existing({ ingressFrom: [{}] }),
            "existingCluster.ingressFrom[0].namespace: got nothing; must be the name of a namespace: at most 63 lower-case letters, digits or `-`; for example agents",
        ],
        [
            existing({ ingressFrom: [{ namespace: "n", labels: {} }] }),
            'existingCluster.ingressFrom[0].labels: got {}; must be an object of labels with one at least, or be left out for all pods; for example {"app.kubernetes.io/name": "ingress-nginx"}',
        ],
        [
            existing({ ingressFrom: [{ namespace: "n", labels: { "a b": "c" } }] }),
            'existingCluster.ingressFrom[0].labels.a b: got "a b"; must be the name of a label; for example app.kubernetes.io/name',
        ],
        [
            existing({ ingressFrom: [{ namespace: "n", labels: { a: "b c" } }] }),
            'existingCluster.ingressFrom[0].labels.a: got "b c"; must be the value of a label; for example ingress-nginx',
        ],
        [
            existing({ ingressFrom: [{ namespace: "n", pods: {} }] }),
            `existingCluster.ingressFrom[0].pods: got {}; ${UNKNOWN("existingCluster.ingressFrom[0]")}`,
        ],
        [
            existing({
                namespace: "agents",
                ingressFrom: [{ namespace: "x" }, { namespace: "agents" }],
            }),
            'existingCluster.ingressFrom[1].namespace: got "agents"; must not be existingCluster.namespace: the sandboxes in it would reach one another; for example ingress-nginx',
        ],
        // Settings of k3s.
        [
            { gateway: { k3s: { "--debug": true } } },
            'gateway.k3s.--debug: got "--debug"; must be a k3s flag without dashes in front; for example kubelet-arg',
        ],
        [
            { gateway: { k3s: { "kubelet-arg": { v: 2 } } } },
            'gateway.k3s.kubelet-arg: got {"v":2}; must be a text, a number, true, false or a list of texts; for example ["v=2"]',
        ],
        // Applications.
        [
            sandbox({ application: "opnclaw" }),
            `sandboxes.a.application: got "opnclaw"; ${APP_RULE}`,
        ],
        [sandbox({ application: 7 }), `sandboxes.a.application: got 7; ${APP_RULE}`],
        [
            sandbox({ application: { command: ["x"] } }),
            "sandboxes.a.application.port: got nothing; must be the port it listens on, 1 to 65535; for example 8080",
        ],
        [
            sandbox({ application: { port: 0 } }),
            "sandboxes.a.application.port: got 0; must be the port it listens on, 1 to 65535; for example 8080",
        ],
        [
            sandbox({ application: { port: 80, command: [] } }),
            'sandboxes.a.application.command: got []; must name a program; for example ["node", "app.js"]',
        ],
        [
            sandbox({ application: { port: 80, path: "health" } }),
            'sandboxes.a.application.path: got "health"; must be a path that begins with /; for example /healthz',
        ],
        [
            sandbox({ application: { port: 80, staleFiles: ["/etc/*.lock"] } }),
            'sandboxes.a.application.staleFiles[0]: got "/etc/*.lock"; must be a pattern below /sandbox or /tmp; for example /tmp/*.lock',
        ],
        ...["/sandbox/*", "/sandbox/.*", "/sandbox/[!.]*", "/sandbox/?*", "/sandbox/*/*"].map(
            (pattern): [object, string] => [
                sandbox({ application: { port: 80, staleFiles: [pattern] } }),
                `sandboxes.a.application.staleFiles[0]: got "${pattern}"; must name what it removes: it can match everything in the workspace; for example /sandbox/.run/*.lock`,
            ],
        ),
        ...["/sandbox//*", "/sandbox/./*", "/tmp/../sandbox/*", "/sandbox/run/"].map(
            (pattern): [object, string] => [
                sandbox({ application: { port: 80, staleFiles: [pattern] } }),
                `sandboxes.a.application.staleFiles[0]: got "${pattern}"; must be a path without empty parts, \`.\` and \`..\`; for example /sandbox/.run/*.lock`,
            ],
        ),
        ...[
            "/sandbox/.workspace-initialized",
            "/sandbox/.work*",
            "/sandbox/.[vw]orkspace-initialize?",
        ].map((pattern): [object, string] => [
            sandbox({ application: { port: 80, staleFiles: [pattern] } }),
            `sandboxes.a.application.staleFiles[0]: got "${pattern}"; must leave /sandbox/.workspace-initialized alone: without it a workspace that is otherwise empty is seeded again; for example /sandbox/.run/*.lock`,
        ]),
        // Quantities and users.
        ...["10", "1000", "500k"].map((size): [object, string] => [
            sandbox({ workspaceSize: size }),
            `sandboxes.a.workspaceSize: got "${size}"; must be at least 1Mi: a number alone counts bytes; for example 2Gi`,
        ]),
        ...["2Gb", "2GiB", "0", "-1Gi", "two", ""].map((size): [object, string] => [
            sandbox({ workspaceSize: size }),
            `sandboxes.a.workspaceSize: got ${JSON.stringify(size)}; ${SIZE_RULE}`,
        ]),
        [
            sandbox({ resources: { limits: { memory: "2 Gi" } } }),
            'sandboxes.a.resources.limits.memory: got "2 Gi"; must be a Kubernetes quantity of memory; for example 2Gi',
        ],
        [
            sandbox({ resources: { requests: { cpu: "2" }, limits: { cpu: "500m" } } }),
            'sandboxes.a.resources.requests.cpu: got "2"; must not exceed the limit of 500m; for example 500m',
        ],
        [
            { gateway: { memory: "512Mi" } },
            'gateway.memory: got "512Mi"; must be at least 1Gi: Kubernetes alone takes half of that; for example 8Gi',
        ],
        [sandbox({ user: 0 }), `sandboxes.a.user: got 0; ${USER_RULE}`],
        [sandbox({ user: "node" }), `sandboxes.a.user: got "node"; ${USER_RULE}`],
        // Where it may go, and what it is given.
        [
            sandbox({ egress: ["intranet"] }),
            `sandboxes.a.egress[0]: got "intranet"; ${EGRESS_RULE}`,
        ],
        [
            sandbox({ egress: [{ cidr: "1.2.3.4" }] }),
            'sandboxes.a.egress[0].cidr: got "1.2.3.4"; must be an IPv4 network without host bits; for example 192.168.7.0/24',
        ],
        ...["*", "*.com", "192.168.7.20", "a b", "-a.org", "https://a.org", "a.org."].map(
            (host): [object, string] => [
                sandbox({ egress: [{ host }] }),
                `sandboxes.a.egress[0].host: got ${JSON.stringify(host)}; must be a host name, or \`*.\` and a domain of two labels or more for every name below it; for example api.example.org`,
            ],
        ),
        [
            sandbox({ egress: [{ host: "a.org", cidr: "10.0.0.0/8" }] }),
            `sandboxes.a.egress[0]: got {"host":"...","cidr":"..."}; ${EGRESS_RULE}`,
        ],
        [
            sandbox({ egress: [{ internet: true, private: true }] }),
            'sandboxes.a.egress[0].private: got true; must go with `host` alone; for example {"host": "git.lan", "private": true}',
        ],
        [
            sandbox({ egress: [{ host: "inference.local" }] }),
            'sandboxes.a.egress[0].host: got "inference.local"; must not be a name that every sandbox has for itself; for example api.example.org',
        ],
        [
            sandbox({ dns: false, egress: [{ host: "a.org" }] }),
            "sandboxes.a.dns: got false; must not be false beside destinations by name: names that no rule lists are not resolved anyway; for example the same without this key",
        ],
        [
            sandbox({
                egress: [{ host: "a.org", ports: [...Array(16).keys()].map((n) => n + 1) }],
            }),
            'sandboxes.a.egress: got "16 ports (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)"; must have at most 15 different ports by name; for example {"cidr": "192.168.7.0/24"}, which is about addresses',
        ],
        ...["http://me:secret@x.org/v1", "http://x.org/v1?key=secret", "http://[::1]/v1"].map(
            (baseUrl): [object, RegExp] => [
                sandbox({ inference: { baseUrl, apiKey: "k", model: "m" } }),
                /^sandboxes\.a\.inference\.baseUrl: got a secret value; must (?!.*secret@|.*::1)/,
            ],
        ),
        ...["two\nlines", "blank at the end ", "ümlaut"].map((apiKey): [object, RegExp] => [
            sandbox({ inference: { baseUrl: "http://x.org", apiKey, model: "m" } }),
            /^sandboxes\.a\.inference\.apiKey: got a secret value; must hold printable ASCII/,
        ]),
        [
            {
                sandboxes: {
                    a: { application: "openclaw", egress: [{ host: "a.org" }] },
                    "a-outbound": { application: "openclaw" },
                    "outbound-proxy": { application: "openclaw" },
                },
            },
            /^sandboxes\.(a-outbound|outbound-proxy): got "[a-z-]+"; must not have the name of an object of the outbound proxy/,
        ],
        [
            sandbox({ env: { "A-B": "x" } }),
            'sandboxes.a.env.A-B: got "A-B"; must be the name of an environment variable; for example TZ',
        ],
        [
            sandbox({ env: { A: {} } }),
            'sandboxes.a.env.A: got {}; must be a text; for example "Europe/Berlin"',
        ],
        [
            sandbox({ env: { A: "x" }, secretEnv: { A: "y" } }),
            'sandboxes.a.env.A: got "A"; must not be in secretEnv too; for example one of the two',
        ],
        [
            sandbox({ inference: { baseUrl: "ftp://x", apiKey: "k", model: "m" } }),
            'sandboxes.a.inference.baseUrl: got "ftp://x"; must be an http or https URL; for example https://api.example.org/v1',
        ],
        [
            sandbox({ inference: { baseUrl: "http://x", apiKey: [], model: "m" } }),
            'sandboxes.a.inference.apiKey: got a secret value; must be a text; for example "sk-..."',
        ],
    ])("%j", (raw, message) => {
        if (typeof message === "string") {
            expect(messageOf(raw)).toEqual([message]);
        } else {
            expect(messageOf(raw).filter((line) => !message.test(line))).toEqual([]);
            expect(messageOf(raw)).not.toEqual([]);
        }
    });

    it("all at once, under a heading that says nothing was changed", () => {
        const { problems } = parseSettings({ runing: 1, gateway: { apiPort: 1 } });
        expect(explain(problems)).toMatch(/^the configuration is wrong, nothing was changed:\n/);
        expect(problems.map(({ key }) => key).sort()).toEqual(["gateway.apiPort", "runing"]);
    });

    it.each<[string, object]>([
        ["under a misspelt key", sandbox({ secretenv: { API_KEY: "sk-proj-A1b2" } })],
        ["as a text under a misspelt key", sandbox({ secret_env: "sk-proj-A1b2" })],
        [
            "of an endpoint",
            sandbox({ inference: { apikey: "sk-proj-A1b2", baseUrl: "http://x", model: "m" } }),
        ],
        ["in a list in place of an object", { sandboxes: [{ a: { token: "sk-proj-A1b2" } }] }],
        ["in an object that does not exist", sandbox({ vars: { API: "sk-proj-A1b2" } })],
        ["that is long, not even in part", sandbox({ key: `sk-proj-A1b2${"x".repeat(150)}` })],
    ])("without a secret %s", (_, raw) => {
        const message = messageOf(raw).join();
        expect(message).toContain("got ");
        expect(message).not.toContain("sk-proj");
    });

    it("without ever repeating a secret", () => {
        const message = messageOf(sandbox({ secretEnv: { A: 12345678 } })).join();
        expect(message).toContain("sandboxes.a.secretEnv.A: got a secret value");
        expect(message).not.toContain("12345678");
    });
});

describe("what two sandboxes share", () => {
    const of = (sandboxes: Record<string, object[]>) => ({
        sandboxes: Object.fromEntries(
            Object.entries(sandboxes).map(([name, volumeClaimTemplates]) => [
                name,
                { image: "x:1", volumeClaimTemplates },
            ]),
        ),
    });

    it.each<[string, object, string]>([
        [
            "a claim in Kubernetes",
            of({ prod: [claim("data-web", "/d")], "web-prod": [claim("data", "/d")] }),
            'sandboxes.web-prod.volumeClaimTemplates[0].name: got "data of web-prod"; must differ from a claim of sandboxes.prod also',
        ],
        [
            "a resource in the state",
            of({ a: [claim("b-c", "/d")], "a-b": [claim("c", "/d")] }),
            'sandboxes.a-b.volumeClaimTemplates[0].name: got "c of a-b"; must differ from a claim of sandboxes.a also',
        ],
        [
            "the workspace of one of them",
            of({ b: [claim("workspace-a", "/d")], "a-b": [] }),
            'sandboxes.a-b: got "workspace of a-b"; must differ from a claim of sandboxes.b also',
        ],
    ])("must not be %s", (_, raw, message) => {
        expect(messageOf(raw)).toEqual([expect.stringContaining(message)]);
    });

    it.each(["/tmp/", "//tmp", "/tmp/.", "/x/../tmp"])("nor %s beside /tmp", (mountPath) => {
        expect(messageOf(of({ a: [claim("data", mountPath)] }))).toEqual([
            expect.stringContaining("must be where no other volume of the sandbox is mounted"),
        ]);
    });

    it("nor everything in it", () => {
        expect(messageOf(of({ a: [claim("data", "//")] }))).toEqual([
            'sandboxes.a.volumeClaimTemplates[0].mountPath: got "//"; must be a folder below /; for example /data',
        ]);
    });
});

describe("a right configuration", () => {
    it("has every default in place", () => {
        expect(parseSettings({}).settings).toEqual({
            running: true,
            protect: true,
            gateway: {
                name: "openshell",
                image: "rancher/k3s:v1.35.4-k3s1",
                subnet: subnetOf("172.30.18.0/24"),
                apiPort: 16443,
                ports: { first: 18789, last: 18808 },
                bindAddress: "127.0.0.1",
                apiHost: "127.0.0.1",
                tlsSans: [],
                k3s: {},
                newK3sFlags: [],
                hostAliases: {},
                dns: [],
                hostAddresses: [],
                caCertificates: [],
                env: {},
                secretEnv: {},
            },
            sandboxes: {},
        });
    });

    it("has the image of each sandbox: its own, or that of a known application", () => {
        const { settings } = parseSettings({
            sandboxes: {
                known: { application: "openclaw" },
                other: { application: "openclaw", image: "openclaw:1" },
                own: { image: "builder:7", application: { port: 80 } },
            },
        });
        const images = Object.values(settings?.sandboxes ?? {}).map(({ image }) => image);
        expect(images).toEqual(["ghcr.io/openclaw/openclaw:2026.9.6", "openclaw:1", "builder:7"]);
    });

    it.each([
        ["53 characters", { gateway: { name: "a".repeat(53) } }],
        ["a digest", { gateway: { image: `rancher/k3s@sha256:${"0".repeat(64)}` } }],
        ["a registry with a port", sandbox({ image: "reg.example.org:5000/a/b:1" })],
        [
            "privileged ports elsewhere",
            sandbox({ egress: [{ cidr: "192.168.7.0/24", ports: [443] }] }),
        ],
        [
            "CPUs as a number",
            sandbox({ resources: { limits: { cpu: 2 }, requests: { cpu: "0.5" } } }),
        ],
        ["root, by name", sandbox({ user: "root" })],
        ["a network with ports", sandbox({ egress: [{ cidr: "192.168.7.0/24", ports: [8443] }] })],
        ["an application of one's own", sandbox({ image: "x:1", application: { port: 80 } })],
        ["no application", { sandboxes: { a: { image: "x:1" } } }],
        ["a variable that is called like a method", sandbox({ env: { constructor: "x" } })],
        [
            "stale files by name",
            sandbox({
                application: {
                    ...{ command: ["x"], port: 80 },
                    staleFiles: [
                        ...["/tmp/*", "/sandbox/*.lock", "/sandbox/.run/*", "/sandbox/*/x.pid"],
                        "/sandbox/.workspace*.tmp",
                    ],
                },
                image: "x:1",
            }),
        ],
        [
            "claims whose names share dashes, but not all of them",
            {
                sandboxes: {
                    "a-b": { image: "x:1", volumeClaimTemplates: [claim("c", "/c")] },
                    a: { image: "x:1", volumeClaimTemplates: [claim("b-d", "/c")] },
                    b: { image: "x:1" },
                },
            },
        ],
    ])("may have %s", (_, raw) => {
        expect(parseSettings(raw).problems).toEqual([]);
    });
});
