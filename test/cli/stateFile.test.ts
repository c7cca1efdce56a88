import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lookAtState } from "../../cli/stack/stateFile";

const STACK = { urn: "urn:pulumi:dev::sandbox-gateway::pulumi:pulumi:Stack::s", type: "t" };

/** A state as the engine writes it. */
const state = (resources: object[] = [STACK], type = "passphrase") =>
    JSON.stringify({
        version: 3,
        checkpoint: { stack: "s", latest: { secrets_providers: { type }, resources } },
    });

/** What `pulumi stack select --create` writes first. */
const NEW = '{"version":0,"checkpoint":{"stack":"organization/sandbox-gateway/dev"}}';

let root: string;
let clock: number;

beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), "state-file-"));
    clock = 1_700_000_000;
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => path.join(root, ".pulumi", name);
const FILE = "stacks/sandbox-gateway/dev.json";
const BACKUP = "backups/sandbox-gateway/dev/dev.1700000000000000000.json";

/** Writes a file, a second later than the one before. */
function write(name: string, content: string | Buffer): void {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
    utimesSync(at(name), clock, clock++);
}

const look = (stack = "dev") => lookAtState(`file://${root}`, stack, "/nowhere");

describe("a state", () => {
    it("is whole, with what is in it", () => {
        write(FILE, state());
        const whole = { kind: "whole", file: at(FILE), encrypted: true, resources: [STACK] };
        expect(look()).toEqual(whole);
        expect(look("organization/sandbox-gateway/dev")).toEqual(whole);
        expect(lookAtState("file://./x?no_tmp_dir=true", "dev", root)).toEqual({ kind: "none" });
        expect(lookAtState(`file://.`, "dev", root)).toEqual(whole);
    });

    it("is found in a backend of before 2023, and by a path that a URL has to write otherwise", () => {
        write("stacks/dev.json", state());
        expect(look()).toMatchObject({ kind: "whole", file: at("stacks/dev.json") });
        write("stacks/dev.json", "");
        expect(look()).toMatchObject({ kind: "damaged", file: at("stacks/dev.json") });
        const odd = path.join(root, "a#b%c d?e");
        mkdirSync(path.join(odd, ".pulumi/stacks/sandbox-gateway"), { recursive: true });
        writeFileSync(path.join(odd, ".pulumi", FILE), state());
        const url = `file://${root}/a%23b%25c d%3Fe`;
        expect(lookAtState(url, "dev", root)).toMatchObject({ kind: "whole" });
    });

    it("is whole when it is compressed, new, or encrypted otherwise", () => {
        write(`${FILE}.gz`, gzipSync(state()));
        expect(look()).toMatchObject({ kind: "whole", file: at(`${FILE}.gz`), encrypted: true });
        rmSync(at(`${FILE}.gz`));
        write(FILE, NEW);
        expect(look()).toMatchObject({ kind: "whole", encrypted: false, resources: [] });
        write(FILE, state([STACK], "service"));
        expect(look()).toMatchObject({ kind: "whole", encrypted: false });
    });

    it.each<[string, string | Buffer, RegExp]>([
        ["empty", "", /^it is empty$/],
        ["cut short", state().slice(0, 50), /^it cannot be read: .*JSON/],
        ["zeros, as after a power cut", Buffer.alloc(100), /^it cannot be read: /],
        ["something else", '{"deployment": {}}', /^it holds no state$/],
        ["null", "null", /^it holds no state$/],
    ])("is damaged when it is %s, and backups are named, the newest first", (_, content, why) => {
        write(BACKUP, state());
        write(BACKUP.replace("17000", "17001"), "{");
        write(`${FILE}.bak`, state());
        write(FILE, content);
        expect(look()).toEqual({
            kind: "damaged",
            file: at(FILE),
            why: expect.stringMatching(why) as string,
            backups: [at(`${FILE}.bak`), at(BACKUP)],
        });
    });

    it("is damaged without a backup as well", () => {
        write(FILE, "");
        write(`${FILE}.bak`, NEW);
        expect(look()).toMatchObject({ kind: "damaged", backups: [] });
        write(`${FILE}.gz`, "no gzip");
        rmSync(at(FILE));
        expect(look()).toMatchObject({ kind: "damaged", file: at(`${FILE}.gz`) });
    });

    it("is gone when only backups are left of it", () => {
        write(BACKUP, state());
        expect(look()).toEqual({
            kind: "gone",
            file: at(FILE),
            why: "it is gone",
            backups: [at(BACKUP)],
        });
        write(`${FILE}.bak`, state());
        expect(look()).toMatchObject({ backups: [at(`${FILE}.bak`), at(BACKUP)] });
    });

    it("was never there, or was removed after its resources", () => {
        expect(look()).toEqual({ kind: "none" });
        write(BACKUP, state());
        write(BACKUP.replace("17000", "17001"), state([]));
        write(`${FILE}.bak`, state([]));
        expect(look()).toEqual({ kind: "none" });
        expect(look("second")).toEqual({ kind: "none" });
    });

    it.each([undefined, "s3://bucket", "https://api.pulumi.com"])(
        "is not looked for in the backend %s",
        (url) => {
            write(FILE, "");
            expect(lookAtState(url, "dev", root)).toEqual({ kind: "none" });
        },
    );
});
