/** Status read through a stand-in for the program that is asked: `kubectl`, or `docker`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shortages } from "../../cli/status/disk";
import { readStatus, render, type Status } from "../../cli/status/status";
import { ownWords } from "../../cli/status/gatewayLook";
import { clusterTarget, gatewayTarget, targetOf } from "../../cli/status/target";
import { parsePlace } from "../../settings/parse";

const PATH = process.env["PATH"];
const OUTPUTS = { sandboxes: ["agent"], urls: { agent: "http://h:1/" } };

let folder: string;

beforeEach(() => {
    // Of the answers below: a gateway that has run for long says so.
    vi.useFakeTimers({ now: new Date("2026-01-03T00:00:00Z"), toFake: ["Date"] });
    folder = mkdtempSync(path.join(os.tmpdir(), "status-"));
    delete process.env["KUBECONFIG"];
});

afterEach(() => {
    vi.useRealTimers();
    process.env["PATH"] = PATH;
    rmSync(folder, { recursive: true, force: true });
});

const CRASHED = {
    status: {
        containerStatuses: [
            {
                ...{ name: "agent", ready: false, restartCount: 3 },
                state: { waiting: { reason: "CrashLoopBackOff" } },
                lastState: { terminated: { exitCode: 3, finishedAt: "T" } },
            },
        ],
    },
};

/** A program that answers by what its arguments hold, first match first; it notes all arguments. */
function standIn(name: string, answers: readonly [pattern: string, answer: string][]): void {
    const cases = answers.map(([pattern, answer]) => `*"${pattern}"*) ${answer} ;;`);
    const script = `#!/bin/sh
echo "$*" >>${folder}/asked
case "$*" in
${cases.join("\n")}
*) echo "not expected: $*" >&2; exit 1 ;;
esac
`;
    writeFileSync(path.join(folder, name), script, { mode: 0o755 });
    process.env["PATH"] = `${folder}:${PATH}`;
}

const says = (value: unknown) => `echo '${JSON.stringify(value)}'`;
const fails = (text: string) => `echo '${text}' >&2; exit 1`;

/** The StatefulSet of one agent. */
const sets = (replicas: number) => ({
    items: [{ metadata: { name: "agent" }, spec: { replicas } }],
});

/** What a cluster with one crashed agent answers. */
const CLUSTER_ANSWERS: [string, string][] = [
    ["--raw /version", "echo '{}'"],
    ["get statefulsets -l app.kubernetes.io/managed-by=sandbox-gateway ", says(sets(1))],
    ["get pod agent-0 ", says(CRASHED)],
    ["logs agent-0 -c agent --tail=5 --previous", "printf 'hello\\n\\033[31mcannot work\\n'"],
];

const cluster = (kubeconfig = "~/.kube/config") =>
    clusterTarget({ kubeconfig, context: "production", host: "h" }, "agents", folder);

const asked = () => readFileSync(path.join(folder, "asked"), "utf8");

