import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, statSync, utimesSync } from "node:fs";
import * as os from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { K3S_NODE_PASSWORD_COPY } from "../../model/constants";
import { DATA, GatewayRoot, OURS, TLS } from "../support/gatewayRoot";
import { shells } from "../support/shells";

const MARKER = `${DATA}/.sandbox-gateway`;
const OPEN = `${DATA}/.sandbox-gateway-open`;
const DRAINED = `${DATA}/.sandbox-gateway-drained`;
const PASSWORD = "etc/rancher/node/password";
const PASSWORD_COPY = `${DATA}/${K3S_NODE_PASSWORD_COPY}`;
const FULL = "entrypoint: the disk is full: ";

let root: GatewayRoot;

describe.each(shells())("under $name", (shell) => {
    beforeEach(() => (root = new GatewayRoot(shell)));
    afterEach(() => root.remove());

    describe("a stop", () => {
        const started = () => root.lines("calls").includes("started");
        const node = os.hostname();
        const drain = `kubectl drain ${node} --disable-eviction --force --ignore-daemonsets --delete-emptydir-data --timeout=50s`;
        const opened = `kubectl uncordon ${node} --request-timeout=5s`;

        /** Of what it did, what this is about. */
        const steps = (calls: string[]) => calls.filter((call) => call !== "openapi");

        beforeEach(() => {
            root.write("ready", "");
            root.write("drains", "");
        });

        it("drains the node before k3s ends, and remembers to open it again", async () => {
            const { status, calls } = await root.startAndStop("k3s has started", started);
            expect(status).toBe(0);
            expect(steps(calls)).toEqual(["started", drain, "server ended"]);
            expect(root.read(DRAINED)).toBe("");
            expect(root.read(OPEN)).toBeUndefined();
        });

        it.each([
            ["no API answers", "ready"],
            ["the drain takes too long", "drains"],
        ])("ends k3s all the same when %s", async (_, lacking) => {
            rmSync(root.at(lacking));
            const { status, calls } = await root.startAndStop("k3s has started", started);
            expect(status).toBe(0);
            expect(calls.at(-1)).toBe("server ended");
        });

        it("drains and ends k3s also when nothing can be written any more", async () => {
            const { status, calls, stderr } = await root.startAndStop("k3s has started", () => {
                // What would be renamed is not there: as if the disk had become read-only.
                rmSync(root.at(OPEN), { force: true });
                return started() && root.read(OPEN) === undefined;
            });
            expect(status).toBe(0);
            expect(steps(calls)).toEqual(["started", drain, "server ended"]);
            expect(stderr).toContain(
                `entrypoint: cannot note the drain; after the next start, run: k3s kubectl uncordon ${node}`,
            );
        });

        it("is undone by the next start, which opens the node once policies hold", async () => {
            await root.startAndStop("k3s has started", started);
            root.enforce();
            const { calls: second } = await root.startAndStop(
                "the node is open",
                () => root.read(OPEN) !== undefined,
            );
            expect(second).toContain(opened);
            expect(root.read(DRAINED)).toBe("");
        });

        it("leaves the node closed while policies do not hold", async () => {
            root.write(DRAINED, "");
            const { calls } = await root.startAndStop(
                "it says so",
                () => root.health().said === "network policies are not enforced",
            );
            expect(calls).not.toContain(opened);
            expect(root.read(DRAINED)).toBe("");
        });

        it("asks nobody to open the node before the API is ready", async () => {
            root.write(DRAINED, "");
            rmSync(root.at("ready"));
            const { calls } = await root.startAndStop(
                "it has been looked at twice",
                () => started() && root.health().said === "the Kubernetes API is not ready",
            );
            expect(calls).toEqual(["started", "server ended"]);
            expect(root.read(DRAINED)).toBe("");
        });

        it("leaves a node that a person has cordoned to that person", async () => {
            root.write("cordoned", "");
            await root.startAndStop("k3s has started", started);
            expect(root.read(DRAINED)).toBeUndefined();
            rmSync(root.at("calls"));
            const { calls } = await root.startAndStop("the API is asked", () =>
                root.lines("calls").includes("openapi"),
            );
            expect(calls).not.toContain(opened);
        });
    });

    describe("a volume", () => {
        it("that is empty becomes ours, with the authorities in place before k3s starts", () => {
            const { status, stdout } = root.enter();
            expect(stdout).toBe("k3s server\n");
            expect(status).toBe(3);
            expect(root.read(MARKER)).toBe(`${OURS}\n`);
            expect(root.read(`${TLS}/server-ca.crt`)).toBe("our authority\n");
            expect(root.read(`${TLS}/server-ca.key`)).toBe("our key\n");
            expect(root.read(`${DATA}/agent/images/.cache.json`)).toBe("");
        });

        it("that is ours is used, and nothing in it is written again", () => {
            root.enter();
            root.used();
            const old = new Date("2026-01-01T00:00:00Z");
            const files = [MARKER, `${TLS}/server-ca.crt`, `${TLS}/server-ca.key`];
            files.forEach((file) => utimesSync(root.at(file), old, old));
            expect(root.enter().stdout).toBe("k3s server\n");
            for (const file of files) {
                expect(statSync(root.at(file)).mtime).toEqual(old);
            }
        });

        it("gets what k3s applies by itself, and again only when it has changed", () => {
            const [given, placed] = ["etc/sandbox-gateway/manifests", `${DATA}/server/manifests`];
            root.write(`${given}/limits.yaml`, "one\n");
            root.write(`${placed}/other.yaml`, "somebody's\n");
            root.enter();
            expect(root.read(`${placed}/limits.yaml`)).toBe("one\n");
            const { ino } = statSync(root.at(`${placed}/limits.yaml`));
            root.enter();
            expect(statSync(root.at(`${placed}/limits.yaml`)).ino).toBe(ino);
            root.write(`${given}/limits.yaml`, "two\n");
            root.enter();
            expect(root.read(`${placed}/limits.yaml`)).toBe("two\n");
            expect(root.read(`${placed}/other.yaml`)).toBe("somebody's\n");
        });

        it("that has no room for what k3s applies is used all the same, and it is said", () => {
            root.write("etc/sandbox-gateway/manifests/limits.yaml", "one\n");
            root.fill(`${DATA}/server/manifests/limits.yaml.new`);
            const { stdout, stderr } = root.enter();
            expect(stdout).toBe("k3s server\n");
            expect(stderr).toContain("warning: k3s is not given limits.yaml: cannot write ");
        });

        it("whose first start was killed before k3s made a database is used", () => {
            mkdirSync(root.at(TLS), { recursive: true });
            expect(root.enter().stdout).toBe("k3s server\n");
        });

        it.each([
            ["is empty after a power cut", ""],
            ["is gone", undefined],
            ["was written over", "f".repeat(64)],
        ])("whose marker %s is ours by the key of its authority", (_, marker) => {
            root.used(marker, "our key\n");
            expect(root.enter().stdout).toBe("k3s server\n");
            expect(root.read(MARKER)).toBe(`${OURS}\n`);
        });

        it.each([
            ["without a marker", undefined, "holds a cluster that this program did not make"],
            ["with an empty marker", "", "holds a cluster that this program did not make"],
            ["of another gateway", "f".repeat(64), "belongs to another gateway"],
        ])("%s is refused and not touched", (_, marker, reason) => {
            root.used(marker, "another key\n");
            const { status, stdout, stderr } = root.enter();
            expect(status).toBe(1);
            expect(stdout).toBe("");
            expect(stderr).toBe(
                [
                    `entrypoint: the volume the-volume ${reason}; nothing in it was touched.`,
                    "entrypoint: it runs with the Pulumi state that it was made with, and with no other; keep both.",
                    "entrypoint: a gateway beside it needs a name of its own: make up STACK=ANOTHER; docs/operations.md, 'A data volume that is there already'\n",
                ].join("\n"),
            );
            expect(root.read(`${TLS}/server-ca.crt`)).toBeUndefined();
            expect(root.read(MARKER)).toBe(marker);
        });

        it.each([
            ["the marker", `${MARKER}.new`],
            ["an authority", `${TLS}/server-ca.key.new`],
        ])(
            "on a full disk ends the start before k3s, and with room the next one (%s)",
            (_, file) => {
                root.fill(file);
                const { status, stdout, stderr } = root.enter();
                expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
                expect(stderr).toContain(FULL);
                expect(stderr).toContain("nothing was lost, the next start goes on from here");
                // What was begun takes no room, and what it met is gone with it.
                expect(root.read(file)).toBeUndefined();
                expect(root.enter().stdout).toBe("k3s server\n");
                expect(root.read(MARKER)).toBe(`${OURS}\n`);
                expect(root.read(`${TLS}/server-ca.key`)).toBe("our key\n");
            },
        );

        it("that is ours stays ours when it is started on a full disk", () => {
            root.enter();
            root.used();
            root.fill(`${MARKER}.new`);
            root.fill(`${TLS}/server-ca.crt.new`);
            expect(root.enter().stdout).toBe("k3s server\n");
            expect(root.read(MARKER)).toBe(`${OURS}\n`);
        });

        it("keeps the node's password, with which an identity can be recovered", () => {
            const old = new Date("2026-01-01T00:00:00Z");
            for (const password of ["first\n", "second\n"]) {
                root.write(PASSWORD, password);
                chmodSync(root.at(PASSWORD), 0o600);
                root.enter();
                expect(root.read(PASSWORD_COPY)).toBe(password);
                expect(statSync(root.at(PASSWORD_COPY)).mode & 0o777).toBe(0o600);
            }
            utimesSync(root.at(PASSWORD_COPY), old, old);
            root.enter();
            expect(statSync(root.at(PASSWORD_COPY)).mtime).toEqual(old);
        });

        it("that has no room for the node's password is used all the same", () => {
            root.write(PASSWORD, "first\n");
            root.fill(`${PASSWORD_COPY}.new`);
            const { stdout, stderr } = root.enter();
            expect(stdout).toBe("k3s server\n");
            expect(stderr).toContain("cannot keep a copy of the node's password in the volume\n");
            expect(root.read(PASSWORD_COPY)).toBeUndefined();
        });

        it.each([
            ["server/token"],
            ["server/cred/passwd"],
            ["server/tls/service.key"],
            ["server/tls/client-admin.crt"],
            ["server/tls/client-ca.nochain.crt"],
            ["server/tls/etcd/peer-ca.key"],
            ["agent/serving-kubelet.key"],
            ["agent/kubelet.kubeconfig"],
        ])(
            "in which a power cut has emptied %s is started without it: k3s makes it anew",
            (name) => {
                root.used(`${OURS}\n`, "our key\n");
                const others = ["server/tls/client-scheduler.crt", "server/db/state.db-wal"];
                others.forEach((other) => root.write(`${DATA}/${other}`, "whole"));
                root.write(`${DATA}/${name}`, "");
                const { stdout, stderr } = root.enter();
                expect(stdout).toBe("k3s server\n");
                expect(stderr).toContain(`${name} is empty, as after a power cut`);
                expect(root.read(`${DATA}/${name}`)).toBeUndefined();
                others.forEach((other) => expect(root.read(`${DATA}/${other}`)).toBe("whole"));
                // Those that mean something by being there.
                expect(root.read(`${DATA}/server/db/state.db`)).toBe("");
                expect(root.read(`${DATA}/agent/images/.cache.json`)).toBe("");
            },
        );

        it("in which a kubeconfig was emptied loses its certificate too, with which k3s writes both", () => {
            root.used(`${OURS}\n`, "our key\n");
            root.write(`${TLS}/client-admin.crt`, "whole");
            root.write(`${TLS}/client-ca.crt`, "whole");
            root.write(`${TLS}/serving-kube-apiserver.crt`, "whole");
            root.write(`${DATA}/server/cred/admin.kubeconfig`, "");
            root.enter();
            expect(root.read(`${DATA}/server/cred/admin.kubeconfig`)).toBeUndefined();
            expect(root.read(`${TLS}/client-admin.crt`)).toBeUndefined();
            expect(root.read(`${TLS}/client-ca.crt`)).toBe("whole");
            expect(root.read(`${TLS}/serving-kube-apiserver.crt`)).toBe("whole");
        });

        it.each([
            ["that is full", "size=256k", "head -c 512k /dev/zero >filling", "rw"],
            [
                "without room for another file",
                "nr_inodes=40",
                "while echo >f$((i += 1)); do :; done",
                "rw",
            ],
            ["that has become read-only", "size=1m", "true", "ro"],
        ])(
            "on a disk %s is started and stopped as any other, and is the same afterwards",
            async (_, options, fill, mode) => {
                root.mount(DATA, "-t", "tmpfs", "-o", options, "tmpfs");
                root.write("ready", "");
                root.write("drains", "");
                const started = () => root.lines("calls").includes("openapi");
                await root.startAndStop("it has started", started);
                root.used();
                spawnSync("sh", ["-c", `i=0; cd ${root.at(DATA)}; ${fill}`]);
                spawnSync("mount", ["-o", `remount,${mode}`, root.at(DATA)]);
                rmSync(root.at("calls"));
                const { status, calls } = await root.startAndStop("it has started", started);
                expect(status).toBe(0);
                expect(calls.filter((call) => call.startsWith("kubectl drain"))).toHaveLength(1);
                expect(calls.at(-1)).toBe("server ended");
                spawnSync("mount", ["-o", "remount,rw,size=2m,nr_inodes=100", root.at(DATA)]);
                root.enforce();
                const opened = () => root.read(OPEN) !== undefined;
                expect((await root.startAndStop("the node is open", opened)).status).toBe(0);
                expect(root.read(MARKER)).toBe(`${OURS}\n`);
                expect(root.read(`${TLS}/server-ca.key`)).toBe("our key\n");
            },
        );

        it("that can be read only is not taken for a full one, where something has to be written", () => {
            root.mount(DATA, "-t", "tmpfs", "-o", "ro", "tmpfs");
            const { status, stderr } = root.enter();
            expect(status).toBe(1);
            expect(stderr).toContain("entrypoint: the disk can be read only: ");
            expect(stderr).toContain("nothing was lost");
        });

        it("is not claimed by a container that lacks its authorities", () => {
            rmSync(root.at("etc/sandbox-gateway/tls/server-ca.crt"));
            const { status, stderr } = root.enter();
            expect(status).toBe(1);
            expect(stderr).toContain("entrypoint: the gateway's authorities are not in ");
        });
    });
});
