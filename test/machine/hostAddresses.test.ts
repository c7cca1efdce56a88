import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { explainReachable, publicAddresses } from "../../machine/addresses";
import { parseSettings } from "../../settings/parse";
import { inputs, run } from "../support/program";

const on = (family: "IPv4" | "IPv6", ...addresses: string[]) =>
    addresses.map((address) => ({ family, address }) as NetworkInterfaceInfo);

it("publicAddresses are those of interfaces that nobody's private network has", () => {
    const interfaces = {
        lo: on("IPv4", "127.0.0.1"),
        eth0: [...on("IPv4", "203.0.113.7", "192.168.7.7"), ...on("IPv6", "2001:db8::7")],
        eth1: on("IPv4", "100.64.0.7", "8.8.4.4", "203.0.113.7"),
        docker0: on("IPv4", "172.17.0.1"),
    };
    expect(publicAddresses(interfaces)).toEqual(["203.0.113.7", "8.8.4.4"]);
});

describe("an address of this machine that is the internet to a sandbox", () => {
    const said = (egress: unknown[], more: object = {}, addresses = ["203.0.113.7"]) => {
        const { settings, problems } = parseSettings({
            sandboxes: { a: { image: "x:1", egress }, b: { image: "x:1" } },
            ...more,
        });
        expect(problems).toEqual([]);
        return explainReachable(settings!, addresses);
    };

    it("is named, with the line that closes it", () => {
        for (const egress of [["internet"], [{ internet: true, ports: [443] }]]) {
            expect(said(egress)).toBe(
                'this machine has the public address 203.0.113.7: what listens there is the internet to a; closed by gateway.hostAddresses: ["203.0.113.7"]',
            );
        }
    });

    it("is added to those that are closed already", () => {
        const gateway = { hostAddresses: ["198.51.100.1"] };
        expect(said(["internet"], { gateway })).toContain('["198.51.100.1","203.0.113.7"]');
    });

    it.each<[string, unknown[], object, string[]]>([
        ["there is none", ["internet"], {}, []],
        ["nobody reaches the internet", [{ cidr: "192.168.7.0/24" }], {}, ["203.0.113.7"]],
        [
            "it is closed",
            ["internet"],
            { gateway: { hostAddresses: ["203.0.113.7"] } },
            ["203.0.113.7"],
        ],
    ])("is not named where %s", (_, egress, more, addresses) => {
        expect(said(egress, more, addresses)).toBeUndefined();
    });

    it("is closed by its policy, once it is listed", async () => {
        const { recorded } = await run({
            gateway: { hostAddresses: ["203.0.113.7"] },
            sandboxes: { tool: { image: "busybox:1.37.0", egress: ["internet"] } },
        });
        const policy = inputs(
            recorded,
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "tool-network",
        );
        expect(JSON.stringify(policy)).toContain('"203.0.113.7/32"');
    });
});
