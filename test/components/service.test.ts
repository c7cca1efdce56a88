import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { nodePort } from "../../components/sandbox/service";
import type { Services } from "../support/mocks";
import { inputs, run, value } from "../support/program";

const CONFIG = {
    gateway: { name: "Test", subnet: "10.213.77.0/24" },
    sandboxes: { assistant: { application: "openclaw" } },
};

const FIXED = { ...CONFIG, sandboxes: { assistant: { application: "openclaw", hostPort: 18790 } } };

/** Everything that the address of the sandbox's page goes into; `unknown` where it is. */
async function derived(config: object, preview: boolean, services?: Services) {
    const { recorded, outputs } = await run(config, preview, services);
    const { data } = inputs(recorded, "kubernetes:core/v1:ConfigMap", "assistant-config");
    const set = inputs<{ spec: { template: { metadata: { annotations: object } } } }>(
        recorded,
        "kubernetes:apps/v1:StatefulSet",
    );
    const [hash] = Object.values(set.spec.template.metadata.annotations) as unknown[];
    return {
        url: await known(outputs["urls"]),
        tokenUrl: await known(outputs["tokenUrls"]),
        data: pulumi.isUnknown(data) ? "unknown" : data,
        hash: pulumi.isUnknown(hash) ? "unknown" : hash,
    };
}

async function known(urls: unknown): Promise<string | undefined> {
    const { assistant } = urls as Record<string, pulumi.Output<string> & { isKnown: unknown }>;
    return (await assistant?.isKnown) ? value(assistant) : "unknown";
}

const UNKNOWN = { url: "unknown", tokenUrl: "unknown", data: "unknown", hash: "unknown" };

describe("the address of a sandbox whose port Kubernetes picks", () => {
    it.each(["inputs", "dry run"] as const)(
        "is unknown in the preview that would create it, with all that follows from it: %s",
        async (services) => {
            expect(await derived(CONFIG, true, services)).toEqual(UNKNOWN);
        },
    );

    it("is known in a preview once the Service is there, and the same as in an update", async () => {
        const update = await derived(CONFIG, false);
        expect(update.url).toBe("http://127.0.0.1:18800/");
        expect(update.tokenUrl).toMatch(/^http:\/\/127\.0\.0\.1:18800\/#token=/);
        expect(JSON.stringify(update.data)).toContain("http://localhost:18800");
        expect(update.hash).toMatch(/^[0-9a-f]{16}$/);
        expect(await derived(CONFIG, true, "stored")).toEqual(update);
    });

    it("is an error that names the Service when there is none after an update", () => {
        expect(() => nodePort("assistant", undefined, { resourceVersion: "7" }, false)).toThrow(
            "Service assistant: got no node port; expected one that Kubernetes has picked; " +
                "`pulumi up --refresh --run-program --skip-preview` reads it again",
        );
    });
});

describe("the address of a sandbox on a fixed port", () => {
    it("is known from the first preview on", async () => {
        const first = await derived(FIXED, true, "inputs");
        expect(first.url).toBe("http://127.0.0.1:18790/");
        expect(JSON.stringify(first.data)).toContain("http://localhost:18790");
        expect(await derived(FIXED, true, "dry run")).toEqual(first);
    });
});
