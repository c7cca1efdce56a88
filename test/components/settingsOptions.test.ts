import { describe, expect, it } from "vitest";
import { parseSettings } from "../../settings/parse";
import { messageOf, sandbox, UNKNOWN } from "../support/settings";

const claim = (value: object) => ({ name: "data", mountPath: "/data", size: "5Gi", ...value });
const claims = (...templates: object[]) => sandbox({ volumeClaimTemplates: templates });

const GPU_RULE = "must be `all` or `device=` with ids; for example device=0,1";
const CPU_RULE = "must be a weight from 2 to 262144; for example 512";
const ALIAS_RULE = "must be an IPv4 address or host-gateway; for example 192.168.7.20";
const CLAIM_RULE =
    "must have 1 to 20 lower-case letters, digits or `-`, beginning with a letter; for example data";

describe("a wrong option of the gateway is named", () => {
    it.each<[object, string]>([
        [
            { apiHost: "https://x" },
            'gateway.apiHost: got "https://x"; must be a host name or an address of the Docker host; for example server.example.org',
        ],
        [
            { apiHost: "server.example.org" },
            'gateway.apiHost: got "server.example.org"; must go with a gateway.bindAddress that is reached from elsewhere (it is 127.0.0.1); for example gateway.bindAddress: "0.0.0.0"',
        ],
        [{ cpuShares: "2" }, `gateway.cpuShares: got "2"; ${CPU_RULE}`],
        [{ cpuShares: 1 }, `gateway.cpuShares: got 1; ${CPU_RULE}`],
        [{ gpus: "2" }, `gateway.gpus: got "2"; ${GPU_RULE}`],
        [{ gpus: "device=" }, `gateway.gpus: got "device="; ${GPU_RULE}`],
        [
            { imageArchives: "~ann/images" },
            'gateway.imageArchives: got "~ann/images"; must name a folder below another user\'s home in full: `~` alone is yours; for example .local/images',
        ],
        [
            { caCertificates: ["~ann"] },
            'gateway.caCertificates[0]: got "~ann"; must name a folder below another user\'s home in full: `~` alone is yours; for example ~/company-ca.pem',
        ],
        [
            { hostAliases: { "a b": "10.0.0.1" } },
            'gateway.hostAliases.a b: got "a b"; must be a host name; for example models.lan',
        ],
        [
            { dns: ["lan"] },
            'gateway.dns[0]: got "lan"; must be an IPv4 address; for example 192.168.7.1',
        ],
        [
            { dns: ["127.0.0.53"] },
            "gateway.dns[0]: got \"127.0.0.53\"; must not be a loopback address: it would be the container's own; for example the address of the gateway's bridge, first of gateway.subnet",
        ],
        [
            { dns: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] },
            'gateway.dns: got ["...","...","...","..."]; must hold at most three servers: a pod takes no more; for example ["192.168.7.1"]',
        ],
        [
            { k3s: { "resolv-conf": "/etc/resolv.conf" } },
            'gateway.k3s.resolv-conf: got "resolv-conf"; must not be set here: the gateway tells its sandboxes which name servers there are; for example gateway.dns',
        ],
        [{ hostAliases: { a: "b" } }, `gateway.hostAliases.a: got "b"; ${ALIAS_RULE}`],
        [
            { env: { "1A": "x" } },
            'gateway.env.1A: got "1A"; must be the name of an environment variable; for example TZ',
        ],
        [
            { env: { SANDBOX_GATEWAY_IMAGE: "x" } },
            'gateway.env.SANDBOX_GATEWAY_IMAGE: got "SANDBOX_GATEWAY_IMAGE"; must not begin with SANDBOX_GATEWAY_; for example HTTPS_PROXY',
        ],
        [
            { secretEnv: { A: ["x"] } },
            'gateway.secretEnv.A: got a secret value; must be a text; for example "Europe/Berlin"',
        ],
        [
            { env: { A: "x" }, secretEnv: { A: "y" } },
            'gateway.env.A: got "A"; must not be in secretEnv too; for example one of the two',
        ],
    ])("%j", (gateway, message) => {
        expect(messageOf({ gateway })).toEqual([message]);
    });
});

