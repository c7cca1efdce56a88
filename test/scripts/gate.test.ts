/** The container in front of a sandbox's agent, run under the shells it meets. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shellCommand, shells } from "../support/shells";

const SCRIPT = path.join(__dirname, "..", "..", "components", "sandbox", "scripts", "gate.sh");

/** What busybox's nc says, by the libraries it is linked with, and whether that proves anything. */
const SAYS = {
    refused: "nc: can't connect to remote host (10.43.0.1): Connection refused",
    dropped: "nc: timed out",
    "dropped by the kernel's count":
        "nc: can't connect to remote host (10.43.0.1): Connection timed out",
    "dropped by musl's count": "nc: can't connect to remote host (10.43.0.1): Operation timed out",
    "no route": "nc: can't connect to remote host (10.43.0.1): No route to host",
    "no network": "nc: can't connect to remote host (10.43.0.1): Network is unreachable",
    "no route in musl's words": "nc: can't connect to remote host (10.43.0.1): Host is unreachable",
    "no nc": "sh: nc: not found",
    open: "",
} as const;

let bin: string;

/** One line for each attempt, the last of which goes on: what nc says, with no text for a connection. */
const network = (...attempts: (keyof typeof SAYS)[]) => {
    writeFileSync(path.join(bin, "plan"), attempts.map((each) => `${SAYS[each]}\n`).join(""));
    program(
        "nc",
        `echo "$*" >>"${bin}/tried"
line=$(sed -n "$(wc -l <"${bin}/tried")p" "${bin}/plan")
[ "$(wc -l <"${bin}/tried")" -le "$(wc -l <"${bin}/plan")" ] || line=$(tail -n 1 "${bin}/plan")
[ -z "$line" ] || { echo "$line" >&2; exit 1; }`,
    );
};

const program = (name: string, body: string) => {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(bin, name), 0o755);
};

const tried = () => readFileSync(path.join(bin, "tried"), "utf8").trim().split("\n");

beforeEach(() => {
    bin = mkdtempSync(path.join(os.tmpdir(), "gate-"));
    program("sleep", "exit 0");
});

afterEach(() => rmSync(bin, { recursive: true, force: true }));

describe.each(shells())("gate.sh under $name", (shell) => {
    const env = (more: NodeJS.ProcessEnv = {}) => ({
        PATH: `${bin}:${process.env["PATH"]}`,
        KUBERNETES_SERVICE_HOST: "10.43.0.1",
        KUBERNETES_SERVICE_PORT: "443",
        ...more,
    });
    /** For tests that have to wait until it gives up. */
    const SOON = { GATE_SECONDS: "1" };
    const enter = (args: string[] = [], more: NodeJS.ProcessEnv = {}) =>
        spawnSync(...shellCommand(shell, bin, SCRIPT, args), { encoding: "utf8", env: env(more) });

    it.each<keyof typeof SAYS>([
        "refused",
        "dropped",
        "dropped by the kernel's count",
        "dropped by musl's count",
    ])("ends when the connection is %s, twice in a row", (how) => {
        network("open", how, "open", "no route", how, "no network", how);
        expect(enter()).toMatchObject({ status: 0, stderr: "" });
        expect(tried()).toEqual(Array<string>(8).fill("-w 4 10.43.0.1 443 -e true"));
    });

    it("tries what it is told to, in place of the API", () => {
        network("refused");
        expect(enter(["172.30.18.2", "6443"]).status).toBe(0);
        expect(tried()).toEqual(Array<string>(2).fill("-w 4 172.30.18.2 6443 -e true"));
    });

    it("fails when it is let through for as long as it waits", () => {
        network("refused", "open");
        const { status, stderr } = enter([], SOON);
        expect(status).toBe(1);
        expect(stderr).toMatch(
            /^network policies are not enforced here: after 1 seconds this sandbox still reaches 10\.43\.0\.1:443/,
        );
    });

    it.each<keyof typeof SAYS>(["no route", "no network", "no route in musl's words", "no nc"])(
        "fails where there is %s for as long as it waits, and says so",
        (how) => {
            network("open", how);
            const { status, stderr } = enter([], SOON);
            expect(status).toBe(1);
            expect(stderr).toContain("it cannot be told whether network policies are enforced");
            expect(stderr).toContain(SAYS[how]);
        },
    );

    it("fails without anything to try", () => {
        network("refused");
        const { status, stderr } = enter([], { KUBERNETES_SERVICE_HOST: "" });
        expect(status).toBe(1);
        expect(stderr).toContain("expected: gate.sh HOST PORT");
    });

    describe("with busybox's own nc", () => {
        let server: Server;
        let port: string;

        beforeEach(async () => {
            program("nc", 'exec /bin/busybox nc "$@"');
            // Says nothing, and never ends the connection.
            server = createServer(() => undefined);
            await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
            port = String((server.address() as AddressInfo).port);
        });

        afterEach(() => server.close());

        /** Beside this process, which has to answer. */
        const enterBeside = (host: string, more: NodeJS.ProcessEnv = {}) =>
            new Promise<number | null>((resolve) =>
                spawn(...shellCommand(shell, bin, SCRIPT, [host, port]), { env: env(more) }).on(
                    "close",
                    resolve,
                ),
            );

        it("takes a connection that is made for open, though nothing is said on it", async () => {
            expect(await enterBeside("127.0.0.1", SOON)).toBe(1);
        });

        it("takes one that is refused for closed", async () => {
            expect(await enterBeside("127.0.0.2")).toBe(0);
        });
    });
});