describe("the status of a sandbox that crashes", () => {
    const row = {
        ...{ sandbox: "agent", url: "http://h:1/", state: "not running" },
        detail: "CrashLoopBackOff, ended with status 3 at T",
        log: ["hello", "cannot work"],
    };

    it("has its last lines and a command to type, in a cluster", async () => {
        standIn("kubectl", CLUSTER_ANSWERS);
        expect(await readStatus(cluster(), OUTPUTS)).toEqual({
            cluster: { context: "production", host: "h", namespace: "agents", state: "running" },
            sandboxes: [
                {
                    ...row,
                    next: "kubectl --context production -n agents logs agent-0 -c agent --previous",
                },
            ],
            kept: [],
        });
        const file = path.join(os.homedir(), ".kube", "config");
        expect(asked()).toContain(`--kubeconfig ${file} --context production `);
        expect(asked()).toContain(" -n agents get pod agent-0 ");
    });

    it("has its last lines and a command to type, in a gateway on another machine", async () => {
        standIn("docker", [
            // Docker's pattern matches these, too.
            ["ps --all", "printf 'box-2\\texited\\nabox\\tpaused\\nbox\\trunning\\n'"],
            ["inspect --format {{.State.StartedAt}} box", "echo 2026-01-02T00:00:00.5Z"],
            ["get persistentvolumes", says({ items: [] })],
            ...CLUSTER_ANSWERS,
        ]);
        const gateway = gatewayTarget("box", "node", "ssh://user@server");
        expect(await readStatus(gateway, OUTPUTS)).toEqual({
            gateway: {
                ...{ container: "box", node: "node", state: "running" },
                since: "2026-01-02T00:00:00.5Z",
            },
            sandboxes: [
                {
                    ...row,
                    next: "docker --host ssh://user@server exec box k3s kubectl -n sandboxes logs agent-0 -c agent --previous",
                },
            ],
            kept: [],
        });
    });

    it("is told without a URL, when the up that made it has failed", async () => {
        standIn("kubectl", CLUSTER_ANSWERS);
        const { sandboxes } = await readStatus(cluster(), {});
        expect(sandboxes).toMatchObject([{ sandbox: "agent", url: null, state: "not running" }]);
    });

    it("is not looked for in a cluster in which this stack has nothing yet", async () => {
        standIn("kubectl", CLUSTER_ANSWERS);
        const place = { kubeconfig: "k", context: "production", host: "h" };
        const { sandboxes, cluster: found } = await readStatus(
            clusterTarget(place, undefined, folder),
            {},
        );
        expect(sandboxes).toEqual([]);
        expect(found).toEqual({ context: "production", host: "h", state: "running" });
        expect(asked()).not.toContain("statefulsets");
    });

    it("stands without a log that cannot be read", async () => {
        standIn("kubectl", CLUSTER_ANSWERS.slice(0, 3));
        const { sandboxes } = await readStatus(cluster(), OUTPUTS);
        expect(sandboxes[0]?.detail).toBe(row.detail);
        expect(sandboxes[0]?.log).toBeUndefined();
    });

    it("stands in the table with the lines below its row", () => {
        const status: Status = {
            gateway: { container: "box", node: "n", state: "running" },
            sandboxes: [
                { ...row, next: "look" },
                { ...{ sandbox: "b", url: null, state: "running" } },
            ],
            kept: [],
        };
        expect(render("gateway box, node n", status).split("\n")).toEqual([
            "gateway box, node n: running",
            "SANDBOX  STATE        URL          DETAIL",
            "agent    not running  http://h:1/  CrashLoopBackOff, ended with status 3 at T; next: look",
            "    hello",
            "    cannot work",
            "b        running      no port",
        ]);
    });
});

it("names a volume that is kept by its claim", () => {
    const status: Status = {
        gateway: { container: "box", node: "n", state: "running" },
        sandboxes: [],
        kept: [{ claim: "data-my-team-0", path: "/s/data" }],
    };
    expect(render("gateway box, node n", status)).toContain(
        "\nkept: /s/data, of claim data-my-team-0, whose sandbox was removed;",
    );
});

