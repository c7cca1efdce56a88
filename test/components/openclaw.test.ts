/** OpenClaw's configuration file: what we set, what may be set besides, and where it is kept. */
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { describe, expect, it, vi } from "vitest";
import { renderConfig } from "../../components/sandbox/applications/openclawConfig";
import { parseSettings } from "../../settings/parse";
import { find, isSecret, plain, type Recorded } from "../support/mocks";
import { inputs, run } from "../support/program";
import { messageOf, sandbox } from "../support/settings";

const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
const SECRET = "kubernetes:core/v1:Secret";
const STATEFUL_SET = "kubernetes:apps/v1:StatefulSet";

const ORIGINS = ["http://127.0.0.1:18789", "http://localhost:18789"];

/** Its own name, which browsers have for this machine as well, of a sandbox `a`. */
const OWN_ORIGIN = "http://a.localhost:18789";

type Rendered = Record<string, Record<string, unknown>>;

const rendered = (own?: object, model?: string) =>
    JSON.parse(
        renderConfig(
            { origins: ORIGINS, ...(model ? { model } : {}) },
            own as Record<string, unknown>,
        ),
    ) as Rendered;

/** A running assistant is made anew when a letter of it changes. */
const PLAIN = `{
  "gateway": {
    "mode": "local",
    "bind": "lan",
    "port": 18789,
    "auth": {
      "mode": "token"
    },
    "controlUi": {
      "allowedOrigins": [
        "http://127.0.0.1:18789",
        "http://localhost:18789"
      ]
    },
    "http": {
      "endpoints": {
        "chatCompletions": {
          "enabled": true
        }
      }
    }
  },
  "update": {
    "checkOnStart": false
  },
  "agents": {
    "defaults": {
      "workspace": "/sandbox/workspace",
      "heartbeat": {
        "every": "0m"
      }
    }
  }
}
`;

describe("the file", () => {
    it.each([
        ["nothing", undefined],
        ["an empty object", {}],
    ])("with %s of one's own is the same, letter by letter", (_, own) => {
        expect(renderConfig({ origins: ORIGINS }, own)).toBe(PLAIN);
    });

    it("has settings of one's own beside ours", () => {
        const telegram = { enabled: true, botToken: "${TELEGRAM_TOKEN}" };
        const config = rendered({ channels: { telegram }, gateway: { trustedProxies: ["a"] } });
        expect(config["channels"]).toEqual({ telegram });
        expect(config["gateway"]).toEqual({
            ...rendered()["gateway"],
            trustedProxies: ["a"],
        });
    });

    it.each([
        ["a value", { update: { checkOnStart: true } }, ["update"], { checkOnStart: true }],
        [
            "a text for an object",
            { agents: { defaults: { model: "openai/large" } } },
            ["agents", "defaults", "model"],
            "openai/large",
        ],
        [
            "a list, as a whole",
            { models: { providers: { inference: { models: [{ id: "b", contextWindow: 9 }] } } } },
            ["models", "providers", "inference", "models"],
            [{ id: "b", contextWindow: 9 }],
        ],
        ["nothing at all", { update: null }, ["update"], null],
        [
            "a setting called as what every object has",
            { env: { vars: { constructor: "x" } } },
            ["env", "vars"],
            { constructor: "x" },
        ],
    ])("takes %s in place of ours", (_, own, path, expected) => {
        const found = path.reduce<unknown>(
            (value, key) => (value as Record<string, unknown>)[key],
            rendered(own, "small-1"),
        );
        expect(found).toEqual(expected);
    });

    it("keeps what stands beside a value that is replaced", () => {
        const own = { agents: { defaults: { model: { fallbacks: ["a/b"] } } } };
        expect(rendered(own, "small-1")["agents"]).toEqual({
            defaults: {
                workspace: "/sandbox/workspace",
                heartbeat: { every: "0m" },
                model: { primary: "inference/small-1", fallbacks: ["a/b"] },
            },
        });
    });
});

const openclaw = (value: unknown) => sandbox({ openclaw: value });
const config = (value: unknown) => openclaw({ config: value });
const origins = (...allowedOrigins: unknown[]) => openclaw({ allowedOrigins });

const AT = "sandboxes.a.openclaw";
const ORIGIN_RULE =
    "must be an origin: http or https, a host, a port unless it is the usual one; for example https://agents.example.org";
