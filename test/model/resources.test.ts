import { describe, expect, it } from "vitest";
import { mergeResources } from "../../model/resources";

const DEFAULTS = { requests: { cpu: "100m", memory: "1Gi" }, limits: { memory: "2Gi" } };

describe("resources of which a sandbox names a part", () => {
    it.each<[string, Parameters<typeof mergeResources>[0], object]>([
        ["none", undefined, DEFAULTS],
        ["nothing in it", {}, DEFAULTS],
        [
            "a limit of CPUs: memory stays limited",
            { limits: { cpu: "2" } },
            { requests: { cpu: "100m", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } },
        ],
        [
            "a request",
            { requests: { memory: "1536Mi" } },
            { requests: { cpu: "100m", memory: "1536Mi" }, limits: { memory: "2Gi" } },
        ],
        [
            "a request above the default limit, which gives way",
            { requests: { memory: "4Gi" } },
            { requests: { cpu: "100m", memory: "4Gi" }, limits: { memory: "4Gi" } },
        ],
        [
            "a limit below the default request, which gives way",
            { limits: { memory: "512Mi" } },
            { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "512Mi" } },
        ],
        [
            "all",
            { requests: { cpu: "1", memory: "3Gi" }, limits: { cpu: "4", memory: "8Gi" } },
            { requests: { cpu: "1", memory: "3Gi" }, limits: { cpu: "4", memory: "8Gi" } },
        ],
    ])("%s", (_, own, expected) => {
        expect(mergeResources(own, DEFAULTS)).toEqual(expected);
    });
});