describe("a sandbox", () => {
    it("that the gateway has ended says why, until somebody changes it", async () => {
        const why = "the disk was nearly full";
        const row = async (generation: number) => {
            const annotations = { "sandbox-gateway.dev/ended": `4 ${why}` };
            const metadata = { name: "agent", generation, annotations };
            standIn("kubectl", [
                ["--raw /version", "true"],
                ["get statefulset", says({ items: [{ metadata, spec: { replicas: 0 } }] })],
            ]);
            return (await readStatus(cluster(), OUTPUTS)).sandboxes[0];
        };
        expect(await row(4)).toEqual({
            ...{ sandbox: "agent", url: "http://h:1/", state: "not running" },
            detail: `ended by the gateway: ${why}`,
            next: 'make room (docs/operations.md, "A full disk"), then make heal',
        });
        expect((await row(5))?.state).toBe("suspended");
    });

    it("that is scaled to zero is suspended", async () => {
        standIn("kubectl", [
            ["--raw /version", "true"],
            ["get statefulset", says(sets(0))],
        ]);
        const { sandboxes } = await readStatus(cluster(), OUTPUTS);
        expect(sandboxes[0]?.state).toBe("suspended");
    });

    it("whose StatefulSet is gone is not running, and healed by a refresh", async () => {
        standIn("kubectl", [
            ["--raw /version", "true"],
            ["get statefulset", says({ items: [] })],
        ]);
        const { sandboxes } = await readStatus(cluster(), OUTPUTS);
        expect(sandboxes[0]).toMatchObject({ state: "not running", next: "make heal" });
    });

    it("that cannot be asked about is unknown", async () => {
        standIn("kubectl", [
            ["--raw /version", "true"],
            ["get statefulset", fails("Error: forbidden")],
        ]);
        const { sandboxes } = await readStatus(cluster(), OUTPUTS);
        expect(sandboxes[0]).toMatchObject({ state: "unknown", detail: "Error: forbidden" });
    });
});

describe("a place that does not answer is unknown, with its sandboxes:", () => {
    it("a cluster without kubectl on PATH, which says what to install", async () => {
        process.env["PATH"] = folder;
        const unknown = {
            state: "unknown",
            detail: "the cluster is asked through kubectl, which is not on PATH",
            next: "install kubectl (https://kubernetes.io/docs/tasks/tools/)",
        };
        expect(await readStatus(cluster(), OUTPUTS)).toEqual({
            cluster: { context: "production", host: "h", namespace: "agents", ...unknown },
            sandboxes: [{ sandbox: "agent", url: "http://h:1/", ...unknown }],
            kept: [],
        });
    });

    it("a cluster that is away", async () => {
        standIn("kubectl", [["--raw /version", fails("E1\nUnable to connect to the server")]]);
        const { cluster: place, sandboxes } = await readStatus(cluster(), OUTPUTS);
        const unknown = { state: "unknown", detail: "Unable to connect to the server" };
        expect(place).toMatchObject(unknown);
        expect(sandboxes).toMatchObject([unknown]);
    });

    it("a gateway whose daemon is away", async () => {
        standIn("docker", [["ps", fails("Cannot connect to the Docker daemon")]]);
        const { sandboxes } = await readStatus(gatewayTarget("box", "node"), OUTPUTS);
        expect(sandboxes).toMatchObject([
            { state: "unknown", detail: "Cannot connect to the Docker daemon" },
        ]);
    });

    it.each([
        ["restarting", "docker logs --tail 20 box"],
        ["paused", "docker unpause box"],
    ])("a gateway whose container is %s", async (state, next) => {
        standIn("docker", [["ps", `printf 'box\\t${state}\\n'`]]);
        const { gateway } = await readStatus(gatewayTarget("box", "node"), OUTPUTS);
        const detail = `the gateway's container is ${state}`;
        expect(gateway).toMatchObject({ state: "unknown", detail, next });
    });
});

it.each(["", "exited", "created"])("a gateway whose container is %j is stopped", async (state) => {
    standIn("docker", [
        ["ps", state === "" ? "true" : `printf 'box\\t${state}\\n'`],
        ["volume ls", state === "" ? "echo other; echo box" : fails("not asked for")],
    ]);
    const { gateway, sandboxes } = await readStatus(gatewayTarget("box", "node"), OUTPUTS);
    expect(gateway?.["state"]).toBe("stopped");
    expect(sandboxes).toMatchObject([{ state: "stopped" }]);
});

it("a gateway without a container and a data volume is unknown: it is on another daemon", async () => {
    standIn("docker", [
        ["ps", "echo"],
        ["volume ls", "echo box-2; echo other"],
    ]);
    const { gateway, sandboxes } = await readStatus(gatewayTarget("box", "node"), OUTPUTS);
    const detail = expect.stringContaining(
        "Docker has neither the gateway's container nor its data volume box",
    ) as string;
    expect(gateway).toMatchObject({ state: "unknown", detail, next: "docker context ls" });
    expect(sandboxes).toMatchObject([{ state: "unknown", detail }]);
});

