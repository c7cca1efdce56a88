/** Where a gateway is reached: one answer for its container, its pages and the look for busy ports. */
import { expect, it } from "vitest";
import {
    apiAddress,
    bridgeAddress,
    ownAddress,
    pageAddress,
} from "../../components/gateway/addresses";

it.each([
    [{}, "127.0.0.1"],
    [{ apiHost: "127.0.0.1", bindAddress: "0.0.0.0" }, "127.0.0.1"],
    [{ apiHost: "server.lan", bindAddress: "0.0.0.0" }, "0.0.0.0"],
    [{ apiHost: "server.lan", bindAddress: "192.168.7.5" }, "192.168.7.5"],
    [{ apiHost: "server.lan" }, "127.0.0.1"],
    [{ bindAddress: "192.168.7.5" }, "127.0.0.1"],
])("the API with %j is published on %s", (args, address) => {
    expect(apiAddress(args)).toBe(address);
});

it.each([
    [{}, "127.0.0.1"],
    [{ bindAddress: "192.168.7.5" }, "192.168.7.5"],
    [{ bindAddress: "0.0.0.0", apiHost: "server.lan" }, "127.0.0.1"],
    [{ bindAddress: "0.0.0.0", apiHost: "s.lan", dockerHost: "ssh://u@s.lan" }, "s.lan"],
    [{ bindAddress: "0.0.0.0", dockerHost: "ssh://u@s.lan" }, "127.0.0.1"],
])("a page with %j is at %s", (args, address) => {
    expect(pageAddress(args)).toBe(address);
});

it("the container and the bridge have the first addresses of the subnet", () => {
    expect(bridgeAddress({ subnet: "10.9.8.0/24" })).toBe("10.9.8.1");
    expect(ownAddress({ subnet: "10.9.8.0/24" })).toBe("10.9.8.2");
});
