import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explainGateway, tellingLines, troubleOf } from "../../cli/status/gatewayLog";
import { parsePlace } from "../../settings/parse";
import { Progress } from "../../steps/progress";

const REFUSAL = [
    "entrypoint: the volume v belongs to another gateway; nothing in it was touched.",
    "entrypoint: choose another gateway.name; or adopt it:",
    "  docker run --rm --volume v:/data --entrypoint /bin/sh k3s:1 -c 'echo 1 >/data/.sandbox-gateway'",
];

const numbered = (text: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${text} ${i + 1}`);

describe("tellingLines", () => {
    it.each<[string, string[], string[]]>([
        [
            "what the entrypoint says, with the command below it, once for all starts",
            [...REFUSAL, ...REFUSAL, ...REFUSAL],
            REFUSAL,
        ],
        [
            "what the entrypoint says among what k3s says",
            ["k3s", "  more of k3s", "entrypoint: stopping k3s", "k3s"],
            ["entrypoint: stopping k3s"],
        ],
        [
            "the last ten of many",
            numbered("entrypoint: step", 12),
            numbered("entrypoint: step", 12).slice(2),
        ],
        [
            "what k3s said last, when the entrypoint only says that k3s has ended",
            [
                ...numbered("k3s", 7),
                "entrypoint: k3s ended with status 1",
                ...numbered("again", 7),
                "entrypoint: k3s ended with status 1",
            ],
            [...numbered("again", 7).slice(2), "entrypoint: k3s ended with status 1"],
        ],
        [
            "the last five lines, when the entrypoint says nothing",
            numbered("k3s", 7),
            numbered("k3s", 7).slice(2),
        ],
        ["nothing of an empty log", [], []],
    ])("are %s", (_, log, expected) => {
        expect(tellingLines(log.map((line) => `${line}\n`).join(""))).toEqual(expected);
    });
});

describe("troubleOf", () => {
    const state = (more: object) => ({ Running: true, Restarting: false, ExitCode: 0, ...more });

    it.each<[object, string | undefined]>([
        [{ Health: { Status: "healthy" } }, undefined],
        [{ Health: { Status: "starting" } }, "runs and is not healthy (starting)"],
        [{ Health: { Status: "unhealthy" } }, "runs and is not healthy (unhealthy)"],
        [{}, "runs and is not healthy (it has no health check)"],
        [
            { Restarting: true, ExitCode: 1, Health: { Status: "unhealthy" } },
            "ended with status 1 and is started again and again",
        ],
        // Docker keeps what the last check said.
        [
            { Running: false, ExitCode: 137, Health: { Status: "healthy" } },
            "has ended with status 137",
        ],
    ])("of %j", (more, expected) => {
        expect(troubleOf(state(more))).toBe(expected);
    });
});

describe("explainGateway", () => {
    let folder: string;
    let printed: string;
    const before = process.env["PATH"];

    beforeEach(() => {
        folder = mkdtempSync(path.join(os.tmpdir(), "gateway-log-"));
        process.env["PATH"] = `${folder}:${before}`;
    });

    afterEach(() => {
        process.env["PATH"] = before;
        rmSync(folder, { recursive: true, force: true });
    });

    /** Stands for Docker, with a container in this state; its log comes on both streams. */
    async function explain(state: object | undefined, config: object = {}): Promise<string> {
        const script =
            state === undefined
                ? "#!/bin/sh\necho 'Error: No such container' >&2; exit 1\n"
                : `#!/bin/sh
case "$*" in
    *inspect*openshell-cluster-dev) echo '${JSON.stringify(state)}' ;;
    *logs*) echo 'k3s'; printf '%s\\n' "${REFUSAL.slice(0, 2).join('" "')}" >&2 ;;
esac
`;
        writeFileSync(path.join(folder, "docker"), script);
        chmodSync(path.join(folder, "docker"), 0o755);
        const out = new PassThrough();
        printed = "";
        out.on("data", (data: Buffer) => (printed += data.toString()));
        const { settings } = parsePlace({ gateway: { name: "dev" }, ...config });
        await explainGateway({ place: settings!, progress: new Progress("/dev/null", out) });
        return printed;
    }

    const refused = { Running: true, Restarting: true, ExitCode: 1 };

    it("prints the lines below where they are from, and the command for all of them", async () => {
        expect(await explain(refused)).toBe(
            [
                "",
                "the gateway's container openshell-cluster-dev ended with status 1 and is started again and again; from its log (docker logs openshell-cluster-dev):",
                ...REFUSAL.slice(0, 2).map((line) => `  ${line}`),
                "",
            ].join("\n"),
        );
    });

    it("names the daemon that the container is on", async () => {
        const gateway = { name: "dev", dockerHost: "ssh://user@server" };
        expect(await explain(refused, { gateway })).toContain(
            "(docker --host ssh://user@server logs openshell-cluster-dev)",
        );
    });

    it("says nothing of a healthy container, of none, and of another cluster", async () => {
        const healthy = { ...refused, Restarting: false, Health: { Status: "healthy" } };
        expect(await explain(healthy)).toBe("");
        expect(await explain(undefined)).toBe("");
        const existingCluster = { kubeconfig: "/k", context: "c", storageClass: "s", host: "h" };
        expect(await explain(refused, { existingCluster })).toBe("");
    });
});
