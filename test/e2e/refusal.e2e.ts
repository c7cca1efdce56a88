/** A wrong configuration ends the preview, and an up, before any resource changes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestStack } from "../support/stack";

let stack: TestStack;

beforeAll(async () => {
    stack = await TestStack.create("refusal");
});

afterAll(async () => {
    await stack?.remove();
});

/** What people see: the program's message, without the engine's frame around it. */
async function refused(command: string, config: object): Promise<string> {
    stack.configure(config as Parameters<TestStack["configure"]>[0]);
    const { status, stdout, stderr } = await stack.tryPulumi(command.split(" "));
    expect(status).not.toBe(0);
    expect(await stack.inDocker()).toEqual([]);
    return stdout + stderr;
}

describe.each(["preview", "up --yes"])("pulumi %s", (command) => {
    it("names an unknown key", async () => {
        const said = await refused(command, { runing: false });
        expect(said).toContain("the configuration is wrong, nothing was changed:");
        expect(said).toContain(
            "runing: got false; must be a key that the program has (see docs/configuration.md); for example the same without this key",
        );
        // A person's mistake, not the program's: no stack trace.
        expect(said).not.toMatch(/^\s+at .*\.[jt]s:/m);
    });

    it("names two sandboxes on one port, and a name that is too long, at once", async () => {
        const hostPort = stack.ports.first;
        const tool = { image: "x:1", application: { port: 80 }, hostPort };
        const said = await refused(command, { sandboxes: { one: tool, two: tool } });
        expect(said).toContain(
            `sandboxes.two.hostPort: got ${hostPort}; must differ from that of sandboxes.one; for example ${hostPort + 1}`,
        );
        const named = await refused(command, { gateway: { name: "a".repeat(54) } });
        expect(named).toContain("gateway.name: got ");
        expect(named).toContain("must have 1 to 53 letters");
    });

    it("names a flag that k3s does not have, and a registry that it would not read", async () => {
        const said = await refused(command, {
            gateway: {
                k3s: { "kublet-arg": ["v=2"] },
                registries: { mirrors: { "docker.io": { endpoint: ["https://m.example.org"] } } },
            },
        });
        expect(said).toContain("(did you mean kubelet-arg?)");
        const unread = await refused(command, {
            gateway: { registries: { mirrors: { "docker.io": { endpoint: "https://m.lan" } } } },
        });
        expect(unread).toContain("endpoint: got a secret value; must be a list of addresses");
        expect(unread).not.toContain("https://m.lan");
    });

    it("names a network of this machine that the subnet collides with", async () => {
        const said = await refused(command, { gateway: { subnet: "127.0.0.0/16" } });
        expect(said).toContain(
            'gateway.subnet: got "127.0.0.0/16"; must not overlap 127.0.0.0/8, which is in use on interface lo',
        );
    });
});