describe("what is called like the gateway is not taken for it", () => {
    const OURS = "a".repeat(64);
    const theirs = (...labels: string[]) => ["box", ...labels, "b".repeat(64)].join("\\t");
    const look = async (owner: string) =>
        (await readStatus(gatewayTarget("box", "node", undefined, owner), OUTPUTS)).gateway;

    it.each<[string, string, string]>([
        ["container", theirs("running"), ""],
        ["volume", "", theirs()],
    ])("where Docker's %s has another's label", async (kind, containers, volumes) => {
        standIn("docker", [
            ["ps", `printf '${containers}\n'`],
            ["volume ls", `printf '${volumes}\n'`],
        ]);
        expect(await look(OURS)).toMatchObject({
            state: "unknown",
            detail: `Docker's ${kind} box is another gateway's: this one is on another daemon`,
            next: "docker context ls",
        });
        // Nor is it asked for anything else.
        expect(asked()).not.toContain("exec");
    });

    it.each([OURS, ""])("and is where its label is %j", async (label) => {
        standIn("docker", [
            ["ps", "true"],
            ["volume ls", `printf 'box-2\tx\nbox\t${label}\n'`],
        ]);
        expect(await look(OURS)).toMatchObject({ state: "stopped" });
    });
});

it("lists a sandbox without a page, also while its gateway is stopped", async () => {
    standIn("docker", [["ps", "printf 'box\\texited\\n'"]]);
    const { sandboxes } = await readStatus(gatewayTarget("box", "node"), { sandboxes: ["tool"] });
    expect(sandboxes).toEqual([{ sandbox: "tool", url: null, state: "stopped" }]);
});

describe("what a gateway says of itself", () => {
    const NOW = Date.parse("2026-11-01T00:00:00Z");
    const yesterday = "2026-10-31T00:00:00Z";
    const NOTHING = { health: "", warnings: "", certificates: "" };

    it("is read from its container, and shown above the sandboxes", async () => {
        standIn("docker", [
            ["ps", "printf 'box\\trunning\\n'"],
            ["inspect", `echo ${new Date().toISOString()}`],
            ["exec box cat /run/sandbox-gateway/health", "echo ok"],
            ["exec box cat /run/sandbox-gateway/warnings", "printf 'no ipset\\nno ipset\\n'"],
            ["exec box cat /run/sandbox-gateway/certificates", "echo 2027-03-04"],
            ["exec box sh -c df ", "exit 1"],
            ["get statefulsets", says({ items: [] })],
            ["get persistentvolumes", says({ items: [] })],
        ]);
        const status = await readStatus(gatewayTarget("box", "node"), {});
        expect(render("gateway box", status).split("\n").slice(0, 4)).toEqual([
            "gateway box: running",
            "policies: enforced",
            "certificates: until 2027-03-04, renewed before",
            "warning: no ipset",
        ]);
    });

    it("is nothing where its entrypoint says nothing", () => {
        expect(ownWords(NOTHING, yesterday, "box", NOW)).toEqual({});
    });

    it("is what keeps it from being healthy", () => {
        const health = "network policies are not enforced\n";
        const { policies } = ownWords({ ...NOTHING, health }, yesterday, "box", NOW);
        expect(policies).toBe("network policies are not enforced");
    });

    it.each([
        [300, undefined],
        [
            301,
            [
                "it has run for 301 days: k3s's certificates end after 365, and are renewed by a restart: docker restart box",
            ],
        ],
    ])("is its age, after %i days without a restart", (days, warnings) => {
        const since = new Date(NOW - days * 86_400_000).toISOString();
        const old = { ...NOTHING, health: "ok\n" };
        expect(ownWords(old, since, "box", NOW).warnings).toEqual(warnings);
        // One that renews them by itself need not be restarted.
        const certificates = "2027-03-04\n";
        expect(ownWords({ ...old, certificates }, since, "box", NOW).warnings).toBeUndefined();
    });

    it("names the workspace that fills its disk", async () => {
        const df = (total: number, free: number) =>
            `Filesystem 1 2 3 4 5\n/dev/vda ${total} ${total - free} ${free} 98% /var/lib/rancher/k3s\n`;
        writeFileSync(path.join(folder, "df"), df(104857600, 2097152) + df(1000, 900));
        standIn("docker", [
            ["ps", "printf 'box\\trunning\\n'"],
            ["inspect", `echo ${new Date().toISOString()}`],
            ["exec box sh -c df ", `cat ${folder}/df`],
            [
                "exec box sh -c cd /var/lib/rancher/k3s/storage && timeout 20 du -sk */*",
                "printf '1048576\\tsandboxes/workspace-a-0\\n94371840\\tsandboxes/workspace-b-0\\n'",
            ],
            ["get statefulsets", says({ items: [] })],
            ["get persistentvolumes", says({ items: [] })],
        ]);
        const { gateway } = await readStatus(gatewayTarget("box", "node"), {});
        expect(gateway?.warnings).toEqual([
            'the disk of the data volume is nearly full: 2.0 GiB of 100.0 GiB left; largest workspaces: workspace-b-0 90.0 GiB, workspace-a-0 1.0 GiB; how to make room: docs/operations.md, "A full disk"',
        ]);
    });

    it.each([
        ["room for all", [1000, 60], [1000, 60], []],
        ["no room", [1000, 40], [1000, 60], ["bytes"]],
        ["no room for files", [1000, 60], [1000, 40], ["files"]],
        ["no count of files, as btrfs has none", [1000, 60], [0, 0], []],
    ] as const)(
        "is short of what it has less than a twentieth of: %s",
        (_, bytes, files, kinds) => {
            const rows = [bytes, files].map(
                ([total, free]) =>
                    `Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay ${total} ${total - free} ${free} 9% /var/lib/rancher/k3s\n`,
            );
            expect(shortages(rows.join("")).map(({ kind }) => kind)).toEqual(kinds);
        },
    );
});

