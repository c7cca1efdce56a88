/** Locks of the file backend: whose process is gone, whose is not, and whose cannot be told. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
    clearLocks,
    lockFolders,
    mendAttributes,
    whyGone,
    type Machine,
} from "../../cli/recovery/locks";
import { StepError } from "../../steps/errors";

const LOCK = {
    pid: 4711,
    username: "ann",
    hostname: "laptop",
    timestamp: "2026-01-02T03:04:05.678901234Z",
};
const HERE: Machine = { hostname: "laptop", findEngine: () => "gone" };
const RUNS: Machine = { ...HERE, findEngine: ({ pid }) => (pid === 4711 ? "runs" : "gone") };
const HIDDEN: Machine = { ...HERE, findEngine: () => "hidden" };

describe("the folder of a backend", () => {
    it.each([
        ["dev", "sandbox-gateway/dev"],
        ["organization/sandbox-gateway/dev", "sandbox-gateway/dev"],
        ["organization/other/dev", "other/dev"],
    ])("has the locks of %s by project, and as old backends have them", (stack, folder) => {
        expect(lockFolders("/state", stack)).toEqual([
            `/state/.pulumi/locks/organization/${folder}`,
            "/state/.pulumi/locks/dev",
        ]);
    });
});

describe("a lock", () => {
    const judge = async (text: string, machine = HERE) => {
        try {
            return await whyGone(text, "dev", "/locks/1.json", machine);
        } catch (error) {
            return error as StepError;
        }
    };

    it.each([
        ["of a process that runs no more", JSON.stringify(LOCK), "pulumi process 4711 of ann"],
        [
            "that a power cut has emptied",
            "",
            "the file is empty, as a power cut leaves it (1.json)",
        ],
    ])("%s holds nothing", async (_, text, reason) => {
        expect(await judge(text)).toContain(reason);
    });

    it.each([
        [
            "of a process that runs",
            JSON.stringify(LOCK),
            RUNS,
            "another pulumi on this machine: process 4711 of ann, since 2026-01-02T03:04:05.678901234Z",
            "kill -INT 4711",
        ],
        [
            "of another machine",
            JSON.stringify({ ...LOCK, hostname: "server" }),
            HERE,
            "locked by ann@server, process 4711",
            "pulumi cancel --yes dev",
        ],
        [
            "that may be of a process outside",
            JSON.stringify(LOCK),
            HIDDEN,
            "locked by ann@laptop, process 4711, since 2026-01-02T03:04:05.678901234Z; this is a container",
            "pulumi cancel --yes dev",
        ],
        ["of another format", "version: 2", HERE, 'got "version: 2"', "pulumi cancel --yes dev"],
        ["that is cut short", '{"pid": 4711, "user', HERE, "cannot be read", "pulumi cancel"],
        ["without a process", JSON.stringify({ ...LOCK, pid: "1" }), HERE, "cannot be read", ""],
        ["of no process", JSON.stringify({ ...LOCK, pid: 0 }), HERE, "cannot be read", ""],
        ["of a group", JSON.stringify({ ...LOCK, pid: -1 }), HERE, "cannot be read", ""],
        ["of nobody", "null", HERE, "cannot be read", ""],
    ])("%s is respected", async (_, text, machine, message, hint) => {
        const error = await judge(text, machine);
        expect(error).toBeInstanceOf(StepError);
        expect((error as StepError).message).toContain(message);
        expect((error as StepError).hint).toContain(hint);
    });
});

describe("a folder of locks", () => {
    let folder: string;
    let printed: string[];

    const progress = { print: (line: string) => void printed.push(line) };
    const clear = (machine = HERE) => clearLocks([folder], "dev", progress, machine);
    const write = (name: string, text: string) => fs.writeFileSync(path.join(folder, name), text);

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "locks-"));
        printed = [];
    });

    afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

    it("that is not there has none", async () => {
        await clearLocks([path.join(folder, "none")], "dev", progress, HERE);
        expect(printed).toEqual([]);
    });

    it("loses those that are left behind, also one that was being written, with a line each", async () => {
        write("1.json", JSON.stringify(LOCK));
        write("1.json.attrs", "{}");
        write("2.json.18ab.tmp", JSON.stringify(LOCK));
        write("3.json", "\0\0\0\0");
        await clear();
        expect(fs.readdirSync(folder)).toEqual([]);
        expect(printed).toHaveLength(3);
        expect(printed[0]).toContain("a lock of stack dev was left behind");
    });

    it("keeps that of an engine that runs", async () => {
        write("1.json", JSON.stringify(LOCK));
        await expect(clear(RUNS)).rejects.toThrow(StepError);
        expect(fs.readdirSync(folder)).toEqual(["1.json"]);
        expect(printed).toEqual([]);
    });

    it("waits for a lock that is being written", async () => {
        write("1.json", "");
        const cleared = clear(RUNS);
        // It has been read once by then.
        await new Promise((resolve) => setImmediate(resolve));
        write("1.json", JSON.stringify(LOCK));
        await expect(cleared).rejects.toThrow("another pulumi on this machine");
        expect(fs.readdirSync(folder)).toEqual(["1.json"]);
    });
});

describe("attributes beside a state", () => {
    it("that are cut short are taken away, and nothing else is", () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "backend-"));
        const stacks = path.join(folder, ".pulumi/stacks/sandbox-gateway");
        const files = {
            "dev.json": "",
            "dev.json.attrs": "",
            "dev.json.bak.attrs": '{"user.content_',
            "other.json.attrs": "",
        };
        fs.mkdirSync(stacks, { recursive: true });
        for (const [name, text] of Object.entries(files)) {
            fs.writeFileSync(path.join(stacks, name), text);
        }
        const printed: string[] = [];
        const progress = { print: (line: string) => void printed.push(line) };
        try {
            mendAttributes(folder, "dev", progress);
            expect(fs.readdirSync(stacks)).toEqual(["dev.json", "other.json.attrs"]);
            expect(printed).toHaveLength(2);
            fs.writeFileSync(path.join(stacks, "dev.json.attrs"), "{}");
            mendAttributes(folder, "dev", progress);
            expect(fs.readdirSync(stacks)).toContain("dev.json.attrs");
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });
});
