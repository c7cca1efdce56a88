/** The storage class of workspaces: what k3s's provisioner makes of it, and a class of before. */
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { claimName } from "../../model/names";
import { find, plain } from "../support/mocks";
import { run } from "../support/program";

const CLASS = "kubernetes:storage.k8s.io/v1:StorageClass";

afterEach(() => vi.restoreAllMocks());

interface StorageClass {
    readonly parameters: { readonly pathPattern: string };
}

/** The pattern with a claim put in, as Go's templates do it for the two fields it uses. */
function render(pattern: string, namespace: string, claim: string): string {
    const rendered = pattern
        .replaceAll("{{ .PVC.Namespace }}", namespace)
        .replaceAll("{{ .PVC.Name }}", claim);
    expect(rendered).not.toContain("{{");
    return rendered;
}

/** Go's filepath.IsLocal on Linux: it stays below the folder it is joined to. */
function isLocal(file: string): boolean {
    const clean = path.posix.normalize(file);
    return (
        file !== "" && !path.posix.isAbsolute(file) && clean !== ".." && !clean.startsWith("../")
    );
}

/** local-path-provisioner's rule since v0.0.33 (pathFromPattern in provisioner.go). */
function isTaken(rendered: string, namespace: string, claim: string): boolean {
    return rendered.startsWith(`${path.posix.join(namespace, claim)}/`) && isLocal(rendered);
}

describe("the folder of a claim", () => {
    it.each([
        ["workspace", "assistant"],
        ["workspace", "a"],
        ["workspace", `a${"-b".repeat(19)}c`],
        ["data", "web-prod"],
        ["data-2", "x0"],
    ])("of template %s in sandbox %s is taken by the provisioner", async (template, sandbox) => {
        const { recorded } = await run({ sandboxes: {} });
        const { inputs } = find(recorded, CLASS);
        const { pathPattern } = plain(inputs["parameters"]) as StorageClass["parameters"];
        const claim = claimName(template, sandbox);
        const rendered = render(pathPattern, "sandboxes", claim);
        expect(isTaken(rendered, "sandboxes", claim)).toBe(true);
        // Where a claim's folder was before, so that what is there is found again.
        expect(path.posix.resolve("/storage", rendered)).toBe(`/storage/sandboxes/${claim}`);
    });

    it("would not be taken without the final slash", () => {
        expect(isTaken("sandboxes/workspace-a-0", "sandboxes", "workspace-a-0")).toBe(false);
        expect(isTaken("sandboxes/workspace-a-0/../../../x", "sandboxes", "workspace-a-0")).toBe(
            false,
        );
    });
});

describe("a class of an earlier version", () => {
    const OLD = "{{ .PVC.Namespace }}/{{ .PVC.Name }}";

    it("stays what it is: Kubernetes changes no class, and it is not replaced", async () => {
        const { recorded } = await run({});
        expect(find(recorded, CLASS).ignoreChanges).toEqual(["parameters"]);
    });

    it("is warned of, with what takes it away", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        await run({}, false, "stored", new Map(), {
            [CLASS]: { parameters: { pathPattern: OLD } },
        });
        expect(warn.mock.calls.map(([message]) => message)).toEqual([
            expect.stringMatching(
                /^storage class sandbox-workspace is of an earlier version .* `docker exec openshell-cluster-openshell k3s kubectl delete storageclass sandbox-workspace`, then `pulumi up --refresh --run-program --skip-preview`/,
            ),
        ]);
    });

    it("is not what a new gateway has", async () => {
        const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
        await run({});
        expect(warn).not.toHaveBeenCalled();
    });
});