const AS_SENT =
    "must be written as a browser sends it: in lower case, without a path, a user or the usual port; for example";
const WILDCARD =
    "must name one origin: with a wildcard any web page could use what a browser was let in to; for example https://agents.example.org";
const PUBLISHED =
    "got a secret value; must not be set here: the sandbox is published and probed as the program sets it; for example hostPort, or a proxy with TLS and openclaw.allowedOrigins";
const LISTED =
    "got a secret value; must not be set here: the program lists the origins under which the sandbox is published; for example openclaw.allowedOrigins";
const INCLUDED =
    "got a secret value; must not be set here: the file that is included would be the agent's; for example its content, in this place";
const OBJECT = "got a secret value; must be an object: it is merged with ours; for example {}";

describe("a wrong setting is named", () => {
    it.each<[object, string]>([
        [
            openclaw([]),
            `${AT}: got []; must be an object of allowedOrigins and config; for example {"allowedOrigins": [...]}`,
        ],
        [origins(5), `${AT}.allowedOrigins[0]: got 5; ${ORIGIN_RULE}`],
        [
            openclaw({ allowedOrigins: "https://a.example" }),
            `${AT}.allowedOrigins: got "https://a.example"; must be a list of origins; for example ["https://agents.example.org"]`,
        ],
        [
            origins("agents.example.org"),
            `${AT}.allowedOrigins[0]: got "agents.example.org"; ${ORIGIN_RULE}`,
        ],
        [
            origins("wss://a.example"),
            `${AT}.allowedOrigins[0]: got "wss://a.example"; ${ORIGIN_RULE}`,
        ],
        [origins("null"), `${AT}.allowedOrigins[0]: got "null"; ${ORIGIN_RULE}`],
        [origins("https://"), `${AT}.allowedOrigins[0]: got "https://"; ${ORIGIN_RULE}`],
        [origins("https:///path"), `${AT}.allowedOrigins[0]: got "https:///path"; ${ORIGIN_RULE}`],
        [
            origins("http://a:99999"),
            `${AT}.allowedOrigins[0]: got "http://a:99999"; ${ORIGIN_RULE}`,
        ],
        [origins("*"), `${AT}.allowedOrigins[0]: got "*"; ${WILDCARD}`],
        [
            origins("https://*.example.org"),
            `${AT}.allowedOrigins[0]: got "https://*.example.org"; ${WILDCARD}`,
        ],
        [
            origins("https://a.example", "https://b.example/"),
            `${AT}.allowedOrigins[1]: got "https://b.example/"; ${AS_SENT} https://b.example`,
        ],
        [
            origins("https://a.example/claw?x"),
            `${AT}.allowedOrigins[0]: got "https://a.example/claw?x"; ${AS_SENT} https://a.example`,
        ],
        [
            origins("https://me@a.example"),
            `${AT}.allowedOrigins[0]: got "https://me@a.example"; ${AS_SENT} https://a.example`,
        ],
        [
            origins("https://a.example:443"),
            `${AT}.allowedOrigins[0]: got "https://a.example:443"; ${AS_SENT} https://a.example`,
        ],
        [
            origins("HTTPS://A.example"),
            `${AT}.allowedOrigins[0]: got "HTTPS://A.example"; ${AS_SENT} https://a.example`,
        ],
        [
            config("x"),
            `${AT}.config: got a secret value; must be an object of OpenClaw's settings; for example {"channels": {"telegram": {...}}}`,
        ],
        [
            config([]),
            `${AT}.config: got a secret value; must be an object of OpenClaw's settings; for example {"channels": {"telegram": {...}}}`,
        ],
        [
            config({ gateway: { auth: { token: "hunter2" } } }),
            `${AT}.config.gateway.auth: got a secret value; must not be set here: the sandbox's token lets in, and nothing else; for example tokenGeneration, for a new one`,
        ],
        ...["mode", "bind", "customBindHost", "port", "tls", "tailscale"].map(
            (key): [object, string] => [
                config({ gateway: { [key]: null } }),
                `${AT}.config.gateway.${key}: ${PUBLISHED}`,
            ],
        ),
        [
            config({ gateway: { controlUi: { basePath: "/x" } } }),
            `${AT}.config.gateway.controlUi.basePath: got a secret value; must not be set here: the sandbox is published and probed as the program sets it; for example a proxy with a name for each sandbox`,
        ],
        [
            config({ gateway: { controlUi: { allowedOrigins: ["*"] } } }),
            `${AT}.config.gateway.controlUi.allowedOrigins: ${LISTED}`,
        ],
        [
            config({ gateway: { controlUi: { dangerouslyAllowHostHeaderOriginFallback: true } } }),
            `${AT}.config.gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback: ${LISTED}`,
        ],
        [
            config({ agents: { defaults: { workspace: "/tmp" } } }),
            `${AT}.config.agents.defaults.workspace: got a secret value; must not be set here: elsewhere the assistant's files would not be kept; for example workspaceSize, for more room`,
        ],
        [config({ gateway: null }), `${AT}.config.gateway: ${OBJECT}`],
        [config({ gateway: { controlUi: [] } }), `${AT}.config.gateway.controlUi: ${OBJECT}`],
        [config({ agents: "x" }), `${AT}.config.agents: ${OBJECT}`],
        [config({ $include: "/sandbox/x.json" }), `${AT}.config.$include: ${INCLUDED}`],
        [
            config({ agents: { list: [{ $include: "x" }] } }),
            `${AT}.config.agents.list[0].$include: ${INCLUDED}`,
        ],
        [
            {
                sandboxes: {
                    a: { image: "busybox:1.37.0", openclaw: { config: { token: "hunter2" } } },
                },
            },
            `${AT}: got {"allowedOrigins":[],"config":{"token":"..."}}; must belong to the application openclaw; for example application: "openclaw"`,
        ],
    ])("%j", (raw, message) => {
        expect(messageOf(raw)).toEqual([message]);
    });

    it("and so is each of several", () => {
        const raw = config({ gateway: { port: 1, bind: "loopback", reload: {} } });
        expect(messageOf(raw)).toEqual([
            `${AT}.config.gateway.bind: ${PUBLISHED}`,
            `${AT}.config.gateway.port: ${PUBLISHED}`,
        ]);
    });
});

