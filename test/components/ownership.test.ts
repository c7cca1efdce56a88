/** What is refused in a cluster that others use as well, before it is made. */
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { FoundObject, ObjectName } from "../../components/cluster/api";
import { Ownership, type Known, type Read } from "../../components/cluster/ownership";
import { drain, record } from "../support/mocks";

const KNOWN: Known = { kubeconfig: "k", owner: "mine" };
const MANAGED = { "app.kubernetes.io/managed-by": "sandbox-gateway" };
const OWNED = (owner: string) => ({ annotations: { "sandbox-gateway.dev/owner": owner } });

/** What a cluster has, by kind and name. An error is what it answers. */
type Cluster = Readonly<Record<string, FoundObject | object | Error>>;

const NAMESPACE = { apiVersion: "v1", kind: "Namespace", metadata: { name: "agents" } };

const object = (kind: string, name: string, spec?: object) => ({
    ...{ apiVersion: "v1", kind, metadata: { name, namespace: "agents" } },
    ...(spec ? { spec } : {}),
});

const claim = object("PersistentVolumeClaim", "workspace-a-0", { storageClassName: "fast" });

const RETAIN = { "StorageClass fast": { reclaimPolicy: "Retain" } };

/** What is to be made; its metadata may not be known yet. */
interface Wanted {
    readonly kind: string;
    readonly metadata?: object;
}

/** Runs the check of what is to be made. @returns the warnings; throws what the engine would show */
async function check(
    newInputs: Wanted,
    cluster: Cluster,
    { preview = false, known = KNOWN, times = 1 } = {},
): Promise<string[]> {
    await record(preview);
    const warnings: string[] = [];
    vi.spyOn(pulumi.log, "warn").mockImplementation((text) => {
        warnings.push(text);
        return Promise.resolve();
    });
    const read = ((_: unknown, { kind, name }: ObjectName) => {
        const found = cluster[`${kind} ${name}`];
        return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    }) as Read;
    try {
        const ownership = new Ownership("cluster", "production", known, read);
        const { beforeCreate = [] } =
            newInputs.kind === "Namespace" ? ownership.namespace : ownership.objects;
        const [hook] = beforeCreate as pulumi.ResourceHook[];
        for (let i = 0; i < times; i++) {
            await hook?.callback({ urn: "", id: "", name: "", type: "", newInputs });
        }
    } finally {
        await drain();
    }
    return warnings;
}

afterEach(() => {
    vi.restoreAllMocks();
});

