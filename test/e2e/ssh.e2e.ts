/** A gateway whose Docker daemon is reached over SSH: through a server that this test starts. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { Server, utils, type Connection } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENT, IMAGES } from "../support/sandboxes";
import { TestStack } from "../support/stack";

/** What a Docker client runs on the other machine. */
const DIAL = "docker system dial-stdio";

let home: string;
let server: Server;
let stack: TestStack;

/** Commands that were asked for. */
const asked: string[] = [];

beforeAll(async () => {
    home = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-ssh-"));
    const key = writeIdentity();
    server = new Server({ hostKeys: [utils.generateKeyPairSync("ed25519").private] }, (client) =>
        serve(client, key),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const env = {
        HOME: home,
        SSH_AUTH_SOCK: "",
        DOCKER_HOST: "unix:///nowhere",
        PATH: `${path.join(home, "bin")}:${process.env["PATH"]}`,
    };
    stack = await TestStack.create("ssh", { env });
    stack.configure(config());
});

afterAll(async () => {
    await stack?.remove();
    server?.close();
    rmSync(home, { recursive: true, force: true });
});

/** A home with a key. @returns its public part */
function writeIdentity(): Buffer {
    const pair = utils.generateKeyPairSync("ed25519");
    mkdirSync(path.join(home, ".ssh"));
    writeFileSync(path.join(home, ".ssh", "id_ed25519"), pair.private, { mode: 0o600 });
    // A plugin that runs the ssh program, and not a client of its own, finds this one.
    mkdirSync(path.join(home, "bin"));
    const program = path.join(home, "bin", "ssh");
    writeFileSync(program, `#!/bin/sh\nunset DOCKER_HOST\nexec ${DIAL}\n`);
    chmodSync(program, 0o755);
    const parsed = utils.parseKey(pair.public);
    if (parsed instanceof Error) {
        throw parsed;
    }
    return parsed.getPublicSSH();
}

/** Lets in who has the key, to do one thing. */
function serve(client: Connection, key: Buffer): void {
    client.on("authentication", (attempt) => {
        const known = attempt.method === "publickey" && attempt.key.data.equals(key);
        return known && attempt.username === "someone" ? attempt.accept() : attempt.reject();
    });
    // A client that goes is not this server's to complain about.
    client.on("error", () => undefined);
    client.on("session", (acceptSession) => {
        acceptSession().on("exec", (acceptExec, reject, { command }) => {
            asked.push(command);
            if (command !== DIAL) {
                reject();
                return;
            }
            const channel = acceptExec();
            const [program = "", ...args] = DIAL.split(" ");
            const docker = spawn(program, args, { env: withoutHost() });
            docker.stdin.on("error", () => undefined);
            channel.pipe(docker.stdin);
            docker.stdout.pipe(channel);
            channel.on("close", () => docker.kill());
        });
    });
}

/** The daemon of this machine, whatever the tests were told of another. */
const withoutHost = () =>
    Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "DOCKER_HOST"));

const config = (overrides: object = {}) => ({
    gateway: {
        imageArchives: IMAGES,
        dockerHost: `ssh://someone@127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    sandboxes: { agent: AGENT },
    ...overrides,
});

describe("a gateway on a Docker host over SSH", () => {
    it("comes up there, and nothing changes by a second up", async () => {
        await stack.up();
        expect(await stack.inDocker()).toEqual(["container", "network", "volume"]);
        await stack.up("--expect-no-changes");
        expect(new Set(asked)).toEqual(new Set([DIAL]));
    });

    it("is stopped, started and removed there", async () => {
        await stack.shell("agent", "echo kept > /sandbox/kept");
        stack.configure(config({ running: false }));
        await stack.up();
        expect(await stack.inDocker()).toEqual(["keeper", "network", "volume"]);
        stack.configure(config({ protect: false }));
        await stack.up();
        expect(await stack.shell("agent", "cat /sandbox/kept")).toBe("kept\n");
        await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
        expect(await stack.inDocker()).toEqual(["volume"]);
    });
});
