/** Who may talk to a sandbox and whom it may talk to: the policy itself, read as Kubernetes reads it. */
import { inOwnTerms } from "../../components/cluster/argumentKey";
import { describe, expect, it } from "vitest";
import {
    opensClosed,
    closedNetworks,
    sandboxPolicy,
    type Egress,
} from "../../components/cluster/networkPolicy";
import { contains, parseSubnet, type Subnet } from "../../model/subnet";
import { Sandbox } from "../../components/sandbox/sandbox";
import { find, record } from "../support/mocks";
import { inputs, run } from "../support/program";
import { messageOf, sandbox as settingsOf } from "../support/settings";

const POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy";

interface Peer {
    readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
    readonly namespaceSelector?: object;
}

interface Rules {
    readonly ingress: readonly { readonly from: readonly Peer[] }[];
    readonly egress: readonly {
        readonly to: readonly Peer[];
        readonly ports?: readonly { port: number }[];
    }[];
}

const GATEWAY = {
    sandbox: "a",
    port: 8080,
    internalNetworks: ["10.42.0.0/16", "10.43.0.0/16"],
    ownNetworks: ["172.30.18.0/24"],
    clientNetworks: ["172.30.18.1/32"],
};

const policy = (more: Partial<Parameters<typeof sandboxPolicy>[0]> = {}) =>
    sandboxPolicy({ ...GATEWAY, egress: [], ...more }) as unknown as Rules;

const subnet = (text: string) => parseSubnet(text) as Subnet;

/** Whether an address is among peers. */
const matches = (peers: readonly Peer[], address: string) =>
    peers.some(
        ({ ipBlock }) =>
            ipBlock !== undefined &&
            contains(subnet(ipBlock.cidr), subnet(`${address}/32`)) &&
            !(ipBlock.except ?? []).some((each) => contains(subnet(each), subnet(`${address}/32`))),
    );

const leavesTo = (egress: Egress[], address: string, port: number, more = {}) =>
    policy({ egress, ...more }).egress.some(
        ({ to, ports }) =>
            matches(to, address) &&
            (ports === undefined || ports.some((open) => open.port === port)),
    );

const entersFrom = (address: string, more = {}) =>
    policy(more).ingress.some(({ from }) => matches(from, address));

describe("what is published on the loopback", () => {
    it("is for Docker's host alone, by whose address everything comes that comes by it", () => {
        expect(entersFrom("172.30.18.1")).toBe(true);
        for (const other of ["172.30.18.7", "192.168.7.7", "203.0.113.7", "10.42.0.7"]) {
            expect(entersFrom(other)).toBe(false);
        }
    });

    it("is for everyone outside of the cluster where it is published for them", () => {
        const open = { clientNetworks: ["0.0.0.0/0"] };
        expect(entersFrom("203.0.113.7", open)).toBe(true);
        expect(entersFrom("10.42.0.7", open)).toBe(false);
        expect(entersFrom("10.43.0.7", open)).toBe(false);
    });

    it.each([
        ["127.0.0.1", "127.0.0.1", "10250 6443 18789:18808", "10.213.77.1/32"],
        ["0.0.0.0", "127.0.0.1", "10250 6443", "0.0.0.0/0"],
        ["0.0.0.0", "server.example.org", "10250", "0.0.0.0/0"],
    ])(
        "with bindAddress %s and apiHost %s is the ports %s",
        async (bindAddress, apiHost, ports, cidr) => {
            const { recorded } = await run({
                gateway: { name: "Test", subnet: "10.213.77.0/24", bindAddress, apiHost },
                sandboxes: { tool: { image: "busybox:1.37.0", application: { port: 80 } } },
            });
            const { envs } = inputs<{ envs: string[] }>(
                recorded,
                "docker:index/container:Container",
            );
            expect(envs).toContain(`SANDBOX_GATEWAY_LOCAL_PORTS=${ports}`);
            expect(envs).toContain("SANDBOX_GATEWAY_BRIDGE=10.213.77.1");
            const { spec } = inputs<{ spec: Rules }>(recorded, POLICY, "tool-network");
            expect(spec.ingress[0]?.from.map(({ ipBlock }) => ipBlock?.cidr)).toEqual([cidr]);
        },
    );
});

describe("the internet", () => {
    it.each(["8.8.8.8", "203.0.113.7", "168.63.129.17", "192.0.1.1", "198.20.0.1"])(
        "has %s",
        (address) => {
            expect(leavesTo(["internet"], address, 80)).toBe(true);
        },
    );

    it.each([
        ...["10.1.2.3", "172.16.0.1", "192.168.7.7", "100.64.0.1", "169.254.169.254", "127.0.0.1"],
        ...[
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.251",
            "0.0.0.0",
        ],
        ...["10.42.0.7", "172.30.18.2"],
    ])("does not have %s", (address) => {
        expect(leavesTo(["internet"], address, 80)).toBe(false);
    });

    it("has no network of a cluster that lies in it, nor an address of this machine", () => {
        const more = {
            internalNetworks: ["34.118.224.0/20"],
            hostAddresses: ["203.0.113.7"],
        };
        expect(leavesTo(["internet"], "34.118.224.1", 443, more)).toBe(false);
        expect(leavesTo(["internet"], "203.0.113.7", 22, more)).toBe(false);
        expect(leavesTo(["internet"], "203.0.113.8", 22, more)).toBe(true);
    });

    it("may be open on some ports alone", () => {
        const web: Egress[] = [{ internet: true, ports: [443] }];
        expect(leavesTo(web, "8.8.8.8", 443)).toBe(true);
        expect(leavesTo(web, "8.8.8.8", 25)).toBe(false);
        expect(leavesTo(web, "192.168.7.7", 443)).toBe(false);
        expect(leavesTo([{ internet: true }], "8.8.8.8", 25)).toBe(true);
    });
});

