/** What the test runner's JSON report of one project says: how many tests passed, and which did not. */

export interface Count {
    readonly passed: number;
    readonly failed: number;
}

/** The part of the report that is read. */
interface Report {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numPendingTests: number;
    readonly numTodoTests: number;
    readonly testResults: readonly {
        readonly name: string;
        readonly status: string;
        readonly message?: string;
        readonly assertionResults: readonly {
            readonly fullName: string;
            readonly status: string;
            readonly failureMessages?: readonly string[] | null;
        }[];
    }[];
}

/** Lines of a failure that are repeated at the end; the whole of it stands where it happened. */
const LINES = 4;
const LINE_LENGTH = 200;
/** Failures that are named: where everything fails, one cause does. */
const FAILURES = 10;

/**
 * What a report amounts to. A skipped test is a failed one, and so is a run that failed without a
 * failed test: an error outside all tests, no test at all, or no report.
 */
export function countTests(status: number, report: string | undefined): Count {
    if (report === undefined) {
        return { passed: 0, failed: 1 };
    }
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
        report,
    ) as Report;
    const failed = numFailedTests + numPendingTests + numTodoTests;
    const broken = failed === 0 && (status !== 0 || numPassedTests === 0);
    return { passed: numPassedTests, failed: broken ? 1 : failed };
}

/**
 * The tests of a report that did not pass, each with its file and the first lines of what it said: for
 * whoever sees only the end of a long log.
 */
export function listFailures(root: string, report: string | undefined): string[] {
    if (report === undefined) {
        return ["the test runner ended without a report"];
    }
    return (JSON.parse(report) as Report).testResults.flatMap((file) => {
        const name = file.name.startsWith(`${root}/`)
            ? file.name.slice(root.length + 1)
            : file.name;
        const tests = file.assertionResults
            .filter(({ status }) => status !== "passed")
            .map(({ fullName, status, failureMessages }) =>
                describe(`${name}: ${fullName}`, status, failureMessages?.[0]),
            );
        // A set-up that failed, or a file that could not be read, is no failure of a test.
        const whole = file.status !== "passed" && !tests.some((text) => text.includes("\n"));
        return whole ? [describe(name, file.status, file.message), ...tests] : tests;
    });
}

/** A list of failures, cut where it would hide what stands above it. */
export function formatFailures(failures: readonly string[]): string {
    const left = failures.length - FAILURES;
    const more = left > 0 ? [`and ${left} more`] : [];
    return [...failures.slice(0, FAILURES), ...more].join("\n");
}

function describe(what: string, status: string, message = ""): string {
    const lines = message
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "")
        .slice(0, LINES)
        .map((line) => `\n    ${line.slice(0, LINE_LENGTH)}`);
    return `${status.toUpperCase()} ${what}${lines.join("")}`;
}
