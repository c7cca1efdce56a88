/** Ports are true: who has one keeps it, and what a preview can know it says. */
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import type { listObjects } from "../../components/cluster/api";
import { LABEL_SANDBOX } from "../../model/constants";
import { FixedPorts } from "../../components/cluster/fixedPorts";
import { askHolders } from "../../components/cluster/portHolders";
import { refusalOfPicked } from "../../components/sandbox/service";
import { keysOf } from "../../settings/keys";
import { parseSettings } from "../../settings/parse";
import { run } from "../support/program";
import { messageOf } from "../support/settings";

const BLOCK = { first: 18789, last: 18808 };
const OPEN = { application: "openclaw" };
const KEYS = keysOf("gateway");
const GATEWAY = { name: "Test", subnet: "10.213.77.0/24" };

describe("a port that Kubernetes has picked", () => {
    it("may stay where nobody else wants it, and everybody reaches it", () => {
        expect(refusalOfPicked("a", 18808, undefined, BLOCK, KEYS)).toBeUndefined();
        expect(refusalOfPicked("a", 31000, undefined, undefined, KEYS)).toBeUndefined();
    });

    it("names the sandbox that loses it when the block moves", () => {
        expect(refusalOfPicked("a", 18809, undefined, BLOCK, KEYS)).toBe(
            "gateway.ports: got 18789-18808; must hold 18809, the port of sandboxes.a, which Kubernetes has picked and keeps: nobody would reach it; for example a block with 18809 in it, or a sandboxes.a.hostPort in 18789-18808",
        );
    });

    it("names the sandbox that has it already", () => {
        expect(refusalOfPicked("a", 18800, "b", BLOCK, KEYS)).toBe(
            "sandboxes.b.hostPort: got 18800; must not be the port of sandboxes.a, which Kubernetes has picked and keeps; choose another one, or first give sandboxes.a.hostPort another value",
        );
    });
});

describe("the program", () => {
    const SERVICE = "kubernetes:core/v1:Service";

    const config = {
        gateway: GATEWAY,
        sandboxes: {
            a: OPEN,
            b: { ...OPEN, hostPort: 18790 },
            c: OPEN,
            d: { ...OPEN, hostPort: 18791 },
        },
    };

    it.each([
        ["asks for fixed ports before it lets Kubernetes pick", false, ["b", "d"]],
        ["asks in a preview for those that Kubernetes has picked first", true, ["a", "c"]],
    ])("%s, whatever the order of names", async (_, preview, expected) => {
        const { recorded } = await run(config, preview);
        const names = recorded.filter(({ type }) => type === SERVICE).map(({ name }) => name);
        expect(names.slice(0, 2).sort()).toEqual(expected);
        expect(names.sort()).toEqual(["a", "b", "c", "d"]);
    });

    it("declares the same dependencies in a preview, whose plan an up is held to", async () => {
        const services = async (preview: boolean) =>
            (await run(config, preview)).recorded
                .filter(({ type }) => type === SERVICE)
                .map(({ name, dependsOn }) => [name, dependsOn] as const)
                .sort();
        expect(await services(true)).toEqual(await services(false));
    });
});

describe("the turn of a Service", () => {
    const NOBODY = () => Promise.resolve(undefined);

    /** Whether it has come, of one that asks for the port, beside another that never gets there. */
    const comes = async (other: number | undefined, port: number | undefined, preview: boolean) => {
        const ports = new FixedPorts(NOBODY, KEYS);
        const turn = ports.turn("one", port, preview).then(() => true);
        // Noted later: the order of names is no order.
        ports.note("other", other, new Promise(() => undefined));
        const immediate = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
        return Promise.race([turn, immediate]);
    };

    it.each([
        { other: 18790, port: undefined, up: false, preview: true },
        { other: undefined, port: 18790, up: true, preview: false },
        { other: 18790, port: 18791, up: true, preview: true },
        { other: undefined, port: undefined, up: true, preview: true },
    ])("beside one on port $other, of one on $port", async ({ other, port, up, preview }) => {
        expect(await comes(other, port, false)).toBe(up);
        expect(await comes(other, port, true)).toBe(preview);
    });
});

