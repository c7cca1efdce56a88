/**
 * Names, parents and type tokens of resources are their identity: a stack that an earlier commit has made
 * has to find each of them again. The record is of 3f6be11; a line that goes from it, or changes, needs an
 * alias and an entry in docs/CHANGELOG.md, and only then another record.
 */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { registrationsOf } from "../support/registrations";

const FIXTURES = path.join(__dirname, "..", "fixtures");

const INFERENCE = { baseUrl: "https://models.example.org/v1", apiKey: "a-key", model: "small" };

const CONFIGURATIONS: Readonly<Record<string, object>> = {
    "a gateway with its assistant": { sandboxes: { assistant: { application: "openclaw" } } },
    "a stopped gateway": {
        running: false,
        sandboxes: { assistant: { application: "openclaw" }, tool: { image: "tool:1" } },
    },
    "a gateway with everything": {
        gateway: { name: "Test", gpus: "all", credentialsGeneration: 3 },
        sandboxes: {
            assistant: {
                ...{ application: "openclaw", hostPort: 18790, secretEnv: { KEY: "hidden-value" } },
                ...{ inference: INFERENCE, egress: ["internet", { host: "api.github.com" }] },
                openclaw: { config: { logging: { level: "debug" } } },
            },
            claims: {
                image: "claims:1",
                volumeClaimTemplates: [{ name: "data", size: "1Gi", mountPath: "/data" }],
            },
            open: { image: "open:1", protect: false },
        },
    },
    "an existing cluster": {
        existingCluster: {
            ...{ kubeconfig: path.join(FIXTURES, "kubeconfig"), context: "c" },
            ...{ storageClass: "standard", host: "agents.example.org" },
        },
        sandboxes: { assistant: { application: "openclaw", inference: INFERENCE } },
    },
};

const recorded = JSON.parse(
    readFileSync(path.join(FIXTURES, "registrations.json"), "utf8"),
) as Record<string, string[]>;

describe("what the engine knows resources by", () => {
    it.each(Object.keys(CONFIGURATIONS))("stays as it is: %s", async (title) => {
        expect(await registrationsOf(CONFIGURATIONS[title] ?? {})).toEqual(recorded[title]);
    });
});