describe("the shell of a sandbox", () => {
    it("is opened through Docker in a gateway", () => {
        expect(gatewayTarget("box", "node").shell("a")).toBe(
            "docker exec -it box k3s kubectl -n sandboxes exec -it a-0 -- sh",
        );
    });

    it("is opened by kubectl in a cluster", () => {
        expect(cluster().shell("a")).toBe(
            "kubectl --context production -n agents exec -it a-0 -- sh",
        );
    });

    it("names the kubeconfig that kubectl would not find by itself", () => {
        expect(cluster("keys/config").shell("a")).toBe(
            `kubectl --kubeconfig ${folder}/keys/config --context production -n agents exec -it a-0 -- sh`,
        );
        process.env["KUBECONFIG"] = path.join(folder, "keys", "config");
        expect(cluster("keys/config").shell("a")).not.toContain("--kubeconfig");
        expect(cluster().shell("a")).toContain("--kubeconfig");
    });
});

describe("targetOf", () => {
    const existingCluster = { kubeconfig: "k", context: "c", storageClass: "s", host: "h" };
    const place = (raw: object) => parsePlace(raw).settings!;

    it.each<[string, object, object, string]>([
        ["a gateway", { container: "box", node: "n", urls: {} }, {}, "gateway box, node n"],
        ["a cluster", { urls: {} }, { existingCluster }, "cluster c (host h)"],
        ["a cluster, before anything is there", {}, { existingCluster }, "cluster c (host h)"],
        [
            "the gateway that the settings name, after a first up that failed",
            {},
            { gateway: { name: "Mine" } },
            "gateway openshell-cluster-Mine, node openshell-mine",
        ],
        [
            "the gateway that is there, while the file asks for a cluster already",
            { container: "box", node: "n", urls: {} },
            { existingCluster },
            "gateway box, node n",
        ],
    ])("is %s", (_, outputs, raw, title) => {
        expect(targetOf({ place: place(raw), root: "/" }, outputs).title).toBe(title);
    });
});
