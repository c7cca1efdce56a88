/**
 * A Docker daemon that only a context of Docker's configuration names: everything asks that one, and
 * nothing the one at the usual socket. The "other daemon" is a socket of this test's own, which notes
 * what it is asked and hands it on to the real one; a second daemon is one that is really another. The
 * steps build on one another.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LABEL_OWNER } from "../../model/constants";
import { run } from "../support/run";
import { AGENT, IMAGES } from "../support/sandboxes";
import { startDaemon, type SecondDaemon } from "../support/secondDaemon";
import { TestStack } from "../support/stack";

let stack: TestStack;
let folder: string;
let server: Server;

/** What the other daemon was asked since the test began, as `METHOD /path` without the API's version. */
const asked: string[] = [];
const sockets = new Set<Socket>();

/** The environment of a user who has chosen a context, and nothing else. */
const user = (): NodeJS.ProcessEnv => ({
    DOCKER_CONFIG: folder,
    DOCKER_HOST: undefined,
    DOCKER_CONTEXT: undefined,
});

const docker = (...args: string[]) => run("docker", args, { env: { ...process.env, ...user() } });

const otherSocket = () => path.join(folder, "other.sock");

beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "docker-context-"));
    const real = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(
        "unix://",
        "",
    );
    server = createServer({ allowHalfOpen: true }, (client) => relay(client, real));
    await new Promise<void>((resolve) => server.listen(otherSocket(), resolve));
    await docker("context", "create", "other", "--docker", `host=unix://${otherSocket()}`);
    await docker("context", "create", "dead", "--docker", `host=unix://${folder}/nothing.sock`);
    await docker("context", "use", "other");
    stack = await TestStack.create("context");
    stack.configure({ gateway: { imageArchives: IMAGES }, sandboxes: { agent: AGENT } });
});

beforeEach(() => {
    asked.length = 0;
});

afterAll(async () => {
    await stack?.remove();
    sockets.forEach((socket) => socket.destroy());
    server.close();
    rmSync(folder, { recursive: true, force: true });
});

/** Hands on a connection, and notes the requests in it. */
function relay(client: Socket, real: string): void {
    const daemon = connect({ path: real, allowHalfOpen: true });
    for (const socket of [client, daemon]) {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
    }
    client.on("error", () => daemon.destroy());
    daemon.on("error", () => client.destroy());
    client.on("data", (data) => {
        for (const [, method = "", where = ""] of data
            .toString("latin1")
            .matchAll(/\b(GET|HEAD|POST|PUT|DELETE) (\/\S*) HTTP\/1\.1\r\n/g)) {
            asked.push(`${method} ${where.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "")}`);
        }
    });
    client.pipe(daemon);
    daemon.pipe(client);
}

describe("a daemon that a context names", () => {
    it("gets the gateway by make up, from the plugin and from the command", async () => {
        const { status, stdout, stderr } = await stack.make("up", user());
        expect(stdout + stderr).toContain(`gateway ${stack.container}, node ${stack.node}, up`);
        expect(status).toBe(0);
        expect(stdout).toContain(`answers, at unix://${otherSocket()} (Docker's context other)`);
        // Nothing of the gateway was made by another way.
        for (const request of ["volumes", "networks", "containers"]) {
            expect(asked.filter((line) => line === `POST /${request}/create`)).toHaveLength(1);
        }
        expect(asked).toContainEqual(expect.stringMatching(/^POST \/containers\/\w+\/start$/));
        expect(asked).toContainEqual(expect.stringMatching(/^POST \/containers\/.*\/exec$/));
    });

    it("is asked by make status, and by the command that is printed", async () => {
        const { gateway, sandboxes } = await stack.status(user());
        expect(gateway?.["state"]).toBe("running");
        expect(sandboxes[0]?.state).toBe("running");
        expect(asked).toContainEqual(expect.stringMatching(/^POST \/containers\/.*\/exec$/));
        asked.length = 0;
        const { stdout } = await stack.make("up", user());
        const [, typed = ""] = /(docker exec -it .* -- sh)$/m.exec(stdout) ?? [];
        asked.length = 0;
        const script = `${typed.replaceAll("-it", "-i")} -c 'echo reached'`;
        const env = { ...process.env, ...user() };
        expect(await run("sh", ["-c", script], { env })).toBe("reached\n");
        expect(asked).toContainEqual(expect.stringMatching(/^POST \/containers\/.*\/exec$/));
    });

    it("is what make env exports, so that plain pulumi asks it", async () => {
        const { stdout } = await stack.make("env", user());
        expect(stdout).toContain(`export DOCKER_HOST='unix://${otherSocket()}'\n`);
        expect(stdout).toContain("unset DOCKER_CONTEXT\n");
        asked.length = 0;
        const script = `${stdout}\nexec pulumi refresh --yes --skip-preview --non-interactive`;
        const env = {
            ...process.env,
            ...user(),
            PULUMI_CONFIG_PASSPHRASE: "a passphrase of the test",
        };
        await run("sh", ["-c", script], {
            cwd: stack.folder,
            env: { ...env, PULUMI_BACKEND_URL: `file://${path.join(stack.folder, "state")}` },
        });
        expect(asked).toContainEqual(expect.stringMatching(/^GET \/containers\/\w+\/json$/));
    });

    it("is stopped and started there", async () => {
        for (const target of ["stop", "start"]) {
            const { status, stdout, stderr } = await stack.make(target, user());
            expect(status, stdout + stderr).toBe(0);
        }
        expect(asked).toContainEqual(expect.stringMatching(/^DELETE \/containers\/\w+$/));
        expect(asked).toContain("POST /containers/create");
    });
});

