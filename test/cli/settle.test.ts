import { describe, expect, it } from "vitest";
import { waitedFor } from "../../cli/status/settle";

describe("after an up", () => {
    it("those are waited for that may still come up", () => {
        const states = ["running", "recovered", "not running", "suspended", "stopped", "unknown"];
        const sandboxes = states.map((state) => ({ sandbox: `is ${state}`, url: null, state }));
        expect(waitedFor({ sandboxes })).toEqual(["is not running"]);
    });
});
