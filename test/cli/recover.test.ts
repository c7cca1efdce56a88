import {
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkLacking, dropStaleSalt, readIdentity, recover } from "../../cli/recovery/recover";
import { withIdentity, type Export } from "../../cli/recovery/recoveredState";
import type { RecoveredIdentity } from "../../cli/recovery/volumeIdentity";
import { StepError } from "../../steps/errors";
import { findStateFolder, makeStateFolder } from "../../machine/stateFolder";
import { StandIns } from "../support/standIns";

const VOLUME = "openshell-cluster-dev";

let folder: string;
let root: string;
let standIns: StandIns;

beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "recover-")));
    root = path.join(folder, "checkout");
    mkdirSync(root);
    configure("config:\n  sandbox-gateway:gateway:\n    name: dev\n");
    vi.stubEnv("XDG_STATE_HOME", path.join(folder, "states"));
    vi.stubEnv("DOCKER_HOST", undefined);
    standIns = new StandIns();
});

afterEach(() => {
    standIns.remove();
    rmSync(folder, { recursive: true, force: true });
});

const FILE = () => path.join(root, "Pulumi.dev.yaml");
const configure = (text: string) => writeFileSync(FILE(), text);

/** A daemon that has a volume, and prints this of it. */
function dockerHas(volume: string, printed = ""): void {
    standIns.add(
        "docker",
        `case "$*" in
"context inspect") echo '[{"Name": "default", "Endpoints": {"docker": {"Host": ""}}}]' ;;
version*) echo '{"Version": "28.4.0"}' ;;
info*) echo '{}' ;;
"volume ls"*) echo '${volume}' ;;
run*) printf '%s' '${printed}' ;;
*) exit 64 ;;
esac`,
    );
}

/** What a refusal says, with what to do. */
async function refusal(work: () => unknown): Promise<string> {
    try {
        await work();
    } catch (error) {
        expect(error).toBeInstanceOf(StepError);
        const { message, hint } = error as StepError;
        return `${message}\n${hint}`;
    }
    throw new Error("it was not refused");
}

describe("there is nothing to recover from, and nothing is made,", () => {
    const refused = async () => {
        const said = await refusal(() => recover({ root, stack: "dev" }, standIns.progress));
        expect(standIns.calls().filter((call) => !call.startsWith("docker "))).toEqual([]);
        return said;
    };

    it("without the stack's file", async () => {
        rmSync(FILE());
        expect(await refused()).toContain("Pulumi.dev.yaml, which says where the gateway is");
    });

    it("in a cluster that was there already", async () => {
        dockerHas(VOLUME);
        configure(
            "config:\n  sandbox-gateway:existingCluster: {kubeconfig: /k, context: c, storageClass: s, host: h}\n",
        );
        expect(await refused()).toContain("has no gateway, but existingCluster");
    });

    it("without a volume, of which the daemon is named", async () => {
        dockerHas("another");
        expect(await refused()).toMatch(
            /^Docker at unix:\S+ \(\S.*\) has no volume openshell-cluster-dev/,
        );
    });

    it("while Docker does not answer", async () => {
        standIns.add(
            "docker",
            'case "$1" in context) echo "[]" ;; *) echo "Cannot connect" >&2; exit 1 ;; esac',
        );
        expect(await refused()).toContain("no Docker daemon answers");
    });

    it("while another checkout has the state", async () => {
        dockerHas(VOLUME);
        const clone = path.join(folder, "clone");
        mkdirSync(clone);
        const theirs = findStateFolder(clone);
        makeStateFolder(theirs, clone);
        const file = path.join(theirs.folder, ".pulumi/stacks/sandbox-gateway/dev.json");
        mkdirSync(path.dirname(file), { recursive: true });
        const resources = [
            { urn: "u", type: "docker:index/volume:Volume", outputs: { name: VOLUME } },
        ];
        writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }));
        const said = await refused();
        expect(said).toContain(`the state of gateway dev is not lost: ${file} has it`);
        expect(said).toContain(`work with that, or choose another gateway.name`);
    });

    it.each([
        ["whose volume is empty", "", "has no cluster in it"],
        [
            "whose volume is somebody else's",
            "server/db/state.db \n",
            "no identity that could be recovered: server-ca.crt",
        ],
    ])("of a gateway %s", async (_, printed, why) => {
        dockerHas(VOLUME, printed);
        expect(await refusal(() => readIdentity(VOLUME, "k3s:1"))).toContain(why);
    });
});

