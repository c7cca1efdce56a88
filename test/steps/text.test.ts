import { describe, expect, it } from "vitest";
import { asCommand, oneLine, plainLines } from "../../steps/text";

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
