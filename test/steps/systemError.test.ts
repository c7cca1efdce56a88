import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { StepError } from "../../steps/errors";
import { inWords } from "../../steps/systemError";

const thrownBy = (work: () => unknown): unknown => {
    try {
        work();
    } catch (error) {
        return inWords(error);
    }
    throw new Error("nothing was thrown");
};

describe("an error of the system", () => {
    it("on a full disk says so, and that nothing begins anew", () => {
        const error = thrownBy(() => writeFileSync("/dev/full", "x")) as StepError;
        expect(error).toBeInstanceOf(StepError);
        expect(error.message).toContain("ENOSPC: no space left on device");
        expect(error.hint).toContain("make room");
    });

    it("names the file, and what to do, whatever it is", () => {
        const error = thrownBy(() => readdirSync("/dev/null")) as StepError;
        expect(error.message).toContain("'/dev/null'");
        expect(error.hint).toBe("see to that, then run this again");
    });

    it.each([
        ["EACCES", "chown"],
        ["EPERM", "chown"],
        ["EROFS", "read only"],
        ["EDQUOT", "quota"],
    ])("%s has its own advice", (code, advice) => {
        const error = Object.assign(new Error("x"), { code, syscall: "open" });
        expect((inWords(error) as StepError).hint).toContain(advice);
    });
});

describe("any other error", () => {
    it.each([new TypeError("x"), new StepError("x", "y"), "text", undefined])(
        "stays: %s",
        (error) => {
            expect(inWords(error)).toBe(error);
        },
    );

    it("of Node's own stays as well", () => {
        const error = thrownBy(() => readFileSync({} as string));
        expect(error).toBeInstanceOf(TypeError);
    });
});
