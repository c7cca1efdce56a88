/** What end-to-end tests rest on. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { note, removeAll, removeLeftOvers } from "./leftOvers";
import { findPlace, type Place } from "./place";
import { editProgram, layProject } from "./project";

describe("places of gateways", () => {
    let places: Place[] = [];

    afterEach(() => {
        places.forEach((place) => place.release());
        places = [];
    });

    const find = async (count: number) => {
        const found = await Promise.all(Array.from({ length: count }, () => findPlace()));
        places.push(...found);
        return found;
    };

    it("are never given twice, however many look for one at once", async () => {
        const found = await find(12);
        expect(new Set(found.map(({ subnet }) => subnet)).size).toBe(12);
        const ports = found.flatMap(({ apiPort, ports: { first, last } }) => [
            apiPort,
            first,
            last,
        ]);
        expect(new Set(ports).size).toBe(36);
    });

    it("are not given to another process, until they are given back", async () => {
        const [place] = await find(1);
        const last = (place as Place).ports.last + 1;
        const tryToHold = () =>
            new Promise<string>((resolve) => {
                const script = `require("net").createServer().on("error", () => process.exit(3)).listen(${last}, "127.0.0.1", () => process.exit(0))`;
                spawn(process.execPath, ["-e", script]).on("close", (status) =>
                    resolve(status === 0 ? "free" : "held"),
                );
            });
        expect(await tryToHold()).toBe("held");
        (place as Place).release();
        expect(await tryToHold()).toBe("free");
    });
});

describe("a project", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-project-"));

    afterEach(() => {
        rmSync(folder, { recursive: true, force: true });
    });

    it("is changed for a test, and changed back", () => {
        layProject(folder);
        const constants = path.join(folder, "model/constants.ts");
        const before = readFileSync(constants, "utf8");
        const edit = (from: string) => editProgram(folder, "model/constants.ts", from, '"others"');
        const undo = edit('"sandboxes"');
        expect(readFileSync(constants, "utf8")).toContain('NAMESPACE = "others"');
        undo();
        expect(readFileSync(constants, "utf8")).toBe(before);
        expect(() => edit("not there")).toThrow(/constants\.ts does not contain not there$/);
    });
});

describe("what a killed test has left", () => {
    it("is removed by the next run, and what a running one has is not", async () => {
        const dead = spawn(process.execPath, ["-e", ""]);
        await new Promise((resolve) => dead.on("close", resolve));
        const folders = ["dead", "alive"].map((name) =>
            mkdtempSync(path.join(os.tmpdir(), `sandbox-gateway-${name}-`)),
        ) as [string, string];
        const names = folders.map((folder) => path.basename(folder)) as [string, string];
        const notes = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-notes-"));
        const { PATH } = process.env;
        const answer = (said: string) =>
            writeFileSync(path.join(notes, "docker"), `#!/bin/sh\necho "${said}" >&2; exit 1\n`, {
                mode: 0o755,
            });
        try {
            note(names[0], folders[0], dead.pid, path.join(notes, "of"));
            note(names[1], folders[1], process.pid, path.join(notes, "of"));
            process.env["PATH"] = `${notes}:${PATH}`;
            answer("Cannot connect to the Docker daemon");
            expect(await removeLeftOvers(path.join(notes, "of"))).toEqual([names[0]]);
            // What Docker could not be asked to remove is kept in mind.
            expect(readdirSync(path.join(notes, "of")).sort()).toEqual([...names].sort());
            answer("Error: No such container");
            expect(await removeLeftOvers(path.join(notes, "of"))).toEqual([names[0]]);
            expect(readdirSync(path.join(notes, "of"))).toEqual([names[1]]);
            expect(folders.map((folder) => existsSync(folder))).toEqual([false, true]);
            await removeAll(names[1], folders[1], path.join(notes, "of"));
            expect(readdirSync(path.join(notes, "of"))).toEqual([]);
        } finally {
            process.env["PATH"] = PATH;
            rmSync(notes, { recursive: true, force: true });
        }
    });
});
