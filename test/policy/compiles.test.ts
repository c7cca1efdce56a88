/** The policy pack as Pulumi compiles it: with the library of its own time, whatever tsconfig.json says. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { ROOT } from "../../machine/root";

it("the policy pack, with what it takes of the program, needs no newer library than ES2020", () => {
    const root = ROOT;
    const options = [
        ...["--noEmit", "--ignoreConfig", "--strict", "--skipLibCheck", "--types", "node"],
        ...["--module", "commonjs", "--moduleResolution", "node10", "--ignoreDeprecations", "6.0"],
        ...["--target", "es2020", "--lib", "es2020"],
    ];
    const { stdout } = spawnSync("node_modules/.bin/tsc", [...options, "policy/index.ts"], {
        cwd: root,
        encoding: "utf8",
    });
    expect(stdout).toBe("");
});
