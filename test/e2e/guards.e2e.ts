/** The policy pack and the preview guard, on the real engine: running, stopped and unreachable. */
import { cpSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { portsOf } from "../../model/ports";
import { useArchive } from "../support/project";
import { attempt, run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { changesOf, TestStack, withoutGateway } from "../support/stack";

const ROOT = path.join(__dirname, "..", "..");

/** As everyone loads it, and from the archive. */
const PACK_AS_WRITTEN = ["--policy-pack", "policy-as-written"];
const PACK = ["--policy-pack", "policy"];

let stack: TestStack;

const config = (overrides: { gateway?: object; [key: string]: unknown } = {}) => {
    const { gateway, ...rest } = overrides;
    return {
        gateway: { imageArchives: IMAGES, ...gateway },
        sandboxes: { agent: AGENT, other: AGENT },
        ...rest,
    };
};

beforeAll(async () => {
    stack = await TestStack.create("guard");
    for (const name of ["policy", "policy-as-written"]) {
        cpSync(path.join(ROOT, "policy"), path.join(stack.folder, name), { recursive: true });
    }
    useArchive(path.join(stack.folder, "policy", "PulumiPolicy.yaml"), inject("archive"));
    stack.configure(config());
});

afterAll(async () => {
    await stack?.remove();
});

/** A preview as a pipeline makes it, whatever comes of it. @returns what the guard reads */
async function preview(...args: string[]): Promise<string> {
    return (await stack.tryPulumi(["preview", "--json", "--show-sames", ...args])).stdout;
}

/** Runs the guard on a preview, as a pipeline would. @param input @default one that is made now */
async function guard(args: readonly string[] = [], input?: string) {
    return stack.tool("guard/main.ts", args, input ?? (await preview()));
}

/** Changes the program for one preview, and puts it back. */
async function withProgram<T>(
    file: string,
    from: string,
    to: string,
    work: () => Promise<T>,
): Promise<T> {
    const undo = stack.edit(file, from, to);
    try {
        return await work();
    } finally {
        undo();
    }
}

describe("the policy pack", () => {
    it("passes the program before anything is there", async () => {
        expect(await stack.pulumi(["preview", ...PACK_AS_WRITTEN])).toContain("sandbox-gateway");
    });

    it("refuses a violating configuration, and an up creates nothing", async () => {
        stack.configure(config({ gateway: { bindAddress: "0.0.0.0" } }));
        const { status, stdout, stderr } = await stack.tryPulumi(["up", "--yes", ...PACK]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(
            /gateway-k3s must publish port \d+ on 127\.0\.0\.1, not on 0\.0\.0\.0\./,
        );
        expect(await stack.inDocker()).toEqual([]);
    });

    it("passes what is then made", async () => {
        stack.configure(config());
        await stack.up(...PACK);
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
    });
});

describe("the guard lets through", () => {
    it.each<[string, () => Parameters<TestStack["configure"]>[0]]>([
        ["a stop", () => config({ running: false })],
        [
            "a suspension",
            () => config({ sandboxes: { agent: { ...AGENT, running: false }, other: AGENT } }),
        ],
        [
            "another image of a sandbox",
            () =>
                config({
                    sandboxes: { agent: { ...AGENT, image: "busybox:1.37.0" }, other: AGENT },
                }),
        ],
        [
            "another image of the gateway",
            () => config({ gateway: { image: "rancher/k3s:v1.35.3-k3s1" } }),
        ],
        [
            "another sandbox",
            () => config({ sandboxes: { agent: AGENT, other: AGENT, third: AGENT } }),
        ],
        [
            // Of a block this small, Kubernetes picks any.
            "another block of ports, with those that are in use",
            () => config({ gateway: { ports: `${stack.ports.first}-${stack.ports.last + 1}` } }),
        ],
    ])("%s", async (_, changed) => {
        stack.configure(changed());
        const { status, stdout, stderr } = await guard();
        expect(stdout, stderr).toContain("none destroys what holds data");
        expect(stdout).toContain("nothing is opened that is closed");
        expect(status).toBe(0);
    });
});

describe("the guard stops what opens", () => {
    const opened: [string, object, object, string, string][] = [
        [
            "a sandbox to a network",
            { egress: [{ cidr: "0.0.0.0/0" }] },
            {},
            "agent-network",
            "egress to 0.0.0.0/0",
        ],
        ["a sandbox to root", { user: "root" }, {}, "agent-agent", "container agent may be root"],
        [
            "the gateway to other machines",
            {},
            { bindAddress: "0.0.0.0" },
            "gateway",
            "sandboxes are published on 0.0.0.0",
        ],
    ];

    it.each(opened)("%s, unless it is allowed", async (_, agent, gateway, name, words) => {
        stack.configure(
            config({ gateway, sandboxes: { agent: { ...AGENT, ...agent }, other: AGENT } }),
        );
        const previewed = await preview();
        const { status, stdout, stderr } = await guard([], previewed);
        expect(stdout + stderr).toContain(`${name}: `);
        expect(stdout).toContain(words);
        expect(status).toBe(1);
        // An address opens the container and the policy of each sandbox, too.
        const all = ["gateway", "gateway-k3s", "agent-network", "other-network", name];
        const allow = all.flatMap((each) => ["--allow-open", each]);
        const allowed = await guard(allow, previewed);
        expect(allowed.status, allowed.stdout + allowed.stderr).toBe(0);
    });
});

/** Port of a sandbox's page. */
async function portOf(sandbox: string): Promise<number> {
    const urls = await stack.output<Record<string, string>>("urls");
    return Number(new URL(urls[sandbox] as string).port);
}

describe("a preview", () => {
    it("refuses a block without the ports in use, and names a sandbox that would lose its own", async () => {
        const { first, last } = stack.ports;
        const inUse = await portOf("agent");
        const ports = inUse > first + 1 ? `${first}-${inUse - 1}` : `${inUse + 1}-${last}`;
        stack.configure(config({ gateway: { ports } }));
        const { status, stdout, stderr } = await stack.tryPulumi(["preview"]);
        stack.configure(config());
        expect(status).not.toBe(0);
        expect(stdout + stderr).toMatch(
            new RegExp(
                `gateway\\.ports: got ${ports}; must hold \\d+, the port of sandboxes\\.(agent|other), which Kubernetes has picked`,
            ),
        );
    });

    it("refuses a fixed port that another sandbox has", async () => {
        const hostPort = await portOf("agent");
        stack.configure(
            config({ sandboxes: { agent: AGENT, other: AGENT, third: { ...AGENT, hostPort } } }),
        );
        const { status, stdout, stderr } = await stack.tryPulumi(["preview"]);
        stack.configure(config());
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain(
            `sandboxes.third.hostPort: got ${hostPort}; must not be the port of sandboxes.agent, which Kubernetes has picked`,
        );
        // It is not asked for what it has no answer to but that the port is taken.
        expect(stdout + stderr).not.toContain("already allocated");
    });
});

describe("fixed ports", () => {
    const on = (agent: number, other: number) =>
        config({
            sandboxes: {
                agent: { ...AGENT, hostPort: agent },
                other: { ...AGENT, hostPort: other },
            },
        });

    it("change hands in one up, and are not swapped", async () => {
        const [a, b] = [await portOf("agent"), await portOf("other")];
        const c = portsOf(stack.ports).find((port) => port !== a && port !== b) as number;
        // A preview comes first, as for everybody.
        stack.configure(on(b, c));
        await stack.pulumi(["up", "--yes"]);
        expect([await portOf("agent"), await portOf("other")]).toEqual([b, c]);
        expect(await stack.preview()).toEqual([]);
        stack.configure(on(c, b));
        const { status, stdout, stderr } = await stack.tryPulumi(["up", "--yes"]);
        expect(status).not.toBe(0);
        expect(stdout + stderr).toContain(
            `sandboxes.agent.hostPort: got ${c}; must not be in a ring: sandboxes.agent and sandboxes.other ask for each other's ports`,
        );
        expect(stdout + stderr).not.toContain("already allocated");
        stack.configure(on(b, c));
        expect(await stack.preview()).toEqual([]);
        // With the message to the letter.
        const [, free = ""] =
            /first sandboxes\.agent\.hostPort (\d+) and/.exec(stdout + stderr) ?? [];
        for (const first of [Number(free), c]) {
            stack.configure(on(first, b));
            await stack.pulumi(["up", "--yes"]);
        }
        expect(await portOf("agent")).toBe(c);
        stack.configure(config());
        await stack.up();
    });
});

/** Each with the resource that the guard names. */
const LOSSES: [string, string, string, string, string][] = [
    [
        "a renamed volume",
        "components/gateway/dataVolume.ts",
        "name: this.volume,",
        "name: `${this.volume}-2`,",
        "gateway-data",
    ],
    [
        "a changed claim",
        "components/sandbox/claims.ts",
        "claimName(template.name, scope.name)",
        'claimName("files", scope.name)',
        "agent-workspace",
    ],
    [
        "a changed namespace",
        "model/constants.ts",
        'NAMESPACE = "sandboxes"',
        'NAMESPACE = "others"',
        "gateway-namespace",
    ],
    [
        "new authorities",
        "components/gateway/identity.ts",
        "`${name}-client-ca`",
        "`${name}-client-ca-2`",
        "gateway-identity-client-ca",
    ],
];

/** Kubernetes itself refuses this one when it is asked, which the preview does. */
const SELECTOR = [
    "components/sandbox/statefulSet.ts",
    "selector: { matchLabels: { [constants.LABEL_SANDBOX]: name } },",
    "selector: { matchLabels: scope.labels },",
] as const;

/** The one that the data volume's label names. */
const AUTHORITY = [
    "components/gateway/identity.ts",
    "`${name}-server-ca`",
    "`${name}-server-ca-2`",
] as const;

describe("while everything is protected, the guard stops", () => {
    it.each(LOSSES)("%s", async (_, file, from, to) => {
        stack.configure(config());
        const { status } = await withProgram(file, from, to, () => guard());
        expect([1, 2]).toContain(status);
    });

    it("a sandbox that is removed", async () => {
        stack.configure(config({ sandboxes: { agent: AGENT } }));
        expect([1, 2]).toContain((await guard()).status);
    });
});

describe("once protection is lifted, the guard alone stops", () => {
    it("its being lifted, unless it is allowed", async () => {
        stack.configure(config({ protect: false }));
        const previewed = await preview();
        const { status, stdout } = await guard([], previewed);
        expect(stdout).toContain("gateway-data: it is no longer protected");
        expect(status).toBe(1);
        expect((await guard(["--allow-open", "protection"], previewed)).status).toBe(0);
        await stack.up();
    });

    it.each(LOSSES)("%s", async (_, file, from, to, name) => {
        stack.configure(config({ protect: false }));
        const { status, stdout, stderr } = await withProgram(file, from, to, () => guard());
        expect(stdout + stderr).toContain("guard: refused");
        expect(stdout).toContain(name);
        expect(status).toBe(1);
    });

    it("a changed selector: the API refuses it, and a failed preview is not let through", async () => {
        stack.configure(config({ protect: false }));
        const { status, stderr } = await withProgram(...SELECTOR, () => guard());
        // Whichever of the two was first.
        expect(stderr).toMatch(/(agent|other)-agent/);
        expect(stderr).toContain("nothing is let through");
        expect(status).toBe(2);
    });

    it("another server authority: the program refuses the volume, and a failed preview is not let through", async () => {
        stack.configure(config({ protect: false }));
        const { status, stdout, stderr } = await withProgram(...AUTHORITY, () => guard());
        expect(stdout + stderr).toContain("belongs to another gateway");
        expect(stderr).toContain("nothing is let through");
        expect(status).toBe(2);
    });

    it("a sandbox that is removed, unless it is named", async () => {
        stack.configure(config({ protect: false, sandboxes: { agent: AGENT } }));
        const previewed = await preview();
        const refused = await guard(["--json"], previewed);
        expect(refused.status).toBe(1);
        const { refused: list } = JSON.parse(refused.stdout) as { refused: { name: string }[] };
        expect(list.map(({ name }) => name).sort()).toEqual([
            "other-agent",
            "other-claims",
            "other-token",
            "other-workspace",
            "other-workspace-size",
        ]);
        const allow = list.flatMap(({ name }) => ["--allow", name]);
        expect((await guard(allow, previewed)).status).toBe(0);
    });
});

/** Of an earlier version: renewed every year, and otherwise the same. */
const YEARLY = [
    "components/gateway/pki.ts",
    "return generation === 1 ? quarter : `${quarter}/${generation}`;",
    "return String(now.getUTCFullYear() + (generation - 1) * Number(!quarter));",
] as const;

describe("the renewal of the administrator's certificate", () => {
    const RENEWED = [
        "replace pulumi:index:Stash gateway-identity-admin",
        "replace pulumi:index:Stash gateway-identity-person-admin",
        "update pulumi:providers:kubernetes gateway-kubernetes",
    ];
    /** Known to the gateway from its next start on: until then the one of before is. */
    const REVOKED = [
        "replace docker:index/container:Container gateway-k3s",
        ...RENEWED,
        "update kubernetes:apps/v1:StatefulSet agent-agent",
        "update kubernetes:apps/v1:StatefulSet other-agent",
    ].sort();

    /** What the API answers whoever comes with a kubeconfig. */
    const ask = (kubeconfig: string, ...args: string[]) =>
        attempt(
            "docker",
            [
                ...["exec", "-i", stack.container, "sh", "-c"],
                // With its own address in place of the one on this machine.
                'cat >/tmp/asks && k3s kubectl --kubeconfig /tmp/asks --server https://127.0.0.1:6443 "$@"',
                ...["asks", ...args],
            ],
            { input: kubeconfig },
        );

    it.each<[string, () => unknown, readonly string[]]>([
        [
            "of a stack whose certificate is of a year",
            () => withProgram(...YEARLY, () => stack.up()),
            RENEWED,
        ],
        [
            "by its generation",
            () =>
                stack.configure(config({ protect: false, gateway: { credentialsGeneration: 2 } })),
            REVOKED,
        ],
    ])(
        "%s is let through, changes it, and nothing that holds data",
        async (_, before, expected) => {
            stack.configure(config({ protect: false }));
            await before();
            const old = await stack.output<string>("kubeconfig");
            const previewed = await preview();
            expect((await guard([], previewed)).status).toBe(0);
            expect(withoutGateway(changesOf(previewed))).toEqual(expected);
            await stack.up();
            expect(await stack.output<string>("kubeconfig")).not.toBe(old);
            await stack.up("--expect-no-changes", "--refresh");
            // What was given away once: a new generation takes every right from it, a new quarter none.
            const { stdout, stderr } = await ask(old, "get", "secrets", "--all-namespaces");
            if (expected === REVOKED) {
                expect(stdout).toBe("");
                expect(stderr).toContain('User "system:admin" cannot list resource "secrets"');
            } else {
                expect(stdout).toContain("openshell-ssh-handshake");
            }
            expect((await ask(await stack.output("kubeconfig"), "get", "nodes")).status).toBe(0);
        },
    );
});

describe("stopped and unreachable", () => {
    /** What docs/ci.md has a pipeline do: one preview, which the pack has to pass, and the guard on it. */
    const pipeline = async () => {
        const previewed = await stack.pulumi(["preview", "--json", "--show-sames", ...PACK]);
        return (await guard([], previewed)).status;
    };

    it("the pack and the guard work while the gateway is stopped", async () => {
        stack.configure(config({ running: false }));
        await stack.up(...PACK);
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
        expect(await pipeline()).toBe(0);
        stack.configure(config());
        expect(await pipeline()).toBe(0);
    });

    it("and while it should run but does not answer", async () => {
        await stack.up();
        await run("docker", ["kill", stack.container]);
        expect(await pipeline()).toBe(0);
    });
});
