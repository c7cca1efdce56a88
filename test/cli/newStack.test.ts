import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parse, stringify } from "yaml";
import { needsFile, writeStackFile, type Machine } from "../../cli/stack/newStack";
import { contains, portsLabel, portsOfLabel } from "../../model/ports";
import { parseSettings } from "../../settings/parse";
import type { Settings } from "../../settings/schema";
import { findBusyPort } from "../../machine/busyPorts";

let root: string;

/** A machine with nothing on it. */
const EMPTY: Machine = {
    networks: () => [],
    addresses: () => [],
    findBusy: () => Promise.resolve(undefined),
    claimed: () => Promise.resolve([]),
    hasVolume: () => Promise.resolve(false),
    hasPublished: () => Promise.resolve(false),
};

beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), "new-stack-"));
    vi.stubEnv("DOCKER_HOST", undefined);
});

afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(root, { recursive: true, force: true });
});

/** Puts another stack's file there; `gateway` as it stands in it. */
function configure(stack: string, gateway: object | undefined, more: object = {}): void {
    const config = {
        ...(gateway === undefined ? {} : { "sandbox-gateway:gateway": gateway }),
        ...more,
    };
    writeFileSync(path.join(root, `Pulumi.${stack}.yaml`), stringify({ config }));
}

const textOf = (stack: string) => readFileSync(path.join(root, `Pulumi.${stack}.yaml`), "utf8");

/** A stack's file as the program reads it; it must be right. */
function settingsOf(stack: string, version: "1.1" | "1.2" = "1.2"): Settings {
    const { config } = parse(textOf(stack), { version }) as { config: object };
    const own = Object.entries(config).map(([key, value]): [string, unknown] => [
        key.replace("sandbox-gateway:", ""),
        value,
    ]);
    const { settings, problems } = parseSettings(Object.fromEntries(own));
    expect(problems).toEqual([]);
    return settings as Settings;
}

/** Writes the file of a stack. @returns its gateway */
async function write(stack: string, machine: Machine = EMPTY): Promise<Settings["gateway"]> {
    expect(needsFile({ root, stack })).toBe(true);
    await writeStackFile({ root, stack }, machine);
    return settingsOf(stack).gateway;
}

