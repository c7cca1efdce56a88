/** Ports are true: who has one keeps it, and what a preview can know it says. */
import { describe, expect, it } from "vitest";
import { FixedPorts } from "../../components/fixedPorts";
import { checkPicked } from "../../components/service";
import { parseSettings } from "../../settings/parse";
import { run } from "../support/program";
import { messageOf } from "../support/settings";

const BLOCK = { first: 18789, last: 18808 };
const OPEN = { application: "openclaw" };
const GATEWAY = { name: "Test", subnet: "10.213.77.0/24" };

describe("a port that Kubernetes has picked", () => {
    it("may stay where nobody else wants it, and everybody reaches it", () => {
        expect(() => checkPicked("a", 18808, undefined, BLOCK)).not.toThrow();
        expect(() => checkPicked("a", 31000, undefined, undefined)).not.toThrow();
    });

    it("names the sandbox that loses it when the block moves", () => {
        expect(() => checkPicked("a", 18809, undefined, BLOCK)).toThrow(
            "gateway.ports: got 18789-18808; must hold 18809, the port of sandboxes.a, which Kubernetes has picked and keeps: nobody would reach it; for example a block with 18809 in it, or a sandboxes.a.hostPort in 18789-18808",
        );
    });

    it("names the sandbox that has it already", () => {
        expect(() => checkPicked("a", 18800, "b", BLOCK)).toThrow(
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
    /** Whether it has come, of one that asks for the port, beside another that never gets there. */
    const comes = async (other: number | undefined, port: number | undefined, preview: boolean) => {
        const ports = new FixedPorts();
        const turn = ports.turn(port, preview).then(() => true);
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
