import { expect, it } from "vitest";
import { countTests } from "../../cli/test";

const report = (passed: number, failed: number, pending = 0) =>
    JSON.stringify({
        numPassedTests: passed,
        numFailedTests: failed,
        numPendingTests: pending,
        numTodoTests: 0,
    });

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