describe("a right setting is accepted", () => {
    it.each([
        ["nothing", {}],
        ["a name behind a proxy", { allowedOrigins: ["https://agents.example.org"] }],
        ["another port of a tunnel", { allowedOrigins: ["http://localhost:28789"] }],
        ["an address of the other family", { allowedOrigins: ["http://[fd00::7]:18789"] }],
        [
            "what stands beside reserved settings",
            { config: { gateway: { controlUi: {}, http: {} } } },
        ],
        ["an object without what is reserved", { config: { agents: { defaults: {} } } }],
        ["a reserved name elsewhere", { config: { channels: { port: 1, auth: {} } } }],
    ])("%s", (_, value) => {
        expect(parseSettings(openclaw(value)).problems).toEqual([]);
    });
});

const PLACE = { name: "Test", subnet: "10.213.77.0/24" };

async function program(settings: object = {}, gateway: object = {}) {
    const { recorded } = await run({
        gateway: { ...PLACE, ...gateway },
        sandboxes: { a: { application: "openclaw", hostPort: 18789, ...settings } },
    });
    return recorded;
}

const configMap = (recorded: Recorded[]) =>
    inputs<{ data: Record<string, string> }>(recorded, CONFIG_MAP, "a-config").data;

const originsIn = (file: string | undefined) =>
    (JSON.parse(file ?? "") as { gateway: { controlUi: { allowedOrigins: string[] } } }).gateway
        .controlUi.allowedOrigins;

interface Workload {
    spec: {
        template: {
            metadata: { annotations: Record<string, string> };
            spec: {
                volumes: object[];
                containers: { env: object[]; volumeMounts: object[] }[];
            };
        };
    };
}

const pod = (recorded: Recorded[]) =>
    inputs<Workload>(recorded, STATEFUL_SET, "a-agent").spec.template;

