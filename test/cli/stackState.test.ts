import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
    checkNeverThere,
    checkState,
    findState,
    isNotThere,
    selectStack,
    type Subject,
} from "../../cli/stack/stackState";
import { parsePlace } from "../../settings/parse";
import type { PlaceSettings } from "../../settings/schema";
import type { DockerHost } from "../../machine/docker/host";
import { StepError } from "../../steps/errors";
import { findStateFolder, makeStateFolder } from "../../machine/stateFolder";
import { StandIns } from "../support/standIns";

const VOLUME = "openshell-cluster-dev";
const place = parsePlace({ gateway: { name: "dev" } }).settings as PlaceSettings;
const docker: DockerHost = {
    ...{ host: "unix:///run/other.sock", namedBy: "Docker's context other", usual: false },
    variables: {},
};

/** A state with a gateway's volume. */
const STATE = JSON.stringify({
    version: 3,
    checkpoint: {
        latest: {
            secrets_providers: { type: "passphrase" },
            resources: [
                { urn: "u", type: "docker:index/volume:Volume", outputs: { name: VOLUME } },
            ],
        },
    },
});

let folder: string;
let root: string;
let backend: string;
let standIns: StandIns;

beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "stack-state-")));
    root = path.join(folder, "checkout");
    mkdirSync(root);
    vi.stubEnv("XDG_STATE_HOME", path.join(folder, "states"));
    const own = findStateFolder(root);
    makeStateFolder(own, root);
    backend = own.folder;
    standIns = new StandIns();
});

afterEach(() => {
    standIns.remove();
    rmSync(folder, { recursive: true, force: true });
});

const stateFile = (of = backend) => path.join(of, ".pulumi/stacks/sandbox-gateway/dev.json");

function store(content: string, file = stateFile()): void {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
}

const subject = (more: NodeJS.ProcessEnv = {}): Subject => ({
    root,
    stack: "dev",
    env: {
        PATH: process.env["PATH"],
        PULUMI_BACKEND_URL: `file://${backend}`,
        PULUMI_CONFIG_PASSPHRASE_FILE: path.join(backend, "passphrase"),
        ...more,
    },
});

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

