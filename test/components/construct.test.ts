/** The public components, constructed by a program of its own: no settings, no configuration. */
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import {
    APPLICATIONS,
    ExistingCluster,
    Gateway,
    Sandbox,
    type Cluster,
    type GatewayArgs,
    type SandboxArgs,
} from "../../components";
import { drain, find, plain, record, type Recorded } from "../support/mocks";
import { value } from "../support/program";

const ARGS: GatewayArgs = {
    name: "Own",
    running: true,
    image: "rancher/k3s:v1.35.4-k3s1",
    subnet: "10.99.1.0/24",
    apiPort: 17000,
    ports: { first: 20000, last: 20003 },
};

/** Constructs something against mocks. @returns what it is, and what was registered */
async function construct<T>(program: () => T): Promise<{ made: T; recorded: Recorded[] }> {
    const recorded = await record();
    const made = program();
    await drain();
    return { made, recorded };
}

/**
 * The message of what a program is refused with, at once or by an output.
 *
 * @param program gives the output that is refused. @default it throws
 */
async function refusal(program: () => pulumi.Output<unknown> | void): Promise<string> {
    await record();
    try {
        // Nothing that is refused gets to the engine, so there is no end of it to wait for.
        const output = program() as unknown as { promise(): Promise<unknown> } | undefined;
        await output?.promise();
        return "nothing";
    } catch (error) {
        expect(pulumi.ResourceError.isInstance(error)).toBe(true);
        return (error as Error).message;
    }
}

const existing = () =>
    new ExistingCluster("cluster", {
        kubeconfig: readFileSync(path.join(__dirname, "..", "fixtures", "kubeconfig"), "utf8"),
        context: "c",
        storageClass: "standard",
        serviceType: "NodePort",
        host: "agents.example.org",
        internalNetworks: ["10.42.0.0/16", "10.43.0.0/16"],
        running: true,
    });

const sandbox = (cluster: Cluster, args: Partial<SandboxArgs> = {}, name = "own") =>
    new Sandbox(name, { cluster, image: "busybox:1.37.0", ...args });

const names = (recorded: readonly Recorded[]) => recorded.map(({ name }) => name).sort();

describe("a gateway", () => {
    it("is what its arguments say, with nothing else given", async () => {
        const { made, recorded } = await construct(() => new Gateway("g", ARGS));
        expect(names(recorded)).toEqual(
            [
                ...["g", "g-data", "g-default-deny", "g-docker", "g-handshake", "g-identity"],
                ...["admin", "client-ca", "handshake", "node-password", "person-admin"].map(
                    (name) => `g-identity-${name}`,
                ),
                ...["g-identity-server-ca", "g-identity-token", "g-image-9cbb878e", "g-k3s"],
                ...["g-kubernetes", "g-namespace", "g-network", "g-workspace-class"],
            ].sort(),
        );
        expect(made).toMatchObject({
            dockerName: "openshell-cluster-Own",
            nodeName: "openshell-own",
            running: true,
            machine: "10.99.1.1",
            ownNetworks: ["10.99.1.0/24"],
            clientNetworks: ["10.99.1.1/32"],
            hostAddresses: [],
            names: [],
            gate: { target: { host: "10.99.1.2", port: 6443 } },
        });
        expect(await value(made.address(20001))).toEqual({ host: "127.0.0.1", port: 20001 });
    });

    it("has a keeper in the place of its container while it is stopped", async () => {
        const stopped = { ...ARGS, running: false };
        const { recorded } = await construct(() => new Gateway("g", stopped));
        expect(names(recorded)).toContain("g-keeper");
        expect(names(recorded)).not.toContain("g-k3s");
    });

    it.each([
        [{ bindAddress: "0.0.0.0" }, "127.0.0.1", undefined],
        [{ bindAddress: "192.168.7.5" }, "192.168.7.5", undefined],
        [
            { bindAddress: "0.0.0.0", dockerHost: "ssh://u@server", apiHost: "server" },
            "server",
            undefined,
        ],
        [
            { bindAddress: "0.0.0.0", dockerHost: "unix:///run/d.sock", apiHost: "server" },
            "127.0.0.1",
            undefined,
        ],
    ])("published with %j is reached at %s", async (more, host, clients) => {
        const { made } = await construct(() => new Gateway("g", { ...ARGS, ...more }));
        expect(await value(made.address(20001))).toEqual({ host, port: 20001 });
        expect(made.clientNetworks).toBe(clients);
    });

    it("refuses a subnet that is none, in its own terms", async () => {
        expect(
            await refusal(() => void new Gateway("g", { ...ARGS, subnet: "10.99.1.0/33" })),
        ).toBe('subnet: got "10.99.1.0/33"; must be an IPv4 subnet such as 172.30.18.0/24');
    });
});

describe("a sandbox", () => {
    it("has its resources, and no page without an application", async () => {
        const { made, recorded } = await construct(() => sandbox(new Gateway("g", ARGS)));
        expect(names(recorded).filter((name) => name.startsWith("own"))).toEqual(
            [
                ...["own", "own-agent", "own-claims", "own-config", "own-network", "own-secret"],
                ...["own-token", "own-workspace", "own-workspace-size"],
            ].sort(),
        );
        expect(await value(made.url)).toBeUndefined();
        expect(await value(made.tokenUrl)).toBeUndefined();
        expect(await value(made.token)).toMatch(/^[0-9a-f]{64}$/);
        expect(await value(made.claims)).toEqual(["workspace-own-0"]);
    });

    it("has a page with an application, and a token in its URL", async () => {
        const { openclaw } = APPLICATIONS;
        const { made } = await construct(() =>
            sandbox(existing(), { application: openclaw, image: openclaw.image }),
        );
        expect(await value(made.url)).toBe("http://agents.example.org:18800/");
        expect(await value(made.tokenUrl)).toBe(
            `http://agents.example.org:18800/#token=${await value(made.token)}`,
        );
    });

    it("goes with its gateway's volume, and with nothing of an existing cluster", async () => {
        for (const cluster of [() => new Gateway("g", ARGS), existing]) {
            const { recorded } = await construct(() => sandbox(cluster()));
            const set = plain(find(recorded, "kubernetes:apps/v1:StatefulSet").inputs) as {
                spec: { replicas: number; template: { spec: { securityContext: object } } };
            };
            expect(set.spec.replicas).toBe(1);
            // Only a storage driver's volumes are root's.
            expect("fsGroup" in set.spec.template.spec.securityContext).toBe(cluster === existing);
        }
    });

    it("is told in its own terms what is closed", async () => {
        const open = () =>
            void sandbox(new Gateway("g", ARGS), { egress: [{ cidr: "10.99.1.0/24" }] });
        expect(await refusal(open)).toContain(
            'egress[0] of sandbox own: got {"cidr":"10.99.1.0/24"}; must not open',
        );
    });

    it("is told in its own terms whose a port is", async () => {
        const both = () => {
            const one = new Gateway("g", { ...ARGS, ports: { first: 18789, last: 18808 } });
            const application = { port: 80 };
            const picked = sandbox(one, { application }, "picked");
            sandbox(one, { application, hostPort: 18800 }, "fixed");
            return picked.url;
        };
        // Of the mocks, every Service that asks for no port has this one.
        expect(await refusal(both)).toContain(
            "hostPort of sandbox fixed: got 18800; must not be the port of sandbox picked",
        );
    });
});