/** Sandboxes on the ports of `before`, which ask for those of `after`; `picked` ones have no say. */
async function move(
    before: Readonly<Record<string, number>>,
    after: Readonly<Record<string, number | undefined>>,
    preview: boolean,
) {
    const holders = new Map(Object.entries(before).map(([name, port]) => [port, name]));
    let asked = 0;
    const ports = new FixedPorts(
        () => {
            asked++;
            return Promise.resolve(holders);
        },
        KEYS,
        BLOCK,
    );
    const order: string[] = [];
    for (const [name, port] of Object.entries(after)) {
        const turn = ports.turn(name, port, preview);
        const checked = turn.then(({ refusal, isTaken }) => {
            const seen = isTaken ? `${name} is not known` : name;
            order.push(refusal === undefined ? seen : `${KEYS("hostPort", name)}: ${refusal}`);
            return refusal === undefined ? undefined : new Promise(() => undefined);
        });
        ports.note(name, port, checked);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { order, asked };
}

describe("fixed ports that change hands", () => {
    it("are given in the order in which they come free", async () => {
        const before = { a: 18790, b: 18791, c: 18792 };
        const after = { a: 18791, b: 18792, c: 18793 };
        expect((await move(before, after, false)).order).toEqual(["c", "b", "a"]);
        // Kubernetes would refuse a preview a port that another gives up in the same run.
        const { order } = await move(before, after, true);
        expect(order.sort()).toEqual(["a is not known", "b is not known", "c"]);
    });

    it("go to one that is new, or was picked before", async () => {
        const { order } = await move(
            { b: 18791, c: 18792 },
            { a: 18791, b: 18793, c: 18794 },
            false,
        );
        expect(order.indexOf("a")).toBeGreaterThan(order.indexOf("b"));
    });

    it.each([true, false])(
        "are not swapped, and that is said once: preview %s",
        async (preview) => {
            const swap = { a: 18791, b: 18790, c: 18793 };
            const { order } = await move({ a: 18790, b: 18791, c: 18792 }, swap, preview);
            expect(order.sort()).toEqual([
                "c",
                "sandboxes.a.hostPort: got 18791; must not be in a ring: sandboxes.a and sandboxes.b ask for each other's ports, and Kubernetes gives none away while another has it; in two steps: first sandboxes.a.hostPort 18789 and `pulumi up`, then 18791 and `pulumi up` again",
            ]);
        },
    );

    it("are not given to one that waits for a ring, which alone is spoken of", async () => {
        const before = { a: 18790, b: 18791, c: 18792 };
        const { order } = await move(before, { a: 18792, b: 18793, c: 18790, d: 18791 }, true);
        expect(order.filter((each) => each.includes("sandboxes.a and sandboxes.c"))).toHaveLength(
            1,
        );
        expect(order.filter((each) => !each.includes("ring")).sort()).toEqual([
            "b",
            "d is not known",
        ]);
    });

    it("are in a ring of three as well", async () => {
        const before = { a: 18790, b: 18791, c: 18792 };
        const { order } = await move(before, { a: 18791, b: 18792, c: 18790 }, true);
        expect(order).toHaveLength(1);
        expect(order[0]).toContain("sandboxes.a and sandboxes.b and sandboxes.c ask for");
    });

    it("are not had from one that goes at the end of the run", async () => {
        const { order } = await move({ gone: 18790, b: 18791 }, { a: 18790, b: 18791 }, true);
        expect(order.sort()).toEqual([
            "b",
            "sandboxes.a.hostPort: got 18790; must not be the port of gone, which is published no more and has it until the end of this run; in two steps: `pulumi up` without this key, then with it",
        ]);
    });

    it("of one that Kubernetes has picked are for the one that has it to speak of", async () => {
        const { order } = await move(
            { a: 18790, p: 18791 },
            { a: 18791, b: 18792, p: undefined },
            true,
        );
        expect(order).not.toContainEqual(expect.stringContaining("must"));
    });

    it("are not asked for where there is one alone", async () => {
        expect((await move({ a: 18790 }, { a: 18791, p: undefined }, true)).asked).toBe(0);
        expect((await move({ a: 18790 }, { a: 18791, b: 18792 }, true)).asked).toBe(1);
    });

    it("are for Kubernetes to judge where the cluster cannot be asked", async () => {
        const ports = new FixedPorts(() => Promise.resolve(undefined), KEYS);
        ports.note("a", 18791, Promise.resolve());
        ports.note("b", 18790, Promise.resolve());
        expect(await ports.turn("a", 18791, true)).toEqual({ isTaken: false });
    });
});

describe("the holders of ports", () => {
    const service = (sandbox: string | undefined, ...ports: (number | undefined)[]) => ({
        metadata: sandbox === undefined ? {} : { labels: { [LABEL_SANDBOX]: sandbox } },
        spec: { ports: ports.map((nodePort) => (nodePort === undefined ? {} : { nodePort })) },
    });
    const list = (...services: object[]) =>
        vi.fn(() => Promise.resolve(services)) as unknown as typeof listObjects;

    it("are the sandboxes whose Services have them", async () => {
        const found = list(service("a", 18790), service(undefined, 31000), service("b", undefined));
        const holders = await askHolders("k", "c", pulumi.output("agents"), found);
        expect(holders).toEqual(new Map([[18790, "a"]]));
        const kind = { apiVersion: "v1", kind: "Service", namespace: "agents" };
        expect(found).toHaveBeenCalledExactlyOnceWith({ kubeconfig: "k", context: "c" }, kind);
    });

    it("are not known before the namespace is, nor where nobody answers", async () => {
        const unknown = pulumi.output(pulumi.unknown as unknown as string);
        expect(await askHolders("k", "c", unknown, list(service("a", 1)))).toBeUndefined();
        const dead = () => Promise.reject(new Error("refused"));
        expect(await askHolders("k", "c", pulumi.output("agents"), dead)).toBeUndefined();
    });
});

const many = (count: number, value: object) => ({
    sandboxes: Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`s${i}`, { image: "x:1", ...value }]),
    ),
});

