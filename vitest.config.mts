import { availableParallelism } from "node:os";
import * as path from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const CORES = availableParallelism();

const QUICK = {
    // Bounds for a busy machine, not expectations.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Processes, because tests write programs and run them: of a file that one thread writes, the processes
    // that another starts hold it open for a moment, and it cannot be run.
    pool: "forks" as const,
    // Starting one for each file, and loading the SDK there, would be most of the time.
    isolate: false,
    // machine/standIns.ts loads the toolchain by node's own `require`.
    execArgv: ["--require", "tsx/cjs"],
    // One more than there are cores: some wait for what they have started.
    maxWorkers: CORES + 1,
};

/** Files that a worker is busy with for minutes, as `npm run test:times` shows them: longest first. */
const LONGEST = [
    ...[
        "lifecycle",
        "killedStart",
        "guards",
        "killed",
        "prune",
        "neighbours",
        "flood",
        "replacement",
    ],
    ...["machine", "make", "sandbox", "wrong", "outbound", "contexts", "existingCluster", "ssh"],
];

/** Starts those first, so that none of them is left running alone at the end. */
class LongestFirst extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
        const rank = ({ moduleId }: TestSpecification) => {
            const at = LONGEST.indexOf(path.basename(moduleId).replace(/\.e2e\.ts$/, ""));
            return at < 0 ? LONGEST.length : at;
        };
        // All others in the runner's own order: by what it has measured, or by size.
        return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
    }
}

export default defineConfig({
    test: {
        sequence: { sequencer: LongestFirst },
        projects: [
            {
                test: {
                    name: "unit",
                    include: [
                        "test/{model,components,settings,machine,steps,cli,guard,policy,support}/**/*.test.ts",
                    ],
                    ...QUICK,
                },
            },
            { test: { name: "toolchain", include: ["toolchain/test/*.test.ts"], ...QUICK } },
            // The scripts that run in containers, run for real under the shells that they meet there.
            { test: { name: "scripts", include: ["test/scripts/*.test.ts"], ...QUICK } },
            {
                test: {
                    name: "e2e",
                    include: ["test/e2e/**/*.e2e.ts", "toolchain/test/*.e2e.ts"],
                    globalSetup: ["test/support/globalSetup.ts"],
                    testTimeout: 600_000,
                    hookTimeout: 600_000,
                    // Most of the time of one file is waiting: for Kubernetes, for grace periods.
                    maxWorkers: CORES + 2,
                    bail: 0,
                },
            },
            {
                test: {
                    name: "vm",
                    include: ["test/vm/*.vm.ts"],
                    globalSetup: ["test/support/globalSetup.ts"],
                    // Each wait has a bound of its own; this one is for emulation at its slowest.
                    testTimeout: 10_800_000,
                    hookTimeout: 600_000,
                },
            },
        ],
    },
});