describe("a network", () => {
    it("that is wide leaves out the cluster, the gateway and the link", () => {
        for (const cidr of ["0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "169.0.0.0/8"]) {
            for (const closed of ["10.42.0.7", "10.43.0.1", "172.30.18.2", "169.254.169.254"]) {
                expect(leavesTo([{ cidr }], closed, 80)).toBe(false);
            }
        }
        expect(leavesTo([{ cidr: "10.0.0.0/8" }], "10.1.2.3", 80)).toBe(true);
        expect(leavesTo([{ cidr: "192.168.7.0/24", ports: [80] }], "192.168.7.7", 80)).toBe(true);
        expect(leavesTo([{ cidr: "192.168.7.0/24", ports: [80] }], "192.168.7.7", 81)).toBe(false);
    });

    it("of a single address with ports may lie in them", () => {
        const model: Egress = { cidr: "172.30.18.1/32", ports: [11434] };
        expect(opensClosed(model, closedNetworks(GATEWAY))).toBeUndefined();
        expect(leavesTo([model], "172.30.18.1", 11434)).toBe(true);
        expect(leavesTo([model], "172.30.18.1", 22)).toBe(false);
    });

    const refused = (cidr: string, network: string, example = "172.30.18.1") => [
        `sandboxes.a.egress[0].cidr: got ${JSON.stringify(cidr)}; must not open ${network}, which is closed to sandboxes, but for a single address (/32) with ports; for example {"cidr": "${example}/32", "ports": [11434]}`,
    ];

    it.each([
        ["10.42.0.0/16", "10.42.0.0/16"],
        ["10.42.7.0/24", "10.42.0.0/16"],
        ["10.43.0.1/32", "10.43.0.0/16"],
        ["172.30.18.0/24", "172.30.18.0/24"],
        ["172.30.18.1/32", "172.30.18.0/24"],
    ])("%s is refused", (cidr, network) => {
        expect(messageOf(settingsOf({ egress: [{ cidr }] }))).toEqual(refused(cidr, network));
    });

    it.each([
        [{ cidr: "169.254.169.254/32", ports: [80] }, "169.254.0.0/16, where clouds"],
        [{ cidr: "172.30.18.2/32", ports: [6443] }, "the Kubernetes API"],
    ])("%j is never open", (rule, what) => {
        expect(messageOf(settingsOf({ egress: [rule] }))).toEqual([
            expect.stringContaining(`must not open ${what}`),
        ]);
    });

    it.each([
        { cidr: "0.0.0.0/0" },
        { cidr: "10.0.0.0/8" },
        { cidr: "172.30.18.1/32", ports: [11434] },
        { cidr: "172.30.18.2/32", ports: [18790] },
        { internet: true, ports: [443] },
        { internet: true },
    ])("%j is taken", (rule) => {
        expect(messageOf(settingsOf({ egress: [rule] }))).toEqual([]);
    });

    it.each([
        [{}, ""],
        [{ ports: [443] }, ""],
        [{ internet: true, cidr: "192.168.7.0/24" }, ""],
        [{ internet: false }, ".internet"],
        [{ internet: true, ports: [] }, ".ports"],
    ])("%j is none", (rule, key) => {
        expect(messageOf(settingsOf({ egress: [rule] }))).toEqual([
            expect.stringContaining(`sandboxes.a.egress[0]${key}: got `),
        ]);
    });

    it("is refused of a program of one's own as well", async () => {
        await record();
        expect(ownProgram([{ cidr: "10.42.0.0/16" }])).toContain("must not open 10.42.0.0/16");
    });
});

describe("names", () => {
    const resolves = (more: object) =>
        policy(more).egress.some(({ to }) => to.some(({ namespaceSelector }) => namespaceSelector));

    it.each([
        [{ egress: [] }, false],
        [{ egress: [], dns: true }, true],
        [{ egress: ["internet"] }, true],
        [{ egress: ["internet"], dns: false }, false],
    ])("with %j: %s", (more, expected) => {
        expect(resolves(more)).toBe(expected);
    });

    it("are asked for as the settings say", async () => {
        const { recorded } = await run({
            sandboxes: {
                shut: { image: "busybox:1.37.0" },
                asking: { image: "busybox:1.37.0", dns: true },
            },
        });
        const egress = (name: string) =>
            inputs<{ spec: Rules }>(recorded, POLICY, name).spec.egress;
        expect(egress("shut-network") ?? []).toEqual([]);
        expect(egress("asking-network")).toHaveLength(1);
        expect(find(recorded, POLICY, "gateway-default-deny")).toBeDefined();
    });
});

/** What the component says to a program that does not use these settings. */
function ownProgram(egress: Egress[]): string {
    const cluster = { internalNetworks: GATEWAY.internalNetworks, argumentKey: inOwnTerms };
    try {
        new Sandbox("own", { cluster: cluster as never, image: "busybox:1.37.0", egress });
        return "nothing";
    } catch (error) {
        return JSON.stringify(error, Object.getOwnPropertyNames(error));
    }
}
