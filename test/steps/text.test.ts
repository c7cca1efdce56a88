import { describe, expect, it, vi } from "vitest";
import { asCommand, makeTarget, oneLine, plainLines } from "../../steps/text";

describe("plainLines", () => {
    it("leaves out empty lines, and whatever moves a cursor or colours a line", () => {
        const text =
            "one\r\n\n\u001b[31mt\bwo\u001b[0m\u0007\u001b[2J\u001b]0;title\u0007\r\tthree  \n";
        expect(plainLines(text)).toEqual(["one", "two", " three"]);
    });

    it("cuts a line that is too long", () => {
        expect(plainLines("123456789\n12345678\n", 8)).toEqual(["12345...", "12345678"]);
    });
});

it("oneLine makes one line of many", () => {
    expect(oneLine("\u001b[1mfailed\u001b[0m:\n\t\tno route\n")).toBe("failed: no route");
});

it.each([
    [["kubectl", "--context", "admin@site-1", "exec"], "kubectl --context admin@site-1 exec"],
    [["--context", "it's a", "$x"], "--context 'it'\\''s a' '$x'"],
    [["--context", ""], "--context ''"],
])("asCommand quotes what a shell would take apart: %j", (words, expected) => {
    expect(asCommand(words)).toBe(expected);
});

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
