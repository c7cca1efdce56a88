import {
    existsSync,
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
    asShell,
    chooseBackend,
    ensureHome,
    ensurePassphrase,
    hasPassphrase,
} from "../../machine/environment";
import type { StateFolder } from "../../machine/stateFolder";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "environment-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("chooseBackend", () => {
    const FOLDER: StateFolder = {
        folder: "/states/checkout-1",
        url: "file:///states/checkout-1",
        passphrase: "/states/checkout-1/passphrase",
    };
    const LOCAL = {
        PULUMI_BACKEND_URL: "file:///states/checkout-1",
        PULUMI_CONFIG_PASSPHRASE_FILE: "/states/checkout-1/passphrase",
    };

    it.each<[string, NodeJS.ProcessEnv, string | undefined, Record<string, string>]>([
        ["nothing is set", {}, undefined, LOCAL],
        ["a backend is set", { PULUMI_BACKEND_URL: "s3://state" }, undefined, {}],
        ["a token of the service is set", { PULUMI_ACCESS_TOKEN: "pul-1" }, undefined, {}],
        ["the user is logged in", {}, "https://api.example.org", {}],
        [
            "a passphrase is set",
            { PULUMI_CONFIG_PASSPHRASE: "" },
            undefined,
            { PULUMI_BACKEND_URL: LOCAL.PULUMI_BACKEND_URL },
        ],
    ])("when %s", (_, env, login, variables) => {
        expect(chooseBackend(FOLDER, env, login).variables).toEqual(variables);
    });

    it.each<[string, NodeJS.ProcessEnv, string | undefined, string]>([
        ["by its folder", {}, undefined, "state in /states/checkout-1"],
        ["by its folder in a shell of `make env`", LOCAL, undefined, "state in /states/checkout-1"],
        [
            "with what threatens it in the checkout, and how it is moved",
            {},
            "/states/better",
            "state in .local/.pulumi of the checkout, which `git clean -x` removes; to move it: mkdir -p -m 700 '/states/better' && mv .local/passphrase .local/.pulumi '/states/better'",
        ],
        [
            "as the user's own",
            { PULUMI_BACKEND_URL: "s3://state" },
            undefined,
            "state in your own backend s3://state",
        ],
    ])("names the place %s", (_, env, betterAt, words) => {
        const folder = betterAt === undefined ? FOLDER : { ...FOLDER, betterAt };
        expect(chooseBackend(folder, env).description).toBe(words);
    });
});

describe("ensurePassphrase", () => {
    it("makes one, for its owner only, and never another", () => {
        const file = path.join(folder, "deep", "passphrase");
        ensurePassphrase(file);
        const first = readFileSync(file, "utf8");
        expect(first).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
        expect(statSync(file).mode & 0o777).toBe(0o600);
        ensurePassphrase(file);
        expect(readFileSync(file, "utf8")).toBe(first);
    });

    it("makes one in place of an empty file, which opens nothing", () => {
        const file = path.join(folder, "passphrase");
        writeFileSync(file, "");
        expect(hasPassphrase(file)).toBe(false);
        ensurePassphrase(file);
        expect(hasPassphrase(file)).toBe(true);
        expect(statSync(file).mode & 0o777).toBe(0o600);
    });
});

describe("ensureHome", () => {
    it("holds plugins as folders of links, those made here before the user's own", () => {
        const own = path.join(folder, "user");
        const made = path.join(folder, "made");
        for (const [home, name, text] of [
            [path.join(own, "plugins"), "resource-a-v1", "own a"],
            [path.join(own, "plugins"), "resource-b-v1", "own b"],
            [made, "resource-b-v1", "made b"],
        ] as const) {
            mkdirSync(path.join(home, name), { recursive: true });
            writeFileSync(path.join(home, name, "plugin"), text);
        }
        writeFileSync(path.join(own, "credentials.json"), "{}");
        for (let run = 0; run < 2; run++) {
            const home = ensureHome(folder, made, { PULUMI_HOME: own });
            const plugin = (name: string) => path.join(home, "plugins", name);
            // The engine takes only a real folder for a plugin.
            expect(lstatSync(plugin("resource-b-v1")).isDirectory()).toBe(true);
            expect(readFileSync(path.join(plugin("resource-a-v1"), "plugin"), "utf8")).toBe(
                "own a",
            );
            expect(readFileSync(path.join(plugin("resource-b-v1"), "plugin"), "utf8")).toBe(
                "made b",
            );
            expect(existsSync(path.join(home, "credentials.json"))).toBe(true);
        }
    });
});

describe("plugins that were not fetched to the end", () => {
    it("are not taken for whole, nor the files beside them for plugins", () => {
        const own = path.join(folder, "user", "plugins");
        const made = path.join(folder, "made");
        mkdirSync(path.join(own, "resource-half-v1"), { recursive: true });
        mkdirSync(path.join(own, "resource-whole-v1"));
        mkdirSync(made);
        for (const file of ["resource-half-v1.partial", "resource-half-v1.lock"]) {
            writeFileSync(path.join(own, file), "");
        }
        const home = ensureHome(folder, made, { PULUMI_HOME: path.join(folder, "user") });
        expect(readdirSync(path.join(home, "plugins"))).toEqual(["resource-whole-v1"]);
    });
});

describe("asShell", () => {
    it("quotes whatever a path may hold", () => {
        expect(asShell(["/a b/c"], { X: "it's" })).toBe(
            `export X='it'\\''s'\nexport PATH='/a b/c':"$PATH"`,
        );
    });

    it("takes away what would win over the rest", () => {
        expect(asShell([], { DOCKER_HOST: "tcp://h" }, ["DOCKER_CONTEXT"])).toBe(
            "export DOCKER_HOST='tcp://h'\nunset DOCKER_CONTEXT",
        );
    });
});
