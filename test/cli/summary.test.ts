import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { parseOutputs, type Outputs } from "../../cli/stack/outputs";
import { printSummary } from "../../cli/status/summary";
import type { Condition } from "../../cli/status/gatewayLook";
import { Target } from "../../cli/status/target";
import { Progress } from "../../steps/progress";

async function summary(state: Condition["state"], outputs: Outputs): Promise<string[]> {
    const target = new Target({
        ...{ kind: "gateway", title: "gateway box", facts: {}, command: [] },
        namespace: "sandboxes",
        typed: { plain: ["kubectl"], terminal: ["kubectl"] },
        look: () => Promise.resolve({ state }),
    });
    const out = new PassThrough();
    await printSummary({ progress: new Progress("/dev/null", out) }, target, outputs);
    return (out.read() as Buffer).toString().split("\n").slice(1, -1);
}

it("lists every sandbox, also one without a page, and leaves tokens out of a log", async () => {
    const outputs = {
        sandboxes: ["assistant", "tool"],
        urls: { assistant: "http://h:1/" },
        tokenUrls: { assistant: "http://h:1/#token=t" },
    };
    expect(await summary("running", outputs)).toEqual([
        expect.stringMatching(/^gateway box, up after /),
        "SANDBOX    URL          SHELL",
        "assistant  http://h:1/  kubectl -n sandboxes exec -it assistant-0 -- sh",
        "tool       no port      kubectl -n sandboxes exec -it tool-0 -- sh",
        "",
        'for plain pulumi in this shell: eval "$(make env)"',
        "URLs with their tokens: pulumi stack output tokenUrls --show-secrets",
    ]);
});

it("says what starts a gateway that is stopped", async () => {
    expect((await summary("stopped", {}))[0]).toMatch(
        /^gateway box, stopped \(`make start` starts it\) after /,
    );
});

it("knows no page of a sandbox that is called like a method and has none", async () => {
    const outputs = parseOutputs('{"sandboxes": ["constructor"], "urls": {}, "tokenUrls": {}}');
    expect((await summary("running", outputs))[2]).toMatch(/^constructor +no port +kubectl /);
});
