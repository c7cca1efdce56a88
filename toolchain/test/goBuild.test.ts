import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { entryName } from "../../machine/cache";
import { goBuilds, goRecipe } from "../provide/goBuild";
import { testedGoPrograms } from "../provide/goTests";

const GO = path.join(__dirname, "../../toolchain/go");

const files = (name: string) => goRecipe(name).files.map((file) => path.relative(GO, file));

describe("what a Go program is built from", () => {
    it.each([...goBuilds().keys()])("%s: files that are there, and no test", (name) => {
        expect(entryName(goRecipe(name))).toMatch(new RegExp(`^${name}-[0-9a-f]{16}$`));
        expect(files(name).filter((file) => file.endsWith("_test.go"))).toEqual([]);
    });

    it("holds the versions of every module of the workspace", () => {
        const workspace = readFileSync(path.join(GO, "go.work"), "utf8");
        const together = [...goBuilds().values()].filter((build) => build.workspace);
        for (const { name, module } of together) {
            expect(workspace).toContain(`\t./${module}\n`);
            expect(files(name)).toEqual(
                expect.arrayContaining([
                    "go.work",
                    "go.work.sum",
                    ...together.map((build) => `${build.module}/go.mod`),
                ]),
            );
        }
    });

    it("holds the module inside the kubernetes plugin, and not the workspace", () => {
        expect(files("pulumi-resource-kubernetes")).toContain(
            "kubernetes-plugin/sdk/go/kubernetes/yaml/v2/register.go",
        );
        expect(files("pulumi")).toEqual(["pulumi/go.mod", "pulumi/go.sum"]);
    });
});

describe("programs with tests of their own", () => {
    it("are found by their files", () => {
        expect(testedGoPrograms()).toEqual(["local-path-provisioner", "k3s"]);
    });
});
