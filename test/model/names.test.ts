import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
    bridgeName,
    claimName,
    clusterIdentifier,
    dockerName,
    isKeeperName,
    keeperName,
    nodeName,
} from "../../model/names";

describe("nodeName", () => {
    it.each([
        ["Prod_US", "openshell-prod-us"],
        ["._Prod..__-Gateway-.", "openshell-prod-gateway"],
        ["...___---", "openshell-gateway"],
        ["", "openshell-gateway"],
        ["éa", "openshell-a"],
        // KELVIN SIGN: lower-casing first would make a k of it.
        ["\u212Aa", "openshell-a"],
        ["dev", "openshell-dev"],
        ["A".repeat(53), `openshell-${"a".repeat(53)}`],
        ["A".repeat(54), `openshell-${"a".repeat(53)}`],
        ["A".repeat(400), `openshell-${"a".repeat(53)}`],
        // A cut that ends in a dash loses it.
        [`${"a".repeat(52)}-b`, `openshell-${"a".repeat(52)}`],
    ])("%j becomes %j", (gateway, expected) => {
        expect(nodeName(gateway)).toBe(expected);
    });

    it("is a DNS label that fits into a hostname, whatever the gateway is called", () => {
        fc.assert(
            fc.property(fc.string({ unit: "grapheme" }), (gateway) => {
                expect(nodeName(gateway)).toMatch(/^openshell-[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/);
            }),
        );
    });
});

describe("other names", () => {
    it("keep the raw name, so that gateways with one node name stay apart", () => {
        expect(dockerName("Prod_US")).toBe("openshell-cluster-Prod_US");
        expect(clusterIdentifier("Prod_US")).toBe("sandbox-gateway/Prod_US");
        expect(claimName("workspace", "assistant")).toBe("workspace-assistant-0");
    });

    it("give a keeper a name that no gateway can have, however it is called", () => {
        expect(keeperName("Prod_US")).toBe("openshell-keeper-Prod_US");
        expect(isKeeperName(keeperName("a"))).toBe(true);
        fc.assert(fc.property(fc.string(), (gateway) => !isKeeperName(dockerName(gateway))));
    });

    it("give each gateway a bridge of its own within Linux's 15 characters", () => {
        expect(bridgeName("dev")).toHaveLength(15);
        expect(bridgeName("dev")).not.toBe(bridgeName("Dev"));
    });
});
