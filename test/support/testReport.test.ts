import { describe, expect, it } from "vitest";
import { countTests, formatFailures, listFailures } from "../run/report";

const report = (passed: number, failed: number, pending = 0) =>
    JSON.stringify({
        numPassedTests: passed,
        numFailedTests: failed,
        numPendingTests: pending,
        numTodoTests: 0,
        testResults: [],
    });

describe("counts", () => {
    it.each([
        ["all pass", 0, report(3, 0), { passed: 3, failed: 0 }],
        ["some fail", 1, report(2, 1), { passed: 2, failed: 1 }],
        ["one is skipped", 0, report(2, 0, 1), { passed: 2, failed: 1 }],
        ["an error lies outside all tests", 1, report(3, 0), { passed: 3, failed: 1 }],
        ["there is no report", 1, undefined, { passed: 0, failed: 1 }],
        ["no test ran", 0, report(0, 0), { passed: 0, failed: 1 }],
    ])("when %s", (_, status, text, expected) => {
        expect(countTests(status, text)).toEqual(expected);
    });
});

describe("failures", () => {
    const list = (...testResults: object[]) =>
        listFailures("/work", JSON.stringify({ testResults }));
    const test = (fullName: string, status: string, ...failureMessages: string[]) => ({
        fullName,
        status,
        failureMessages,
    });

    it("are named with their file and the first lines of what they said", () => {
        const message = "AssertionError: a\n\n  - b\n  + c\n  d\n  e\n  f";
        const assertionResults = [test("stops", "failed", message), test("starts", "passed")];
        expect(list({ name: "/work/test/a.ts", status: "failed", assertionResults })).toEqual([
            "FAILED test/a.ts: stops\n    AssertionError: a\n    - b\n    + c\n    d",
        ]);
    });

    it("include tests that were skipped, for they count as failed", () => {
        const assertionResults = [test("stops", "skipped")];
        expect(list({ name: "/work/a.ts", status: "passed", assertionResults })).toEqual([
            "SKIPPED a.ts: stops",
        ]);
    });

    it("begin with a set-up that failed, whose tests were then skipped", () => {
        const assertionResults = [test("stops", "skipped")];
        const file = { name: "/work/a.ts", status: "failed", message: "no gateway" };
        expect(list({ ...file, assertionResults })).toEqual([
            "FAILED a.ts\n    no gateway",
            "SKIPPED a.ts: stops",
        ]);
    });

    it("are empty when all passed", () => {
        const assertionResults = [test("stops", "passed")];
        expect(list({ name: "/work/a.ts", status: "passed", assertionResults })).toEqual([]);
    });

    it("say that there is no report", () => {
        expect(listFailures("/work", undefined)).toEqual([
            "the test runner ended without a report",
        ]);
    });

    it("are cut where they would fill the end of the log", () => {
        const many = Array.from({ length: 12 }, (_, index) => `FAILED ${index}`);
        const lines = formatFailures(many).split("\n");
        expect([lines.length, lines.at(-1)]).toEqual([11, "and 2 more"]);
    });
});
