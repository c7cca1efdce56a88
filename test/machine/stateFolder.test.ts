import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    realpathSync,
    rmSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
    findStateFolder,
    makeLocalFolder,
    makeStateFolder,
    otherStateFolders,
} from "../../machine/stateFolder";

let folder: string;
let root: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "state-folder-")));
    root = path.join(folder, "a checkout");
    mkdirSync(root);
    env = { XDG_STATE_HOME: path.join(folder, "states") };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a stack leaves in a backend's folder. */
function store(backend: string, name = ".pulumi/stacks/sandbox-gateway/dev.json"): void {
    mkdirSync(path.dirname(path.join(backend, name)), { recursive: true });
    writeFileSync(path.join(backend, name), "{}");
}

describe("the folder of a checkout", () => {
    it("lies outside of it, and is for its owner only", () => {
        const found = findStateFolder(root, env);
        expect(found.folder).toMatch(
            new RegExp(`^${folder}/states/sandbox-gateway/a-checkout-[0-9a-f]{8}$`),
        );
        expect(found).toEqual({
            folder: found.folder,
            url: `file://${found.folder}`,
            passphrase: `${found.folder}/passphrase`,
        });
        mkdirSync(found.folder, { recursive: true, mode: 0o755 });
        makeStateFolder(found, root);
        makeStateFolder(found, root);
        expect(statSync(found.folder).mode & 0o777).toBe(0o700);
        expect(readFileSync(path.join(found.folder, "checkout"), "utf8")).toBe(`${root}\n`);
    });

    it("is for its owner only in the checkout, too, however an earlier version has made it", () => {
        const local = path.join(root, ".local");
        store(local);
        const found = findStateFolder(root, env);
        expect(found.folder).toBe(local);
        chmodSync(local, 0o755);
        makeStateFolder(found, root);
        expect(statSync(local).mode & 0o777).toBe(0o700);
        chmodSync(local, 0o755);
        expect(makeLocalFolder(root)).toBe(local);
        expect(statSync(local).mode & 0o777).toBe(0o700);
    });

    it.each([undefined, "", "relative/states"])(
        "is in the home folder when XDG_STATE_HOME is %j",
        (own) => {
            const found = findStateFolder(root, { XDG_STATE_HOME: own });
            const expected = path.join(os.homedir(), ".local", "state", "sandbox-gateway");
            expect(path.dirname(found.folder)).toBe(expected);
        },
    );

    it("is named as a URL that means that folder, whatever is in its path", () => {
        const { folder: own, url } = findStateFolder(root, { XDG_STATE_HOME: "/a#b%c d?e" });
        expect(own.startsWith("/a#b%c d?e/sandbox-gateway/")).toBe(true);
        expect(url.startsWith("file:///a%23b%25c d%3Fe/sandbox-gateway/")).toBe(true);
    });

    it("is another one for another clone, the same by a link, and found again by a new clone", () => {
        const first = findStateFolder(root, env).folder;
        const clone = path.join(folder, "b", "a checkout");
        mkdirSync(clone, { recursive: true });
        expect(findStateFolder(clone, env).folder).not.toBe(first);
        symlinkSync(root, path.join(folder, "link"));
        expect(findStateFolder(path.join(folder, "link"), env).folder).toBe(first);
        rmSync(root, { recursive: true });
        mkdirSync(root);
        expect(findStateFolder(root, env).folder).toBe(first);
    });
});

describe("state that lies in the checkout, as formerly,", () => {
    it.each([
        ["a stack's state", ".pulumi/stacks/sandbox-gateway/dev.json"],
        ["a compressed one", ".pulumi/stacks/sandbox-gateway/dev.json.gz"],
        ["the passphrase alone, which may open values in a stack's file", "passphrase"],
    ])("stays in use where it is: %s", (_, name) => {
        const betterAt = findStateFolder(root, env).folder;
        store(path.join(root, ".local"), name);
        const found = findStateFolder(root, env);
        expect(found).toMatchObject({ folder: path.join(root, ".local"), betterAt });
        expect(found.passphrase).toBe(path.join(root, ".local", "passphrase"));
        makeStateFolder(found, root);
        expect(existsSync(path.join(root, ".local", "checkout"))).toBe(false);
    });

    it.each(["log/up.log", ".pulumi/meta.yaml", "home/plugins/x.json"])(
        "is not seen in %s",
        (name) => {
            store(path.join(root, ".local"), name);
            expect(findStateFolder(root, env).betterAt).toBeUndefined();
        },
    );

    it("is refused beside another one, by the names of both", () => {
        const own = findStateFolder(root, env).folder;
        store(own, "passphrase");
        store(path.join(root, ".local"));
        expect(() => findStateFolder(root, env)).toThrow(
            `there is state in two places: ${root}/.local/.pulumi; and ${own}/passphrase`,
        );
    });
});

it("the folders of other checkouts are known by their paths", () => {
    const clone = path.join(folder, "clone");
    mkdirSync(clone);
    for (const checkout of [root, clone]) {
        makeStateFolder(findStateFolder(checkout, env), checkout);
    }
    mkdirSync(path.join(folder, "states", "sandbox-gateway", "of somebody"));
    expect(otherStateFolders(root, env)).toMatchObject([
        { url: findStateFolder(clone, env).url, checkout: clone },
    ]);
    expect(otherStateFolders(root, { XDG_STATE_HOME: path.join(folder, "none") })).toEqual([]);
});
