import { describe, expect, it } from "vitest";
import { formerManagers, objectsOf, typed } from "../../cli/recovery/fieldManagers";

/** An object with entries of these managers. */
const object = (...managers: string[]) => ({
    kind: "Secret",
    metadata: { name: "s", managedFields: managers.map((manager) => ({ manager })) },
});

describe("what other states have noted on an object", () => {
    it.each<[string, string[], number[]]>([
        ["nothing", ["pulumi-kubernetes-new", "kube-controller-manager"], []],
        ["one", ["pulumi-kubernetes-old", "pulumi-kubernetes-new"], [0]],
        [
            "several, from the end",
            ["pulumi-kubernetes-a", "kubectl-edit", "pulumi-kubernetes-new", "pulumi-kubernetes-b"],
            [3, 0],
        ],
        ["nothing that may go, before this state has applied it", ["pulumi-kubernetes-old"], []],
    ])("is %s", (_, managers, indexes) => {
        expect(formerManagers(object(...managers), "pulumi-kubernetes-new")).toEqual(
            indexes.flatMap((i) => [
                { op: "test", path: `/metadata/managedFields/${i}/manager`, value: managers[i] },
                { op: "remove", path: `/metadata/managedFields/${i}` },
            ]),
        );
    });

    it("is nothing where there are no entries", () => {
        expect(formerManagers({ kind: "k", metadata: { name: "n" } }, "m")).toEqual([]);
    });
});

it("the objects of a state are asked for by kind, version and group", () => {
    const set = {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "agent", namespace: "sandboxes" },
        __fieldManager: "pulumi-kubernetes-1",
    };
    const space = {
        ...{ apiVersion: "v1", kind: "Namespace", metadata: { name: "sandboxes" } },
        __fieldManager: "pulumi-kubernetes-2",
    };
    const objects = objectsOf([
        {},
        { outputs: { name: "openshell-cluster-dev" } },
        { outputs: set },
        { outputs: space },
        { outputs: { ...set, __fieldManager: undefined } },
    ]);
    expect(objects).toEqual([
        {
            apiVersion: "apps/v1",
            kind: "StatefulSet",
            name: "agent",
            namespace: "sandboxes",
            manager: "pulumi-kubernetes-1",
        },
        {
            apiVersion: "v1",
            kind: "Namespace",
            name: "sandboxes",
            namespace: undefined,
            manager: "pulumi-kubernetes-2",
        },
    ]);
    expect(objects.map(typed)).toEqual(["statefulset.v1.apps/agent", "namespace/sandboxes"]);
});