describe("the file of a new stack", () => {
    it("is right for the program: a gateway of its name, and an assistant on a port of its block", async () => {
        const said = await writeStackFile({ root, stack: "second" }, EMPTY);
        expect(said).toBe(
            "gateway second on 10.213.0.0/24, its API on port 16443, sandboxes on 18789-18808; written to Pulumi.second.yaml, which is the place to change it",
        );
        const { gateway, sandboxes } = settingsOf("second");
        expect(gateway).toMatchObject({ name: "second", imageArchives: ".local/images" });
        expect(sandboxes).toMatchObject({
            assistant: { application: "openclaw", egress: ["internet"], hostPort: 18789 },
        });
        expect(textOf("second")).toMatch(
            /^# yaml-language-server: \$schema=\.\/sandbox-gateway\.schema\.json\n# The stack `second`: /,
        );
        expect(readdirSync(root)).toEqual(["Pulumi.second.yaml"]);
    });

    it("has a folder of image archives unless Docker has the published image of k3s", async () => {
        const asked: string[] = [];
        const hasPublished = (image: string) => (asked.push(image), Promise.resolve(true));
        const gateway = await write("second", { ...EMPTY, hasPublished });
        expect(gateway.imageArchives).toBeUndefined();
        expect(asked).toEqual([gateway.image]);
        expect((await write("third")).imageArchives).toBe(".local/images");
    });

    it("names the schema from where it is", async () => {
        writeFileSync(
            path.join(root, "Pulumi.yaml"),
            "name: sandbox-gateway\nstackConfigDir: a/b\n",
        );
        await writeStackFile({ root, stack: "second" }, EMPTY);
        expect(readFileSync(path.join(root, "a/b/Pulumi.second.yaml"), "utf8")).toMatch(
            /^# yaml-language-server: \$schema=\.\.\/\.\.\/sandbox-gateway\.schema\.json\n/,
        );
    });

    it("closes the machine's own public addresses to sandboxes", async () => {
        const addresses = () => ["203.0.113.7"];
        const { hostAddresses } = await write("second", { ...EMPTY, addresses });
        expect(hostAddresses).toEqual(["203.0.113.7"]);
    });

    it("is called by the last part of the stack's name, as Pulumi calls it", async () => {
        expect(needsFile({ root, stack: "org/project/third" })).toBe(true);
        await writeStackFile({ root, stack: "org/project/third" }, EMPTY);
        expect(readdirSync(root)).toEqual(["Pulumi.third.yaml"]);
        expect(settingsOf("third").gateway.name).toBe("third");
        expect(needsFile({ root, stack: "org/project/third" })).toBe(false);
        expect(needsFile({ root, stack: "third" })).toBe(false);
    });

    it("is not made where it would be another stack's deployment settings", () => {
        expect(() => needsFile({ root, stack: "second.deploy" })).toThrow(
            'stack "second.deploy": Pulumi takes Pulumi.second.deploy.yaml for deployment settings',
        );
        expect(needsFile({ root, stack: "deploy" })).toBe(true);
    });

    it.each(["on", "123", "1e3", "null"])(
        "keeps the name %s a text in every YAML",
        async (name) => {
            await writeStackFile({ root, stack: name }, EMPTY);
            expect(settingsOf(name, "1.1").gateway.name).toBe(name);
            expect(settingsOf(name, "1.2").gateway.name).toBe(name);
        },
    );

    it("is never written over one that is there, nor over one that comes meanwhile", async () => {
        configure("second", {});
        expect(needsFile({ root, stack: "second" })).toBe(false);
        const before = textOf("second");
        rmSync(path.join(root, "Pulumi.second.yaml"));
        const late = { ...EMPTY, networks: () => (configure("second", {}), []) };
        expect(await writeStackFile({ root, stack: "second" }, late)).toBe(
            "Pulumi.second.yaml is there now, made by another run",
        );
        expect(textOf("second")).toBe(before);
        expect(readdirSync(root)).toEqual(["Pulumi.second.yaml"]);
    });
});

describe("what is free", () => {
    it("is nothing that another stack has, by default or by its file, running or not", async () => {
        configure("dev", undefined);
        configure("other", { name: "x", subnet: "10.213.0.0/24", apiPort: 16444 });
        configure("wide", { name: "y", subnet: "10.213.0.0/22", ports: "18800-18860" });
        const gateway = await write("second");
        expect(gateway).toMatchObject({
            subnet: { cidr: "10.213.4.0/24" },
            apiPort: 16445,
            ports: { first: 18869, last: 18888 },
        });
    });

    it("differs for each of many stacks in turn", async () => {
        const gateways = [];
        for (const stack of ["a", "b", "c", "d", "e"]) {
            gateways.push(await write(stack));
        }
        expect(new Set(gateways.map(({ subnet }) => subnet.cidr)).size).toBe(5);
        expect(new Set(gateways.map(({ apiPort }) => apiPort)).size).toBe(5);
        for (const { ports } of gateways) {
            expect(gateways.filter((g) => contains(g.ports, ports.first))).toHaveLength(1);
            expect(gateways.filter((g) => contains(g.ports, ports.last))).toHaveLength(1);
        }
    });

    it("is no network and no route of the machine", async () => {
        const machine = { ...EMPTY, networks: () => ["127.0.0.0/8", "10.213.0.0/16"] };
        expect((await write("second", machine)).subnet.cidr).toBe("172.30.18.0/24");
    });

    it("is no port of a container, also of a gateway that is stopped and of another checkout", async () => {
        const stopped = portsOfLabel(
            portsLabel({ apiPort: 16443, ports: { first: 18789, last: 18808 } }).value,
        );
        const claimed = () => Promise.resolve([...stopped, { first: 18815, last: 18815 }]);
        expect(await write("second", { ...EMPTY, claimed })).toMatchObject({
            apiPort: 16444,
            ports: { first: 18829, last: 18848 },
        });
    });

    it("is no port that something listens on", async () => {
        const machine: Machine = {
            ...EMPTY,
            findBusy: (ports) => findBusyPort("127.0.0.1", ports),
        };
        const { apiPort, ports } = await write("first", machine);
        rmSync(path.join(root, "Pulumi.first.yaml"));
        const servers = await Promise.all([listen(apiPort), listen(ports.last)]);
        try {
            const next = await write("first", machine);
            expect(next.apiPort).not.toBe(apiPort);
            expect(contains(next.ports, ports.last)).toBe(false);
        } finally {
            servers.forEach((server) => server.close());
        }
    });

    it("leaves alone what stacks have elsewhere, and what is no stack's file", async () => {
        configure("remote", { dockerHost: "ssh://user@server.example.org" });
        configure("cluster", undefined, { "sandbox-gateway:existingCluster": {} });
        writeFileSync(path.join(root, "Pulumi.yaml"), "name: sandbox-gateway\n");
        writeFileSync(path.join(root, "Pulumi.half.yaml.123"), "config: {");
        expect(await write("second")).toMatchObject({
            subnet: { cidr: "10.213.0.0/24" },
            apiPort: 16443,
        });
    });
});

