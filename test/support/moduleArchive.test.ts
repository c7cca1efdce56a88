/** The archive that end-to-end tests load from: the same modules as without it, also once they have changed. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeArchive } from "./makeArchive";
import { registerFile } from "./project";

const folder = mkdtempSync(path.join(os.tmpdir(), "sandbox-gateway-modules-"));
const root = path.join(folder, "checkout");
const archive = path.join(folder, "archive");

const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
};

/** A checkout with one package, and what its program prints of what node gives to modules. */
beforeAll(() => {
    write("tsconfig.json", '{ "compilerOptions": { "target": "es2022", "module": "nodenext" } }');
    write("package.json", "{}");
    write("node_modules/one/package.json", '{ "main": "lib/index.js" }');
    write(
        "node_modules/one/lib/index.js",
        `#!/usr/bin/env node
         exports.text = "g\u00fcltig — " + require("./deep").name;
         exports.where = [__filename, __dirname, module.id, require.resolve("./deep"), require.main.id];
         exports.stack = new Error().stack.split("\\n")[1];`,
    );
    write(
        "node_modules/one/lib/deep.js",
        'exports.name = "deep"; exports.later = import("node:os");',
    );
    write("lib.ts", 'import * as one from "one";\nexport const said: string = `${one.text}!`;\n');
    write(
        "main.ts",
        `import { text, where, stack } from "one";
         import { said } from "./lib";
         import type { Nothing } from "./nowhere";
         const value = { text, where, stack, said } satisfies Nothing;
         console.log(JSON.stringify(value));`,
    );
    mkdirSync(archive);
    const load = ["one", "lib.ts"].map((name) =>
        path.join(root, name.includes(".") ? "" : "node_modules", name),
    );
    makeArchive(archive, { root, load, compile: [path.join(root, "main.ts")] });
});

afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
});

/** What the program prints. @param register how it is loaded */
const print = (register: string) =>
    JSON.parse(
        execFileSync(process.execPath, ["--require", register, "main.ts"], {
            cwd: root,
            encoding: "utf8",
        }),
    ) as { text: string; said: string };

const asAlways = () => print(require.resolve("tsx/cjs"));
const fromArchive = () => print(registerFile(archive));

describe("a program that is loaded from an archive", () => {
    it("is the same to itself and to its packages", () => {
        expect(fromArchive()).toEqual(asAlways());
        expect(fromArchive().text).toBe("gültig — deep");
    });

    it("has what was changed since, in a package and in its own", () => {
        write("node_modules/one/lib/deep.js", 'exports.name = "changed";');
        write("lib.ts", 'export const said: string = "edited";');
        expect(fromArchive()).toMatchObject({ text: "gültig — changed", said: "edited" });
    });
});
