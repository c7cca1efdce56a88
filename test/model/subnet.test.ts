import { describe, expect, it } from "vitest";
import {
    hostAddress,
    lastHostAddress,
    overlaps,
    parseSubnet,
    subnetOf as subnet,
} from "../../model/subnet";
import { findClash, hostNetworks, parseRoutes } from "../../machine/networks";
import { bridgeName } from "../../model/names";

describe("parseSubnet", () => {
    it.each([
        "172.30.18.1/24",
        "172.30.18.0",
        "172.30.18.0/33",
        "fd00::/8",
        "",
        "x/24",
        "1.2.3/24",
    ])("refuses %j", (text) => {
        expect(parseSubnet(text)).toBeUndefined();
        expect(() => subnet(text)).toThrow(`${JSON.stringify(text)} is no IPv4 network`);
    });

    it("keeps the text as it was written", () => {
        expect(subnet("10.0.0.0/8")).toEqual({ cidr: "10.0.0.0/8", base: 10 * 2 ** 24, prefix: 8 });
    });

    it("gives addresses by index, also above 127.255.255.255", () => {
        expect(hostAddress(subnet("172.30.18.0/24"), 2)).toBe("172.30.18.2");
        expect(hostAddress(subnet("255.255.255.0/24"), 254)).toBe("255.255.255.254");
    });
});

describe("lastHostAddress", () => {
    it.each([
        ["172.30.18.0/24", "172.30.18.254"],
        ["10.0.0.0/16", "10.0.255.254"],
        ["192.168.1.8/29", "192.168.1.14"],
    ])("of %s is %s", (text, address) => {
        expect(lastHostAddress(subnet(text))).toBe(address);
    });
});

describe("overlaps", () => {
    it.each([
        ["172.30.18.0/24", "172.30.0.0/16", true],
        ["172.30.0.0/16", "172.30.18.0/24", true],
        ["172.30.18.0/24", "172.30.19.0/24", false],
        ["192.168.0.0/16", "0.0.0.0/0", true],
        ["10.0.0.0/8", "11.0.0.0/8", false],
        ["172.30.18.0/25", "172.30.18.128/25", false],
    ])("%s and %s: %s", (a, b, expected) => {
        expect(overlaps(subnet(a), subnet(b))).toBe(expected);
    });
});

describe("findClash", () => {
    const gateway = { name: "dev", subnet: subnet("172.30.18.0/24") };

    it("names the interface and a subnet that is free", () => {
        const networks = [{ name: "br-1", cidr: "172.30.16.0/20", kind: "connected" as const }];
        expect(findClash(gateway, networks)).toEqual({
            key: "gateway.subnet",
            got: "172.30.18.0/24",
            rule: "not overlap 172.30.16.0/20, which is in use on interface br-1",
            example: "10.213.0.0/24",
        });
    });

    it.each<["connected" | "route", string, boolean]>([
        // A VPN that routes private addresses: ours are the more specific.
        ["route", "172.16.0.0/12", false],
        ["route", "172.30.0.0/16", false],
        ["route", "172.30.18.0/23", false],
        // These would take the gateway's traffic, all or part of it.
        ["route", "172.30.18.0/24", true],
        ["route", "172.30.18.64/26", true],
        ["route", "172.30.18.2/32", true],
        ["route", "172.30.19.0/24", false],
        // This machine is in it: ours would hide a part of its neighbours.
        ["connected", "172.16.0.0/12", true],
        ["connected", "172.30.18.0/24", true],
        ["connected", "172.30.18.128/25", true],
        ["connected", "172.31.0.0/16", false],
    ])("a network of kind %s, %s: %s", (kind, cidr, expected) => {
        const found = findClash(gateway, [{ name: "x0", cidr, kind }]);
        expect(found !== undefined).toBe(expected);
    });

    it("takes the gateway's own bridge for what it is", () => {
        const networks = [
            { name: bridgeName("dev"), cidr: "172.30.18.0/24", kind: "connected" as const },
        ];
        expect(findClash(gateway, networks)).toBeUndefined();
        expect(findClash({ ...gateway, name: "other" }, networks)).toBeDefined();
    });
});

describe("networks of the host", () => {
    it("come from interfaces, IPv4 only", () => {
        const base = { netmask: "", mac: "", internal: false };
        expect(
            hostNetworks({
                docker0: [
                    { ...base, address: "172.17.0.1", family: "IPv4", cidr: "172.17.0.1/16" },
                    { ...base, address: "fe80::1", family: "IPv6", cidr: "fe80::1/64", scopeid: 2 },
                ],
            }),
        ).toEqual([{ name: "docker0", cidr: "172.17.0.0/16", kind: "connected" }]);
    });

    it("and from routes, without the default route, whole or in halves as a VPN has it", () => {
        const table = [
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT",
            "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "tun0\t00001EAC\t0101A8C0\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0",
            "tun1\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "tun1\t00000080\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "",
        ].join("\n");
        expect(parseRoutes(table)).toEqual([
            { name: "tun0", cidr: "172.30.0.0/16", kind: "route" },
        ]);
    });
});