describe("what is too much is told with what would do", () => {
    it.each<[string, object, string]>([
        [
            "a port given twice",
            {
                sandboxes: {
                    a: { ...OPEN, hostPort: 18789 },
                    b: { ...OPEN, hostPort: 18790 },
                    c: { ...OPEN, hostPort: 18789 },
                },
            },
            "sandboxes.c.hostPort: got 18789; must differ from that of sandboxes.a; for example 18791",
        ],
        [
            "the last port given twice",
            { sandboxes: { a: { ...OPEN, hostPort: 18808 }, b: { ...OPEN, hostPort: 18808 } } },
            "sandboxes.b.hostPort: got 18808; must differ from that of sandboxes.a; for example 18789",
        ],
        [
            "more sandboxes than ports at the end of all ports",
            { gateway: { ports: "65535-65535" }, sandboxes: { a: OPEN, b: OPEN } },
            'gateway.ports: got "65535-65535"; must hold a port for each of the 2 sandboxes with an application; for example "65534-65535"',
        ],
        [
            "more sandboxes than pods",
            many(108, {}),
            'sandboxes: got 108; must be at most 107 that run: a Kubernetes node has 110 pods, 3 of its own; more of them can be suspended; for example gateway.k3s: {"kubelet-arg": ["max-pods=111"]}',
        ],
        [
            "more sandboxes than addresses",
            {
                ...many(251, {}),
                gateway: { k3s: { "kubelet-arg": ["max-pods=50", "max-pods=400"] } },
            },
            "sandboxes: got 251; must be at most 250 that run: a Kubernetes node has 253 pods, 3 of its own; more of them can be suspended; for example another gateway for some of them",
        ],
    ])("%s", (_, raw, message) => {
        expect(messageOf(raw)).toEqual([message]);
    });

    it.each<[string, object]>([
        ["as many as there is room for", many(107, {})],
        ["more that are suspended", many(150, { running: false })],
        [
            "more, where the kubelet may have more",
            { ...many(150, {}), gateway: { k3s: { "kubelet-arg": "max-pods=200" } } },
        ],
        [
            "more in a cluster that is there",
            {
                ...many(150, {}),
                existingCluster: { kubeconfig: "k", context: "c", storageClass: "s", host: "h" },
            },
        ],
    ])("but not %s", (_, raw) => {
        expect(parseSettings(raw).problems).toEqual([]);
    });
});