describe("another daemon, with a volume of the same name", () => {
    let second: SecondDaemon;

    /** The user has changed the context, and nothing else. */
    const there = () => ({ ...user(), DOCKER_CONTEXT: "second" });

    beforeAll(async () => {
        second = await startDaemon();
        await docker("context", "create", "second", "--docker", `host=${second.host}`);
    });

    afterAll(() => second?.remove());

    it.each<[string, string[], string]>([
        ["of nobody's", [], "it has no label"],
        [
            "of another gateway's",
            ["--label", `${LABEL_OWNER}=${"b".repeat(64)}`],
            `its label names the authority ${"b".repeat(64)}`,
        ],
    ])("%s, is not taken for the gateway's", async (_, labels, why) => {
        await second.docker("volume", "create", ...labels, stack.container);
        const before = await stack.inDocker();
        for (const target of ["start", "stop", "heal", "destroy"]) {
            const env = { ...there(), CONFIRM: stack.gateway };
            const { status, stdout, stderr } = await stack.make(target, env);
            expect(status, stdout + stderr).not.toBe(0);
            expect(stderr).toContain(
                `has a volume ${stack.container} that is not this gateway's: ${why}`,
            );
            expect(stdout).not.toContain("$ pulumi");
        }
        expect(await second.docker("volume", "ls", "--quiet")).toBe(`${stack.container}\n`);
        expect(await second.docker("network", "ls", "--quiet", "--filter", "type=custom")).toBe("");
        await second.docker("volume", "rm", stack.container);
        expect(await stack.inDocker()).toEqual(before);
    });

    it("of another gateway's, is not shown as the gateway's own", async () => {
        const label = `${LABEL_OWNER}=${"b".repeat(64)}`;
        await second.docker("volume", "create", "--label", label, stack.container);
        const { gateway, sandboxes } = await stack.status(there());
        expect(gateway).toMatchObject({
            state: "unknown",
            detail: expect.stringContaining("is another gateway's") as string,
        });
        expect(sandboxes).toMatchObject([{ state: "unknown" }]);
    });

    it("leaves the state as it was: back here, there is nothing to be done", async () => {
        expect((await stack.status(user())).gateway?.["state"]).toBe("running");
        const { status, stdout, stderr } = await stack.make("up", user());
        expect(status, stdout + stderr).toBe(0);
        expect(stdout).toMatch(/^ +\d+ unchanged/m);
        expect(stdout).not.toMatch(/^ +[-+~]+ ?\d+ /m);
    });
});

describe("a daemon that a context names and that does not answer", () => {
    it.each(["up", "start", "heal"])("is not stood in for by make %s", async (target) => {
        const dead = { ...user(), DOCKER_CONTEXT: "dead" };
        const { status, stdout, stderr } = await stack.make(target, dead);
        expect(status).not.toBe(0);
        expect(stderr).toContain(
            `no Docker daemon answers at unix://${folder}/nothing.sock (Docker's context dead)`,
        );
        expect(stdout).not.toContain("$ pulumi up");
        expect(asked).toEqual([]);
    });

    it("makes the gateway unknown, not stopped", async () => {
        const { gateway } = await stack.status({ ...user(), DOCKER_CONTEXT: "dead" });
        expect(gateway?.["state"]).toBe("unknown");
    });
});
