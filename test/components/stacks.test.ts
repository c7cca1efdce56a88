import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { withoutEndless } from "../../components/stacks";

const HEAD =
    "Error: sandboxes.a.workspaceSize: got 3Gi\n    at file /project/components/sandbox/claims.ts:1:2";

describe("the stack of an error", () => {
    it.each([
        ["    at apply (/project/node_modules/@pulumi/output.ts:516:31)", false],
        ["    at C:\\project\\node_modules\\@pulumi\\output.ts:378:13", false],
        ["    at apply (/project/node_modules/@pulumi/pulumi/output.js:1:1)", true],
        ["    at x (/project/node_modules/zod/index.js:1:1)", true],
        ["    at node_modules/@pulumi (/project/index.ts:1:1)", true],
        ["    at processTicksAndRejections (node:internal/process/task_queues:95:5)", true],
    ])("keeps what can be coloured: %s", (line, kept) => {
        const mended = withoutEndless(`${HEAD}\n${line}`);
        expect(mended).toBe(kept ? `${HEAD}\n${line}` : HEAD);
        const error = new Error("x");
        error.stack = mended;
        expect(inspect(error, { colors: true })).toContain("workspaceSize");
    });

    it("is mended before the SDK prints it", () => {
        const error = new Error("x");
        error.stack = `${HEAD}\n    at apply (/project/node_modules/@pulumi/output.ts:516:31)`;
        for (const event of ["unhandledRejection", "uncaughtException"] as const) {
            const [first] = process.rawListeners(event);
            (first as (error: unknown) => void)(error);
            expect(error.stack).toBe(HEAD);
        }
    });
});