describe("a state", () => {
    it("is worked with when it is whole and has its passphrase", () => {
        store(STATE);
        store("secret\n", path.join(backend, "passphrase"));
        expect(checkState(subject()).kind).toBe("whole");
    });

    it.each<[string, string | undefined]>([
        ["does not exist", undefined],
        ["is empty", ""],
    ])("whose passphrase %s is refused, with both files and what to do", async (what, content) => {
        store(STATE);
        const passphrase = path.join(backend, "passphrase");
        if (content !== undefined) {
            store(content, passphrase);
        }
        const said = await refusal(() => checkState(subject()));
        expect(said).toContain(`the passphrase of stack dev is missing: ${passphrase} ${what}`);
        expect(said).toContain(`the state ${stateFile()} is encrypted with it`);
        expect(said).toContain(`put ${passphrase} back from a backup`);
        expect(said).toContain("`make recover STACK=dev`");
    });

    it.each<[string, NodeJS.ProcessEnv, string]>([
        ["a passphrase is in the environment", { PULUMI_CONFIG_PASSPHRASE: "x" }, STATE],
        ["no passphrase was named", { PULUMI_CONFIG_PASSPHRASE_FILE: undefined }, STATE],
        ["none has encrypted it", {}, STATE.replace("passphrase", "awskms")],
    ])("needs no file with a passphrase when %s", (_, env, content) => {
        store(content);
        expect(checkState(subject(env)).kind).toBe("whole");
    });

    it("that is damaged is refused with its newest backup", async () => {
        store(STATE, `${stateFile()}.bak`);
        store("");
        const said = await refusal(() => checkState(subject()));
        expect(said).toContain(`the state of stack dev, ${stateFile()}: it is empty`);
        expect(said).toContain(
            `cp ${stateFile()}.bak ${stateFile()}, then \`make heal STACK=dev\``,
        );
        expect(said).toContain("`make recover STACK=dev`");
    });

    it("that is damaged and has no backup is refused with the way to recover", async () => {
        store("{");
        const said = await refusal(() => checkState(subject()));
        expect(said).toContain("there is no backup of it beside it");
        expect(said).toContain(`move ${stateFile()} away, then \`make recover STACK=dev\``);
    });

    it("whose backup is packed, in a folder with a blank, is put back by what is typed", async () => {
        const far = path.join(folder, "my states");
        store("{", stateFile(far));
        const packed = path.join(far, ".pulumi/backups/sandbox-gateway/dev/dev.17.json.gz");
        mkdirSync(path.dirname(packed), { recursive: true });
        writeFileSync(packed, gzipSync(STATE));
        const there = subject({ PULUMI_BACKEND_URL: `file://${far}` });
        const said = await refusal(() => checkState(there));
        const [, typed = ""] = /^(.*), then `make heal/m.exec(said) ?? [];
        execFileSync("sh", ["-c", typed]);
        store("secret\n", path.join(backend, "passphrase"));
        expect(checkState(there).kind).toBe("whole");
    });

    it("that is gone is refused with its backup", async () => {
        store(STATE, `${stateFile()}.bak`);
        const said = await refusal(() => checkState(subject()));
        expect(said).toContain(`the state of stack dev, ${stateFile()}: it is gone`);
        expect(said).toContain(`cp ${stateFile()}.bak ${stateFile()}`);
    });
});

/** A daemon that has volumes. */
function dockerHas(...volumes: string[]): void {
    standIns.add(
        "docker",
        `case "$*" in
version*) echo '{"Version": "28.4.0"}' ;;
info*) echo '{}' ;;
"volume ls"*) printf '%s\\n' ${volumes.join(" ") || "''"} ;;
*) exit 64 ;;
esac`,
    );
}

const yes = () => Promise.resolve(true);
const no = () => Promise.resolve(false);
const neverThere = (hasData = yes) => checkNeverThere({ ...subject(), place, docker }, hasData);

describe("a stack that the backend does not have", () => {
    it("is new when Docker has no volume of it, or one without its data", async () => {
        dockerHas("other", `${VOLUME}-2`);
        await neverThere();
        dockerHas(VOLUME);
        await neverThere(no);
    });

    it("is not new when its gateway's data is in Docker", async () => {
        dockerHas(VOLUME);
        const said = await refusal(neverThere);
        expect(said).toContain(
            `Docker at unix:///run/other.sock (Docker's context other) has the data of gateway dev, in the volume ${VOLUME}, and file://${backend} has no stack dev`,
        );
        expect(said).toContain("run `make recover STACK=dev`");
    });

    it("is another checkout's when that one has its state", async () => {
        const clone = path.join(folder, "clone");
        mkdirSync(clone);
        const theirs = findStateFolder(clone);
        makeStateFolder(theirs, clone);
        // Under whatever name.
        store(STATE, stateFile(theirs.folder).replace("dev.json", "mine.json"));
        dockerHas(VOLUME);
        const said = await refusal(neverThere);
        expect(said).toContain(`it is the gateway of the checkout ${clone}`);
        expect(said).not.toContain("make recover");
        rmSync(clone, { recursive: true });
        const moved = await refusal(neverThere);
        expect(moved).toContain(`of the checkout ${clone}, which is gone or was moved: `);
        expect(moved).not.toContain("make recover");
        expect(moved).toContain(`cp -an ${theirs.folder}/. ${backend}/`);
    });

    it("whose checkout has moved is not moved over what this one has", async () => {
        const gone = path.join(folder, "gone");
        mkdirSync(gone);
        const theirs = findStateFolder(gone);
        makeStateFolder(theirs, gone);
        store(STATE, stateFile(theirs.folder));
        store("theirs\n", theirs.passphrase);
        rmSync(gone, { recursive: true });
        store("ours\n", path.join(backend, "passphrase"));
        dockerHas(VOLUME);
        const said = await refusal(neverThere);
        expect(said).not.toMatch(/\bmv\b|move what is in/);
        expect(said).toContain(
            `PULUMI_BACKEND_URL=${theirs.url} PULUMI_CONFIG_PASSPHRASE_FILE=${theirs.passphrase}`,
        );
    });

    it("is another stack's of this checkout when that one has its state", async () => {
        const file = stateFile().replace("dev.json", "second.json");
        store(STATE, file);
        dockerHas(VOLUME);
        const said = await refusal(neverThere);
        expect(said).toContain(`it is the gateway of the checkout ${root} (${file})`);
        expect(said).not.toContain("make recover");
    });

    it("was there when its file has a salt", async () => {
        dockerHas("other");
        store("config: {}\nencryptionsalt: v1:x:y\n", path.join(root, "Pulumi.dev.yaml"));
        const said = await refusal(neverThere);
        expect(said).toContain(
            "Pulumi.dev.yaml has an encryptionsalt, so that stack dev was there",
        );
        expect(said).toContain(`has no volume ${VOLUME} either`);
        expect(said).toContain("remove the line `encryptionsalt` from Pulumi.dev.yaml");
    });

    it.each<[string, string, string]>([
        ["JSON", "Pulumi.dev.json", '{"encryptionsalt": "v1:x:y", "config": {}}'],
        ["a quoted key", "Pulumi.dev.yaml", '"encryptionsalt": v1:x:y\n'],
        ["one line", "Pulumi.dev.yaml", "{config: {}, encryptionsalt: 'v1:x:y'}\n"],
    ])("was there when its file has a salt in %s", async (_, file, text) => {
        dockerHas("other");
        store(`{"name": "sandbox-gateway"}`, path.join(root, file.replace(".dev", "")));
        store(text, path.join(root, file));
        expect(await refusal(neverThere)).toContain(`${file} has an encryptionsalt`);
    });

    it("is not taken for new while Docker does not answer", async () => {
        standIns.add("docker", "echo 'Cannot connect' >&2; exit 1");
        expect(await refusal(neverThere)).toContain("no Docker daemon answers");
    });

    it("of an existing cluster has nothing in Docker", async () => {
        const existingCluster = { kubeconfig: "/k", context: "c", storageClass: "s", host: "h" };
        const cluster = parsePlace({ existingCluster }).settings as PlaceSettings;
        await checkNeverThere({ ...subject(), place: cluster, docker }, yes);
        expect(standIns.calls()).toEqual([]);
    });
});

