import { spawnSync } from "node:child_process";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OF_SHELLS } from "../../settings/rules/variables";
import { ODD_TEXTS } from "../support/oddTexts";
import { shells, type Shell } from "../support/shells";

/** Says what it has been given. */
const ENV = "/usr/bin/env";

const SCRIPT = path.join(__dirname, "..", "..", "components", "sandbox", "scripts", "start.sh");

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "start "));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run([shell, ...options]: Shell["command"], args: string[]) {
    const { status, stdout, stderr } = spawnSync(shell, [...options, SCRIPT, ...args], {
        encoding: "utf8",
    });
    return { status, stdout, stderr };
}

const file = (name: string) => path.join(folder, name);

describe.each(shells())("start.sh under $name", ({ command }) => {
    const start = (...args: string[]) => run(command, args);

    it("removes exactly what matches, names with spaces and broken links too", () => {
        writeFileSync(file("a b.lock"), "");
        writeFileSync(file("data.lock.sqlite"), "");
        symlinkSync("/nowhere", file("gone.lock"));
        mkdirSync(file("dir.lock"));
        writeFileSync(file("dir.lock/inside"), "");
        expect(start(file("*.lock"), file("nothing-*"), "--", "true").status).toBe(0);
        expect(existsSync(file("a b.lock"))).toBe(false);
        expect(existsSync(file("dir.lock"))).toBe(false);
        expect(existsSync(file("data.lock.sqlite"))).toBe(true);
    });

    it("removes names of every kind, and never the folder that it looks in or the one above", () => {
        const odd = ["-rf", "new\nline", "*", "$(touch x)", ".hidden", "..odd"];
        mkdirSync(file("run"));
        odd.forEach((name) => writeFileSync(file(`run/${name}`), ""));
        writeFileSync(file("above"), "");
        // `.*` stands for `.` and `..` as well, in some shells.
        expect(start(file("run/*"), file("run/.*"), "--", "true").status).toBe(0);
        expect(readdirSync(file("run"))).toEqual([]);
        expect(readdirSync(folder).sort()).toEqual(["above", "run"]);
    });

    it("does not follow a link that matches", () => {
        mkdirSync(file("kept"));
        writeFileSync(file("kept/data"), "");
        symlinkSync("kept", file("link.lock"));
        expect(start(file("*.lock"), "--", "true").status).toBe(0);
        expect(readdirSync(folder)).toEqual(["kept"]);
        expect(existsSync(file("kept/data"))).toBe(true);
    });

    it("starts the command beside what cannot be removed", () => {
        expect(start("/proc/self/status", "--", "echo", "started").stdout).toBe("started\n");
    });

    it("becomes the command, with its arguments and its status as they are", () => {
        expect(
            start("--", "/bin/sh", "-c", 'printf "<%s>" "$@"; exit 7', "x", "a b", "*", ""),
        ).toEqual({
            status: 7,
            stdout: "<a b><*><>",
            stderr: "",
        });
    });

    it("hands odd arguments on as they are", () => {
        const print = ["/bin/sh", "-c", 'printf "%s\\0" "$@"', "x"];
        const { stdout } = start("/tmp/nothing-*", "--", ...print, ...ODD_TEXTS);
        expect(stdout.split("\0").slice(0, -1)).toEqual(ODD_TEXTS);
    });

    it("hands every variable on that the settings let through", () => {
        const names = [
            ...["_", "IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PS1", "PS2", "PS4", "PWD"],
            ...["RANDOM", "SHLVL", "SHELLOPTS", "BASH_VERSION", "EPOCHSECONDS", "COMP_WORDBREAKS"],
            ...["HOME", "TERM", "LANG", "SECONDS", "UID", "CDPATH", "MAIL", "ENV", "PS3", "TOKEN"],
            ...["file", "root", "HOSTNAME", "OPTARG", "POSIXLY_CORRECT", "COLUMNS", "SHELL"],
        ].filter((name) => !OF_SHELLS.test(name));
        expect(names).toContain("PS3");
        const odd = "$(HOME) `id`\n  two  ";
        const [shell, ...options] = command;
        const { stdout } = spawnSync(shell, [...options, SCRIPT, "--", ENV, "-0"], {
            encoding: "utf8",
            env: { PATH: process.env["PATH"], ...Object.fromEntries(names.map((n) => [n, odd])) },
        });
        const got = stdout.split("\0");
        expect(names.filter((name) => !got.includes(`${name}=${odd}`))).toEqual([]);
    });

    it.each([[[]], [["--"]], [["/tmp/nothing-*"]]])(
        "refuses %j, which names no command",
        (args) => {
            const { status, stderr } = start(...args);
            expect(status).toBe(64);
            expect(stderr).toContain("got no command; expected: start.sh [PATTERN...] -- COMMAND");
        },
    );
});
