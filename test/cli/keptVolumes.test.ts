import { expect, it } from "vitest";
import { keptVolumes, type PersistentVolume } from "../../cli/status/keptVolumes";

const volume = (
    claim: string,
    phase: string,
    path: string,
    namespace = "sandboxes",
): PersistentVolume => ({
    metadata: { name: `pv-${claim}` },
    spec: { claimRef: { namespace, name: claim }, local: { path } },
    status: { phase },
});

it("lists released volumes by their claims, each folder once, and none that is in use again", () => {
    const volumes = [
        volume("workspace-here-0", "Bound", "/s/here"),
        volume("workspace-here-0", "Released", "/s/here"),
        volume("workspace-gone-0", "Released", "/s/gone"),
        volume("workspace-gone-0", "Released", "/s/gone"),
        volume("data-my-team-0", "Released", "/s/data"),
        volume("workspace-other-0", "Released", "/s/other", "elsewhere"),
    ];
    expect(keptVolumes(volumes, "sandboxes")).toEqual([
        { claim: "workspace-gone-0", path: "/s/gone" },
        { claim: "data-my-team-0", path: "/s/data" },
    ]);
});