describe("what works with a stack", () => {
    it("asks for it where there is none, without a look into the volume", async () => {
        dockerHas(VOLUME);
        expect(await refusal(() => findState({ ...subject(), place, docker }))).toContain(
            "`make recover STACK=dev`",
        );
        expect(standIns.calls().some((call) => call.includes(" run "))).toBe(false);
    });

    it("leaves it to pulumi in a backend that cannot be looked into", async () => {
        const elsewhere = subject({ PULUMI_BACKEND_URL: "s3://x" });
        expect(await findState({ ...elsewhere, place, docker })).toBe(true);
        expect(standIns.calls()).toEqual([]);
    });

    it("knows of one that never was, and says what makes it", async () => {
        dockerHas("other");
        expect(await findState({ ...subject(), place, docker })).toBe(false);
        const { message, hint } = isNotThere(subject());
        expect(message).toMatch(/^there is no stack dev in file:/);
        expect(hint).toContain("`make up STACK=dev`");
    });
});

describe("a stack is selected", () => {
    const made: string[] = [];
    const prepare = () => Promise.resolve(void made.push("prepared"));
    const select = () => selectStack({ ...subject(), progress: standIns.progress }, prepare);

    beforeEach(() => made.splice(0));

    it("where it is there", async () => {
        standIns.add("pulumi", "");
        await select();
        expect(standIns.calls()).toEqual(["pulumi stack select dev"]);
        expect(made).toEqual([]);
    });

    it("and made where it is not, after it was seen that it may be", async () => {
        const answer = "echo \"error: no stack named 'dev' found\" >&2; exit 6";
        standIns.add("pulumi", `[ "$3" = --create ] || { ${answer}; }`);
        await select();
        expect(standIns.calls()).toEqual([
            "pulumi stack select dev",
            "pulumi stack select --create dev",
        ]);
        expect(made).toEqual(["prepared"]);
    });

    it("and never made because it could not be selected", async () => {
        standIns.add("pulumi", "echo 'error: failed to load checkpoint' >&2; exit 1");
        await expect(select()).rejects.toThrow("failed to load checkpoint");
        expect(standIns.calls()).toEqual(["pulumi stack select dev"]);
        expect(made).toEqual([]);
    });
});
