import { describe, expect, it } from "vitest";
import { formatTimes, sumSteps, type FileTimes } from "../run/times";

const line = (file: string, step: string, seconds: number) =>
    JSON.stringify({ file, step, seconds });

it("sums up the steps of each file by kind", () => {
    const lines = [line("a", "pulumi", 2), line("b", "wait", 1), line("a", "pulumi", 3), ""];
    expect(Object.fromEntries(sumSteps(lines.join("\n")))).toEqual({
        a: { pulumi: { count: 2, seconds: 5 } },
        b: { wait: { count: 1, seconds: 1 } },
    });
    expect(sumSteps("").size).toBe(0);
});

describe("the table", () => {
    const file = (name: string, seconds: number, more: Partial<FileTimes> = {}): FileTimes => ({
        file: `test/${name}`,
        tests: 3,
        seconds,
        setUp: 0,
        cleanUp: 0,
        steps: {},
        ...more,
    });

    it("lists phases in their order, and files by their length with what is not in any step", () => {
        const phases = [
            { title: "lint", seconds: 12.34 },
            { title: "e2e", seconds: 100 },
        ];
        const steps = { pulumi: { count: 7, seconds: 40 }, wait: { count: 1, seconds: 5.5 } };
        const files = [
            file("unit/short.test.ts", 1),
            file("e2e/short.e2e.ts", 3),
            file("e2e/long.e2e.ts", 60, { setUp: 21, cleanUp: 2.5, steps }),
        ];
        expect(formatTimes({ phases, files }).split("\n")).toEqual([
            "where the time went, in seconds (phases may overlap):",
            "phase      s",
            "lint    12.3",
            "e2e    100.0",
            "",
            "file              tests   all  set-up  clean-up  n  pulumi  n  tools  n  docker  n  wait  other",
            "e2e/long.e2e.ts       3  60.0    21.0       2.5  7    40.0  0    0.0  0     0.0  1   5.5   14.5",
            "e2e/short.e2e.ts      3   3.0     0.0       0.0  0     0.0  0    0.0  0     0.0  0   0.0    3.0",
            "1 files under 2 s are left out",
        ]);
    });

    it("is there also when nothing ran", () => {
        expect(formatTimes({ phases: [], files: [] })).toContain("0 files under 2 s are left out");
    });
});