describe.each([
    ["a preview", true],
    ["an update", false],
])("in %s", (_, preview) => {
    const seen = (newInputs: Wanted, cluster: Cluster, known = KNOWN) =>
        check(newInputs, cluster, { preview, known });

    it("a namespace that is not there is made", async () => {
        expect(await seen(NAMESPACE, {})).toEqual([]);
    });

    it.each<[string, FoundObject]>([
        ["someone's", { metadata: { labels: { team: "other" } } }],
        ["one without metadata", {}],
        ["another stack's", { metadata: { labels: MANAGED, ...OWNED("theirs") } }],
        ["one of an earlier version", { metadata: { labels: MANAGED } }],
    ])("a namespace that is there is refused when it is %s", async (_, found) => {
        await expect(seen(NAMESPACE, { "Namespace agents": found })).rejects.toThrow(
            "cluster production: a namespace agents is there already, and is not this stack's; nothing was changed in it. Give existingCluster.namespace another name, or leave the key out",
        );
    });

    it("a namespace that this stack has made, and could not note, is taken up", async () => {
        expect(await seen(NAMESPACE, { "Namespace agents": { metadata: OWNED("mine") } })).toEqual(
            [],
        );
    });

    it("a namespace is nobody's while this stack has no identity yet", async () => {
        const unowned = { "Namespace agents": { metadata: { annotations: {} } } };
        await expect(seen(NAMESPACE, unowned, { kubeconfig: "k" })).rejects.toThrow("not this");
    });

    it("a namespace that is still being removed is waited for by the user", async () => {
        const metadata = { ...OWNED("mine"), deletionTimestamp: "2026-01-01T00:00:00Z" };
        await expect(seen(NAMESPACE, { "Namespace agents": { metadata } })).rejects.toThrow(
            "still being removed; run this again when it is gone",
        );
    });

    it.each<[string, FoundObject, FoundObject]>([
        ["has no label of ours", {}, { metadata: OWNED("mine") }],
        ["is in another's namespace", { metadata: { labels: MANAGED } }, { metadata: OWNED("x") }],
        ["has no label, in a namespace of an earlier version", {}, {}],
    ])("an object that is there is refused when it %s", async (_, found, namespace) => {
        const cluster = { "Service a": found, "Namespace agents": namespace };
        await expect(seen(object("Service", "a"), cluster)).rejects.toThrow(
            "cluster production: namespace agents has a Service a already, which is not this stack's; it was not changed. Give the sandbox another name",
        );
    });

    it("an object that this stack has made, and could not note, is taken up", async () => {
        const cluster = {
            "Service a": { metadata: { labels: MANAGED } },
            "Namespace agents": { metadata: OWNED("mine") },
        };
        expect(await seen(object("Service", "a"), cluster)).toEqual([]);
    });

    it("a storage class that is missing is refused", async () => {
        await expect(seen(claim, {})).rejects.toThrow(
            "there is no storage class fast (existingCluster.storageClass, or a sandbox's volumeClaimTemplates)",
        );
    });

    it.each([[{ reclaimPolicy: "Delete" }], [{}]])(
        "a storage class that keeps nothing is said: %j",
        async (storage) => {
            const [warning] = await seen(claim, { "StorageClass fast": storage });
            expect(warning).toContain(
                "storage class fast of cluster production has the reclaim policy Delete: with a claim that is removed",
            );
        },
    );

    it("a storage class that keeps volumes, or that is not for us to see, stops nothing", async () => {
        expect(await seen(claim, RETAIN)).toEqual([]);
        const forbidden = { "StorageClass fast": new Error("forbidden") };
        expect(await seen(claim, forbidden)).toEqual([
            "storage class fast of cluster production cannot be looked at: forbidden",
        ]);
    });
});

describe("an object of a namespace of an earlier version, which may be another stack's", () => {
    const cluster = { "Service a": { metadata: { labels: MANAGED } }, "Namespace agents": {} };

    it("is refused by an update", async () => {
        await expect(check(object("Service", "a"), cluster)).rejects.toThrow(
            "an earlier version, which made the namespace, did not note for which stack",
        );
    });

    it("is a warning of a preview: it may be about to be replaced", async () => {
        const [warning] = await check(object("Service", "a"), cluster, { preview: true });
        expect(warning).toContain("did not note for which stack");
    });
});

describe("a cluster that cannot be asked", () => {
    const cluster = { "Namespace agents": new Error("connect ECONNREFUSED") };

    it("ends an update before anything is made", async () => {
        await expect(check(NAMESPACE, cluster)).rejects.toThrow(
            "cluster production cannot be asked whether it has a Namespace agents already: connect ECONNREFUSED; nothing was changed. See that the kubeconfig reaches",
        );
    });

    it("is said by a preview, once", async () => {
        const warnings = await check(NAMESPACE, cluster, { preview: true, times: 2 });
        expect(warnings).toEqual([
            "cluster production cannot be asked whether it has a Namespace agents already: connect ECONNREFUSED; `pulumi up` asks again, and makes nothing unless it knows",
        ]);
    });

    it("is one whose namespace cannot be asked about, where an object of ours may be", async () => {
        const half = { "Service a": {}, "Namespace agents": new Error("forbidden") };
        await expect(check(object("Service", "a"), half)).rejects.toThrow("forbidden");
    });
});

describe("what is not known yet", () => {
    const cases: [string, Wanted, Known][] = [
        ["where the cluster is", NAMESPACE, { owner: "mine" }],
        ["what the namespace is called", { ...NAMESPACE, metadata: {} }, KNOWN],
        ["in which namespace", { ...object("Secret", "a"), metadata: { name: "a" } }, KNOWN],
    ];

    it.each(cases)("is nothing to ask about in a preview: %s", async (_, wanted, known) => {
        const cluster = { "Namespace agents": {}, "Secret a": {} };
        expect(await check(wanted, cluster, { preview: true, known })).toEqual([]);
    });

    it.each(cases)("is never taken for absent by an update: %s", async (_, wanted, known) => {
        await expect(check(wanted, {}, { known })).rejects.toThrow("is not known");
    });
});
