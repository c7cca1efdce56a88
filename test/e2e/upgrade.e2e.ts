/** A stack that an earlier commit has made: what this one would do to it. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientEpoch } from "../../components/gateway/pki";
import { TestStack } from "../support/stack";

/**
 * A gateway that 3f6be11 had made and stopped: a sandbox with a model, a host by name, a secret variable and
 * a workspace, and one with claims of its own. Stopped, so that everything it is compared with is in the
 * state; its keys are of nobody.
 */
const RECORDED = path.join(__dirname, "..", "fixtures", "stopped-3f6be11");

/** The quarter in which certificates of clients were issued there. */
const EPOCH = /"replacementTrigger":"2026-Q4"/g;

let stack: TestStack;

beforeAll(async () => {
    stack = await TestStack.create("upgrade");
    copyFileSync(
        path.join(RECORDED, "Pulumi.test.yaml"),
        path.join(stack.folder, "Pulumi.test.yaml"),
    );
    const state = readFileSync(path.join(RECORDED, "state.json"), "utf8");
    expect(state.match(EPOCH)).toHaveLength(2);
    const file = path.join(stack.folder, "recorded.json");
    // They are renewed every quarter, whoever has made the stack.
    writeFileSync(file, state.replaceAll(EPOCH, `"replacementTrigger":"${clientEpoch()}"`));
    await stack.pulumi(["stack", "import", "--file", file]);
});

afterAll(async () => {
    await stack?.remove();
});

describe("a stack of before the folders were put in order", () => {
    it("shows no change", async () => {
        expect(await stack.preview()).toEqual([]);
    });

    it("shows one where there is one", async () => {
        const undo = stack.edit("model/constants.ts", '"sandbox-gateway";', '"another";');
        expect(await stack.preview()).not.toEqual([]);
        undo();
    });
});
