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
    copyFileSync(path.join(RECORDED, "config.yaml"), path.join(stack.folder, "Pulumi.test.yaml"));
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

    // A stopped gateway's API is not asked; the preview of a start compares what is stored of its objects.
    const start = () => stack.preview("--config", "running=true");

    const STARTED = [
        "create docker:index/container:Container gateway-k3s",
        "delete docker:index/container:Container gateway-keeper",
        "update kubernetes:apps/v1:Deployment outbound-proxy",
        "update kubernetes:apps/v1:StatefulSet agent-agent",
        "update kubernetes:apps/v1:StatefulSet tool-agent",
        "update pulumi:providers:kubernetes gateway-kubernetes",
    ];

    it("would be started by what starts any gateway, and nothing besides", async () => {
        expect(await start()).toEqual(STARTED);
    });

    it("would show a change of anything else", async () => {
        const undo = stack.edit(
            "model/constants.ts",
            'MANAGED_BY = "sandbox-gateway"',
            'MANAGED_BY = "another"',
        );
        const changes = await start();
        undo();
        expect(changes).toEqual(expect.arrayContaining(STARTED));
        expect(changes).toContain(
            "update kubernetes:core/v1:PersistentVolumeClaim agent-workspace",
        );
    });
});