describe("a wrong option of a sandbox is named", () => {
    it.each<[object, string]>([
        [
            sandbox({ gpus: -1 }),
            "sandboxes.a.gpus: got -1; must be a number of GPUs; for example 1",
        ],
        [
            sandbox({ gpus: 1 }),
            'sandboxes.a.gpus: got 1; must go with gateway.gpus: the gateway has none to give; for example gateway.gpus: "all"',
        ],
        [
            sandbox({ startTimeoutSeconds: 5 }),
            "sandboxes.a.startTimeoutSeconds: got 5; must be a number of seconds from 10; for example 600",
        ],
        [
            sandbox({ nodeSelector: { a: [] } }),
            'sandboxes.a.nodeSelector.a: got []; must be a text; for example "true"',
        ],
        [
            sandbox({ tolerations: [{ operator: "In" }] }),
            'sandboxes.a.tolerations[0].operator: got "In"; must be Equal or Exists; for example Exists',
        ],
        [
            sandbox({ tolerations: [{ kay: "a" }] }),
            `sandboxes.a.tolerations[0].kay: got a text; ${UNKNOWN("sandboxes.a.tolerations[0]")}`,
        ],
        [
            sandbox({ volumeClaimTemplates: {} }),
            'sandboxes.a.volumeClaimTemplates: got {}; must be a list of claims; for example [{"name": "data", ...}]',
        ],
        [
            claims(claim({ name: "Data" })),
            `sandboxes.a.volumeClaimTemplates[0].name: got "Data"; ${CLAIM_RULE}`,
        ],
        [
            claims(claim({ size: "big" })),
            'sandboxes.a.volumeClaimTemplates[0].size: got "big"; must be a Kubernetes quantity of storage; for example 10Gi',
        ],
        [
            claims(claim({ mountPath: "data" })),
            'sandboxes.a.volumeClaimTemplates[0].mountPath: got "data"; must be the path of a folder in the sandbox; for example /data',
        ],
        [
            claims(claim({ name: "tmp" })),
            'sandboxes.a.volumeClaimTemplates[0].name: got "tmp"; must be the name of no other volume of the sandbox; for example workspace',
        ],
        [
            claims(claim({}), claim({ mountPath: "/b" })),
            'sandboxes.a.volumeClaimTemplates[1].name: got "data"; must be the name of no other volume of the sandbox; for example workspace-2',
        ],
        [
            claims(claim({ mountPath: "/tmp" })),
            'sandboxes.a.volumeClaimTemplates[0].mountPath: got "/tmp"; must be where no other volume of the sandbox is mounted; for example /data1',
        ],
        [
            sandbox({ workspaceSize: "3Gi", volumeClaimTemplates: [claim({})] }),
            'sandboxes.a.workspaceSize: got "3Gi"; must not be given with volumeClaimTemplates, which take the place of the workspace; for example the size of each template',
        ],
    ])("%j", (raw, message) => {
        expect(messageOf(raw)).toEqual([message]);
    });
});

describe("a right option", () => {
    it.each([
        ["a weight", { gateway: { cpuShares: 2 } }],
        ["GPUs", { gateway: { gpus: "all" }, ...sandbox({ gpus: 1 }) }],
        ["an API elsewhere", { gateway: { apiHost: "10.0.0.7", bindAddress: "10.0.0.7" } }],
        ["claims of its own", claims(claim({}), claim({ name: "cache", mountPath: "/cache" }))],
        ["no claims of its own", sandbox({ workspaceSize: "3Gi", volumeClaimTemplates: [] })],
    ])("is accepted: %s", (_, raw) => {
        expect(parseSettings(raw).problems).toEqual([]);
    });
});

const said = (raw: unknown) => messageOf(raw).join("\n");

describe("what only a start would have shown", () => {
    it.each([
        ["6400-6450", "6443, 6444"],
        ["10010-10010", "10010"],
        ["10200-10260", "10248, 10249, 10250, 10256, 10257, 10258, 10259"],
    ])("is refused: a block of ports with the node's own, %s", (ports, own) => {
        expect(said({ gateway: { ports } })).toContain(
            `gateway.ports: got "${ports}"; must not hold ${own}, which Kubernetes itself listens on in the gateway`,
        );
    });

    it.each(["/proc", "/proc/x", "/opt/sandbox-gateway/data", "//proc/./y"])(
        "is refused: a claim where none can be mounted, %s",
        (mountPath) => {
            expect(said(claims(claim({ mountPath })))).toContain(
                "mountPath: got " + JSON.stringify(mountPath) + "; must not lie in",
            );
        },
    );

    it.each(["PWD", "SHLVL", "OPTERR", "SRANDOM", "HISTCMD"])(
        "is refused: a token in a variable of the shell's, %s",
        (tokenEnv) => {
            const application = { command: ["node"], port: 80, tokenEnv };
            expect(said(sandbox({ image: "x:1", application }))).toContain(
                `application.tokenEnv: got "${tokenEnv}"; must not be ${tokenEnv}`,
            );
            expect(said(sandbox({ image: "x:1", application: { port: 80, tokenEnv } }))).toBe("");
        },
    );

    it.each([
        "/sandbox/.workspace-initialize[[:alpha:]]",
        "/sandbox/\\.workspace-*",
        "/sandbox/.workspace-initialize[]d]",
        "/sandbox/.workspace\\-init?alized",
    ])("is refused: a pattern that matches the sentinel, %s", (pattern) => {
        const application = { port: 80, staleFiles: [pattern] };
        expect(said(sandbox({ image: "x:1", application }))).toContain(
            "must leave /sandbox/.workspace-initialized alone",
        );
    });
});

describe("quantities that Kubernetes takes are taken", () => {
    it.each(["0.5Gi", "1P", "1Pi", "0.25T", "1E", "1Ei", "1.5Gi"])("%s", (size) => {
        expect(said(sandbox({ workspaceSize: size }))).toBe("");
    });

    it.each(["0Gi", "0.0000001Gi", "00.5Gi", ".Gi"])("and not %s", (size) => {
        expect(said(sandbox({ workspaceSize: size }))).toContain("workspaceSize: got");
    });
});
