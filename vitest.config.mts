import { defineConfig } from "vitest/config";

export default defineConfig({
    test: {
        projects: [
            {
                test: {
                    name: "unit",
                    include: ["test/{unit,policy,toolchain}/**/*.test.ts"],
                    // Bounds for a busy machine, not expectations.
                    testTimeout: 60_000,
                    hookTimeout: 60_000,
                },
            },
            {
                test: {
                    name: "e2e",
                    include: ["test/e2e/**/*.e2e.ts", "test/toolchain/**/*.e2e.ts"],
                    testTimeout: 600_000,
                    hookTimeout: 600_000,
                    // One engine, one Docker daemon, two cores: side by side they only slow each other.
                    fileParallelism: false,
                    bail: 0,
                },
            },
        ],
    },
});
