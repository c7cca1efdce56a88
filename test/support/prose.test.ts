/** Documentation and comments name files, folders and headings that exist. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(__dirname, "..", "..");

const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

/** Files of the checkout: what git has, and what it would take. */
const FILES = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
})
    .split("\n")
    .filter((file) => file !== "" && !file.startsWith("shared/"));

/** Folders, without a slash at the end. */
const FOLDERS = new Set(
    FILES.flatMap((file) => {
        const parts = file.split("/").slice(0, -1);
        return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    }),
);

const TOP_FOLDERS = [...FOLDERS].filter((folder) => !folder.includes("/"));

const PAGES = FILES.filter((file) => file.endsWith(".md") && !file.includes("/seed/"));

/** Its entries name files as they were called at the time. */
const HISTORY = "docs/CHANGELOG.md";

/** Files that a page tells its reader to make. */
const READERS_OWN = [".github/workflows/pull-request.yml"];

/** A path of this project: its first part is a folder at the top, or it goes up or down from its own. */
const PATH = new RegExp(
    String.raw`(?<![\w/.~$@*-])(?:(?:\.\.?/)+|(?:${TOP_FOLDERS.map((name) => name.replace(".", String.raw`\.`)).join("|")})/)[\w./*{},-]*`,
    "g",
);

/** A source file without its folder. Other extensions are too often those of somebody else's files. */
const FILE_NAME = /(?<![\w/.*-])[\w-]+(?:\.[\w-]+)*\.(?:ts|mts|mjs|sh)(?![\w/])/g;

/** `a/{b,c}` is `a/b` and `a/c`. */
function alternatives(text: string): string[] {
    const [whole, choices] = /\{([^{}]*)\}/.exec(text) ?? [];
    return whole === undefined || choices === undefined
        ? [text]
        : choices.split(",").flatMap((choice) => alternatives(text.replace(whole, choice)));
}

/** Whether a path, or each of its alternatives, is a file or a folder, seen from the top or from `folder`. */
function exists(named: string, folder: string): boolean {
    return alternatives(named).every((each) => {
        const places = [path.posix.normalize(each), path.posix.join(folder, each)];
        return places.some((place) => {
            const bare = place.replace(/\/$/, "");
            const pattern = new RegExp(
                `^${bare.replace(/[.+]/g, String.raw`\$&`).replace(/\*+/g, "[^/]*")}$`,
            );
            return bare.includes("*")
                ? FILES.some((file) => pattern.test(file))
                : FILES.includes(bare) || FOLDERS.has(bare);
        });
    });
}

/** Paths and file names in a text that are nothing of the checkout's. @param folder of the text's file */
function missing(text: string, folder: string): string[] {
    // A full stop or a comma behind a path ends the sentence.
    const paths = (text.match(PATH) ?? []).map((found) => found.replace(/[.,]+$/, ""));
    const names = text.match(FILE_NAME) ?? [];
    return [
        ...paths.filter((found) => !READERS_OWN.includes(found) && !exists(found, folder)),
        ...names.filter((name) => !FILES.some((file) => path.basename(file) === name)),
    ];
}

/** What stands between backquotes, and in blocks of code. */
function codeOf(page: string): string {
    return [...page.matchAll(/^```[^]*?^```|`[^`\n]+`/gm)].map(([code]) => code).join("\n");
}

/** Anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): string[] {
    return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
        heading
            .toLowerCase()
            .replace(/[^\p{L}\p{N}_ -]/gu, "")
            .replaceAll(" ", "-"),
    );
}

/** Comments of a source file, by the marks with which their lines begin. */
function commentsOf(file: string): string {
    const mark = /\.(ts|mts|mjs)$/.test(file) ? /^\s*(\/\/|\/?\*)|\s\/\/ / : /^\s*#(?!!)/;
    return read(file)
        .split("\n")
        .filter((line) => mark.test(line))
        .join("\n");
}

it("looks at the pages, and knows a path from a word", () => {
    expect(PAGES).toEqual(expect.arrayContaining(["README.md", "docs/operations.md"]));
    expect(missing("see `cli/gone.ts`, gone.sh, test/*.gone and ../gone/", "docs")).toEqual([
        "cli/gone.ts",
        "test/*.gone",
        "../gone/",
        "gone.sh",
    ]);
    const there = "cli/make.ts, test/{cli,steps}/*.test.ts. `index.ts`, ../README.md, either/or";
    expect(missing(there, "docs")).toEqual([]);
});

it.each(PAGES.filter((page) => page !== HISTORY))("%s names what is there", (page) => {
    expect(missing(codeOf(read(page)), path.posix.dirname(page))).toEqual([]);
});

it.each(PAGES)("%s links to what is there", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = links.filter((link) => {
        const [file = "", anchor] = link.split("#");
        if (/^[a-z]+:/.test(link)) {
            return false;
        }
        const target = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
        const found = FILES.includes(target) || FOLDERS.has(target.replace(/\/$/, ""));
        return !found || (anchor !== undefined && !anchorsOf(read(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
});

it("comments name what is there", () => {
    const sources = FILES.filter((file) => /(\.(ts|mts|mjs|sh|ya?ml)|Makefile)$/.test(file));
    const wrong = sources.flatMap((file) => {
        const paths = commentsOf(file).match(PATH) ?? [];
        const files = paths.filter((found) => /\.(ts|mts|sh|md)$/.test(found));
        return files
            .filter((found) => !exists(found, path.posix.dirname(file)))
            .map((found) => `${file}: ${found}`);
    });
    expect(wrong).toEqual([]);
});

it("the table of imports is what lint allows", () => {
    // Read as text: loading it loads all of the lint, for seconds.
    const [, rules = ""] = /^const FOLDERS = \{([^}]*)\}/m.exec(read("eslint.config.mjs")) ?? [];
    const allowed = [...rules.matchAll(/(\w+): \[([^\]]*)\]/g)].map(
        ([, folder = "", list = ""]) => [folder, [...list.matchAll(/\w+/g)].map(String).sort()],
    );
    const rows = read("docs/architecture.md").matchAll(/^\| `(\w+)\/` \| [^|]* \| ([^|]*) \|$/gm);
    const table = [...rows].map(([, folder = "", cell = ""]) => [
        folder,
        [...cell.matchAll(/`(\w+)\/`/g)].map(([, name = ""]) => name).sort(),
    ]);
    expect(table.map(([folder]) => folder)).toContain("machine");
    expect(Object.fromEntries(table)).toEqual(Object.fromEntries(allowed));
});