describe("the salt in a stack's file", () => {
    const SALTED = "# mine\nencryptionsalt: v1:x:y\nconfig:\n  a: b\n";
    const drop = (env: NodeJS.ProcessEnv = {}) =>
        dropStaleSalt({
            ...{ root, stack: "dev" },
            env: { PULUMI_CONFIG_PASSPHRASE_FILE: path.join(folder, "passphrase"), ...env },
        });

    it("goes with the passphrase that it belongs to, and nothing else of the file", () => {
        configure(SALTED);
        drop();
        expect(readFileSync(FILE(), "utf8")).toBe("# mine\nconfig:\n  a: b\n");
        expect(readdirSync(root)).toEqual(["Pulumi.dev.yaml"]);
    });

    it.each<[string, string, string]>([
        [
            "Pulumi.dev.json",
            '{"encryptionsalt": "v1:x:y", "config": {"a": "b"}}',
            '{"config":{"a":"b"}}',
        ],
        ["Pulumi.dev.yaml", '"encryptionsalt": v1:x:y\nconfig: {a: b}\n', '{"config":{"a":"b"}}'],
        ["Pulumi.dev.yaml", "{config: {a: b}, encryptionsalt: v1:x}\n", '{"config":{"a":"b"}}'],
    ])("goes from %s, however it is written: %s", (name, text, rest) => {
        const file = path.join(root, name);
        writeFileSync(file.replace(".dev", ""), '{"name": "sandbox-gateway"}');
        writeFileSync(file, text);
        drop();
        expect(JSON.stringify(parse(readFileSync(file, "utf8")))).toBe(rest);
    });

    it("stays while the passphrase is there", () => {
        configure(SALTED);
        drop({ PULUMI_CONFIG_PASSPHRASE: "x" });
        drop({ PULUMI_CONFIG_PASSPHRASE_FILE: undefined });
        writeFileSync(path.join(folder, "passphrase"), "x\n");
        drop();
        expect(readFileSync(FILE(), "utf8")).toBe(SALTED);
    });

    it("stays where it has encrypted something, which is named", async () => {
        const text = `${SALTED}  sandbox-gateway:sandboxes:\n    a:\n      env:\n        KEY:\n          secure: v1:z\n`;
        configure(text);
        const said = await refusal(() => drop());
        expect(said).toContain(
            "Pulumi.dev.yaml has secrets that were encrypted with the lost passphrase: sandbox-gateway:sandboxes\n",
        );
        expect(readFileSync(FILE(), "utf8")).toBe(text);
    });
});

describe("a state that has an identity", () => {
    const IDENTITY: RecoveredIdentity = {
        serverCa: { cert: "a", key: "b" },
        clientCa: { cert: "c", key: "d" },
        token: "ab".repeat(32),
    };
    const state = withIdentity({ version: 3, deployment: {} }, "dev", IDENTITY);
    const check = (exported: Export, again = false, identity = IDENTITY) =>
        checkLacking({ root, stack: "dev", env: {} }, exported, identity, again);

    it("needs none, unless a recovery was killed halfway", async () => {
        expect(await refusal(() => check(state))).toContain("there is nothing to recover");
        check(state, true);
    });

    it("of which something was deleted gets it back", () => {
        const resources = state.deployment.resources?.filter(
            ({ urn }) => !urn.endsWith("server-ca"),
        );
        check({ version: 3, deployment: { resources: resources ?? [] } });
    });

    it.each([false, true])("of another gateway is not touched", async (again) => {
        const other = { ...IDENTITY, token: "cd".repeat(32) };
        expect(await refusal(() => check(state, again, other))).toContain(
            "is another gateway's: gateway-identity-token differ",
        );
    });
});
