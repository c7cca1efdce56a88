import { expect, it } from "vitest";
import { keptVolumes, type PersistentVolume } from "../../cli/keptVolumes";

const volume = (
    name: string,
    phase: string,
    path: string,
    namespace = "sandboxes",
): PersistentVolume => ({
    metadata: { name: `pv-${name}` },
    spec: { claimRef: { namespace, name: `workspace-${name}-0` }, local: { path } },
    status: { phase },
});

it("lists released workspaces, each folder once, and none that is in use again", () => {
    const volumes = [
        volume("here", "Bound", "/s/here"),
        volume("here", "Released", "/s/here"),
        volume("gone", "Released", "/s/gone"),
        volume("gone", "Released", "/s/gone"),
        volume("other", "Released", "/s/other", "elsewhere"),
    ];
    expect(keptVolumes(volumes, "sandboxes", "workspace")).toEqual([
        { sandbox: "gone", path: "/s/gone" },
    ]);
});
