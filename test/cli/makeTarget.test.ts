import { describe, expect, it, vi } from "vitest";
import { makeTarget } from "../../cli/makeTarget";

describe("makeTarget", () => {
    it.each([
        [undefined, "make start"],
        ["dev", "make start"],
        ["second", "make start STACK=second"],
        ["organization/sandbox-gateway/x", "make start STACK=organization/sandbox-gateway/x"],
    ])("names the stack %s, where it is not the usual one", (stack, expected) => {
        expect(makeTarget("start", stack ?? "dev")).toBe(expected);
    });

    it("is about the stack of this run", () => {
        vi.stubEnv("STACK", "second");
        expect(makeTarget("status")).toBe("make status STACK=second");
        vi.unstubAllEnvs();
    });
});