describe("a new stack is refused, and no file written,", () => {
    const refusal = async (stack: string, machine: Machine = EMPTY) => {
        const before = readdirSync(root);
        let message = "";
        try {
            needsFile({ root, stack });
            await writeStackFile({ root, stack }, machine);
        } catch (error) {
            message = `${(error as Error).message}\n${(error as { hint?: string }).hint}`;
        }
        expect(readdirSync(root)).toEqual(before);
        return message;
    };

    it.each(["-dash", "_x", "a".repeat(54), "", "org/project/"])(
        "when its name %j cannot be a gateway's",
        async (stack) => {
            const said = await refusal(stack);
            expect(said).toContain(`stack ${JSON.stringify(stack)}: its gateway would have`);
            expect(said).toContain("must have 1 to 53 letters");
            expect(said).toContain("choose another STACK");
        },
    );

    it("when another stack's gateway has the name", async () => {
        configure("other", { name: "second" });
        expect(await refusal("second")).toContain(
            "the gateway of Pulumi.other.yaml is called second already",
        );
    });

    it("when a gateway of its name has left its data in Docker", async () => {
        const asked: string[] = [];
        const machine: Machine = {
            ...EMPTY,
            hasVolume: (name) => (asked.push(name), Promise.resolve(true)),
        };
        const said = await refusal("second", machine);
        expect(asked).toEqual(["openshell-cluster-second"]);
        expect(said).toContain("Docker has a volume openshell-cluster-second");
        expect(said).toContain("pulumi config refresh");
    });

    it("when Docker is on another machine, whose ports are not seen from here", async () => {
        vi.stubEnv("DOCKER_HOST", "ssh://user@server.example.org");
        expect(await refusal("second")).toContain("DOCKER_HOST=ssh://user@server.example.org");
    });

    it.each([
        ["wrong", "config: {sandbox-gateway:gateway: {apiPort: 80}}", "gateway.apiPort: got 80"],
        ["no YAML", "config: {", "this is not YAML"],
    ])("when what another stack claims cannot be told: its file is %s", async (_, text, why) => {
        writeFileSync(path.join(root, "Pulumi.other.yaml"), text);
        const said = await refusal("second");
        expect(said).toContain("Pulumi.other.yaml: ");
        expect(said).toContain(why);
        expect(said).toContain("mend Pulumi.other.yaml");
    });

    it.each<[string, Partial<Machine>]>([
        ["subnet", { networks: () => ["0.0.0.0/0"] }],
        ["apiPort", { findBusy: ([first = 0]) => Promise.resolve(first) }],
        [
            "ports",
            { findBusy: (ports) => Promise.resolve(ports.length > 1 ? ports[0] : undefined) },
        ],
    ])("when no %s is free", async (key, machine) => {
        expect(await refusal("second", { ...EMPTY, ...machine })).toContain(
            `gateway.${key}: none of the values that are tried is free`,
        );
    });
});

function listen(port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => resolve(server));
    });
}
