import { describe, expect, it } from "vitest";
import { applyEdits } from "../provide/edits";

describe("applyEdits", () => {
    it("makes each edit at its place", () => {
        const edits = [
            { find: "b", replace: "B $& B" },
            { find: "d", replace: "D" },
        ];
        expect(applyEdits("a b c d", edits, "file")).toBe("a B $& B c D");
    });

    it.each([
        ["missing", "a c", 0],
        ["there twice", "a b b", 2],
    ])("refuses a file where the place is %s", (_, text, count) => {
        expect(() => applyEdits(text, [{ find: "b", replace: "" }], "file.go")).toThrow(
            `file.go: expected one place with \`b\`, found ${count}`,
        );
    });
});
