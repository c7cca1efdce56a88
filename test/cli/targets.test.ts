/** What `make`'s targets run, in a checkout of the test's own: with a pulumi and a Docker that note their calls. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Export, Stored } from "../../cli/stack/stackExport";
import { PLUGINS } from "../../machine/plugins";
import { sdkVersion } from "../../machine/versions";
import { FakeCluster } from "../support/fakeCluster";
import { layProject } from "../support/project";
import { attempt } from "../support/run";
import { StandIns } from "../support/standIns";

const ROOT = path.join(__dirname, "..", "..");
const HEAL = "pulumi up --yes --refresh --run-program --skip-preview";

let folder: string;
let standIns: StandIns;

beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "targets-"));
    layProject(folder);
    // The tools work on the folder they lie in.
    for (const name of ["cli", "steps"]) {
        cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
    }
    for (const plugin of PLUGINS) {
        mkdirSync(path.join(folder, ".pulumi", "plugins", plugin.folder), { recursive: true });
    }
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
    standIns = new StandIns();
});

afterEach(() => standIns.remove());

/** Has a stack with these settings and this state; what would change anything fails with status 3. */
function prepare(settings: object, resources: readonly Stored[]): void {
    const config = Object.entries(settings).map(([key, value]: [string, unknown]) => [
        `sandbox-gateway:${key}`,
        value,
    ]);
    const yaml = JSON.stringify({ config: Object.fromEntries(config) as object });
    writeFileSync(path.join(folder, "Pulumi.test.yaml"), yaml);
    const state: Export = { deployment: { resources } };
    writeFileSync(path.join(standIns.folder, "state"), JSON.stringify(state));
    standIns.add(
        "pulumi",
        `case "$*" in
version) echo v${sdkVersion("pulumi")} ;;
"stack export") cat ${standIns.folder}/state ;;
"stack select test") ;;
refresh*) ;;
*) exit 3 ;;
esac`,
    );
}

async function make(target: string) {
    const args = ["--require", require.resolve("tsx/cjs"), "cli/make.ts", target];
    const env = {
        PATH: process.env["PATH"],
        HOME: folder,
        STACK: "test",
        PULUMI_BACKEND_URL: "s3://state",
        PULUMI_CONFIG_PASSPHRASE: "p",
        DOCKER_HOST: "unix:///run/other.sock",
    };
    return attempt(process.execPath, args, { cwd: folder, env });
}

/** What was done to the stack. */
const changes = () =>
    standIns
        .calls()
        .filter((call) => /^pulumi (up|refresh|destroy|state|config|import) /.test(call));

describe("in an existing cluster", () => {
    const NAME = "sandboxes-test-01234567";
    let cluster: FakeCluster;

    beforeEach(async () => {
        cluster = await FakeCluster.start();
        cluster.writeKubeconfig(path.join(folder, "kubeconfig"), "prod");
        standIns.add("docker", "exit 1");
        const existingCluster = {
            ...{ kubeconfig: "./kubeconfig", context: "prod", storageClass: "s", host: "h" },
        };
        const type = "kubernetes:core/v1:Namespace";
        prepare({ existingCluster }, [
            {
                urn: `urn:pulumi:test::sandbox-gateway::sandbox-gateway:index:ExistingCluster$${type}::cluster-namespace`,
                type,
                protect: true,
                outputs: { metadata: { name: NAME } },
            },
        ]);
    });

    afterEach(() => cluster.close());

    it.each(["heal", "stop", "start", "destroy", "up"])(
        "make %s changes nothing where the stack's namespace is not",
        async (target) => {
            const { status, stderr } = await make(target);
            expect(stderr).toContain(
                `got no namespace ${NAME}; expected a namespace ${NAME}, where`,
            );
            expect(status).toBe(1);
            expect(changes()).toEqual([]);
        },
    );

    it.each([
        ["heal", HEAL],
        ["up", "pulumi up --yes"],
    ])("make %s goes on where it is", async (target, command) => {
        cluster.namespaces.set(NAME, {});
        expect(await make(target)).toMatchObject({ status: 3 });
        expect(changes()).toEqual([command]);
    });

    it("make heal changes nothing where nobody answers, and make stop is begun", async () => {
        await cluster.close();
        const { status, stderr } = await make("heal");
        expect(stderr).toContain(`cannot be asked whether it has the namespace ${NAME}`);
        expect(status).toBe(1);
        expect(changes()).toEqual([]);
        expect(await make("stop")).toMatchObject({ status: 3 });
        expect(changes()).toEqual(["pulumi up --yes --config running=false"]);
    });
});

describe("of a gateway", () => {
    const resource = (type: string, name: string, outputs: object): Stored => ({
        urn: `urn:pulumi:test::sandbox-gateway::sandbox-gateway:index:Gateway$${type}::${name}`,
        type,
        outputs: { ...outputs },
    });
    const NETWORK = resource("docker:index/network:Network", "gateway-network", {
        name: "openshell-cluster-openshell",
    });

    /** With a daemon that has lost the network of a gateway that is stopped. */
    beforeEach(() => {
        standIns.add(
            "docker",
            `case "$*" in
version*) echo '{"Version": "28.4.0"}' ;;
info*) echo '{}' ;;
"context inspect") echo '[{"Name": "default", "Endpoints": {"docker": {"Host": "unix:///run/other.sock"}}}]' ;;
"volume ls"*) echo openshell-cluster-openshell ;;
"network ls"*) echo bridge ;;
*) exit 1 ;;
esac`,
        );
        prepare({}, [
            resource("pulumi:index:Stash", "gateway-identity-server-ca", { output: "x" }),
            resource("docker:index/volume:Volume", "gateway-data", {
                name: "openshell-cluster-openshell",
            }),
            NETWORK,
        ]);
    });

    it("make start makes again what a prune has taken, before it starts anything", async () => {
        expect(await make("start")).toMatchObject({ status: 3 });
        expect(changes()).toEqual([
            `pulumi refresh --yes --skip-preview --target ${NETWORK.urn}`,
            "pulumi up --yes --config running=true",
        ]);
    });

    it("make heal looks at everything first, so that what somebody has stopped by hand is started", async () => {
        expect(await make("heal")).toMatchObject({ status: 3 });
        expect(changes()).toEqual([HEAL]);
    });
});
