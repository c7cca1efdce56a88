import { describe, expect, it } from "vitest";
import { nameOfUrn, parseUrn, urnOf } from "../../model/urn";

const GATEWAY = "sandbox-gateway:index:Gateway";
const VOLUME = "docker:index/volume:Volume";

describe("a URN", () => {
    it.each([
        ["a resource at the top", `${VOLUME}`, "gateway-data"],
        ["a child", `${GATEWAY}$${VOLUME}`, "gateway-data"],
        ["one whose name has what parts a URN", `${GATEWAY}$${VOLUME}`, "a::b$c"],
    ])("of %s is taken apart", (_, type, name) => {
        const urn = `urn:pulumi:dev::sandbox-gateway::${type}::${name}`;
        const parts = { stack: "dev", project: "sandbox-gateway", type: VOLUME, name };
        expect(parseUrn(urn)).toEqual(parts);
        expect(nameOfUrn(urn)).toBe(name);
        expect(urnOf({ ...parts, type })).toBe(urn);
    });

    it.each(["", "gateway-data", "urn:pulumi:dev::p::t", "urn:other:dev::p::t::n"])(
        "is not %j",
        (text) => {
            expect(parseUrn(text)).toBeUndefined();
            expect(nameOfUrn(text)).toBe(text);
        },
    );
});