describe("origins", () => {
    it.each<[string, object, object, string[]]>([
        ["those of this machine", {}, {}, [...ORIGINS, OWN_ORIGIN]],
        [
            "further ones, each once",
            { openclaw: { allowedOrigins: ["https://agents.example.org", ORIGINS[1]] } },
            {},
            [...ORIGINS, OWN_ORIGIN, "https://agents.example.org"],
        ],
        [
            "the name under which the gateway is reached",
            {},
            { bindAddress: "0.0.0.0", apiHost: "server.example.org" },
            [...ORIGINS, OWN_ORIGIN, "http://server.example.org:18789"],
        ],
        [
            "the address it is published on",
            {},
            { bindAddress: "10.0.0.7", apiHost: "10.0.0.7" },
            ["http://10.0.0.7:18789", "http://localhost:18789"],
        ],
        [
            "no loopback where nothing listens on it",
            {},
            { bindAddress: "10.0.0.7" },
            ["http://10.0.0.7:18789", "http://localhost:18789"],
        ],
    ])("are %s", async (_, settings, gateway, expected) => {
        const recorded = await program(settings, gateway);
        expect(originsIn(configMap(recorded)["openclaw.json"])).toEqual(expected);
    });
});

describe("the pod", () => {
    it("is told that its configuration is not its own to write", async () => {
        expect(pod(await program()).spec.containers[0]?.env).toContainEqual({
            name: "OPENCLAW_CONFIG_READONLY",
            value: "1",
        });
    });

    it("finds its file in the ConfigMap, without settings of one's own", async () => {
        const recorded = await program({ openclaw: { allowedOrigins: ["https://a.example"] } });
        expect(Object.keys(configMap(recorded)).sort()).toEqual([
            "gate.sh",
            "openclaw.json",
            "seed.sh",
            "start.sh",
        ]);
        expect(recorded.filter(({ name }) => name === "a-files")).toEqual([]);
        expect(pod(recorded).spec.volumes[0]).toEqual({
            name: "sandbox-gateway",
            configMap: { name: "a", defaultMode: 0o555 },
        });
    });

    it("finds it in a Secret, in the same place, with some", async () => {
        const own = { channels: { telegram: { botToken: "123:hidden-value" } } };
        const recorded = await program({ openclaw: { config: own } });
        const { spec } = pod(recorded);
        expect(spec.volumes[0]).toEqual({
            name: "sandbox-gateway",
            projected: {
                defaultMode: 0o555,
                sources: [{ configMap: { name: "a" } }, { secret: { name: "a.files" } }],
            },
        });
        expect(spec.containers[0]?.volumeMounts).toContainEqual({
            name: "sandbox-gateway",
            mountPath: "/opt/sandbox-gateway",
            readOnly: true,
        });
        expect(Object.keys(configMap(recorded)).sort()).toEqual(["gate.sh", "seed.sh", "start.sh"]);
        const secret = find(recorded, SECRET, "a-files").inputs;
        expect(isSecret(secret["stringData"])).toBe(true);
        const { "openclaw.json": file, ...rest } = plain(secret["stringData"]) as Record<
            string,
            string
        >;
        expect(rest).toEqual({});
        expect(JSON.parse(file ?? "")).toMatchObject(own);
        expect(originsIn(file)).toEqual([...ORIGINS, OWN_ORIGIN]);
        const others = recorded.filter(({ type }) => type !== SECRET);
        expect(JSON.stringify(others)).not.toContain("hidden-value");
        // Of this one, every key is a variable.
        expect(
            Object.keys(inputs<{ stringData: object }>(recorded, SECRET, "a-secret").stringData),
        ).toEqual(["OPENCLAW_GATEWAY_TOKEN"]);
    });

    it("has that Secret as long as there are any: it alone is not protected", async () => {
        const register = vi.spyOn(MockMonitor.prototype, "registerResource");
        await program({ openclaw: { config: {} } });
        const asked = register.mock.calls.map(([request]) => request as RegisterResourceRequest);
        register.mockRestore();
        const secrets = asked.filter((request) => request.getType() === SECRET);
        expect(
            Object.fromEntries(secrets.map((request) => [request.getName(), request.getProtect()])),
        ).toEqual({ "gateway-handshake": true, "a-secret": true, "a-files": false });
    });

    it("is made anew when settings of one's own change", async () => {
        const hash = async (value: string) => {
            const recorded = await program({ openclaw: { config: { ui: { value } } } });
            return pod(recorded).metadata.annotations["sandbox-gateway.dev/config-hash"];
        };
        expect(await hash("one")).toBe(await hash("one"));
        expect(await hash("one")).not.toBe(await hash("two"));
    });
});
