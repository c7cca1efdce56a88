/** The language host without an engine: what it finds in node_modules, and how it installs. */

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { splitArguments } from "../language-host/options";
import {
    addCommands,
    addPackage,
    client,
    folder,
    info,
    installRequest,
    output,
    unary,
    useLanguageHost,
    write,
} from "./language-host-harness";

useLanguageHost();

describe("packages", () => {
    beforeEach(() => {
        addPackage("node_modules/@pulumi/one", { version: "1.2.3", pulumi: { resource: true } });
        addPackage("node_modules/one-too", {
            version: "9.9.9",
            pulumi: { resource: true, name: "one", version: "v1.2.3" },
        });
        addPackage("node_modules/plain", { version: "5.0.0" });
        addPackage("node_modules/plain/node_modules/@other/two", {
            version: "2.0.0-beta.1",
            pulumi: { resource: true, server: "https://example.com" },
        });
        addPackage("node_modules/off", { version: "1.0.0", pulumi: { resource: false } });
        // A package that links back to the program, as workspaces have it.
        symlinkSync(folder, join(folder, "node_modules/circle"));
        addPackage(".", { version: "0.0.0", devDependencies: { plain: "^5" } });
    });

    it("finds each plugin version once, however deep it lies", async () => {
        const request = new language.GetRequiredPackagesRequest().setInfo(info());
        const response = await unary<language.GetRequiredPackagesResponse>((done) =>
            client.getRequiredPackages(request, done),
        );
        const found = response
            .getPackagesList()
            .map((each) => [each.getKind(), each.getName(), each.getVersion(), each.getServer()]);
        expect(found).toEqual([
            ["resource", "@other/two", "v2.0.0-beta.1", "https://example.com"],
            ["resource", "one", "v1.2.3", ""],
        ]);
    });

    it("passes on how a package is parameterized", async () => {
        const value = Buffer.from("parameter").toString("base64");
        addPackage("node_modules/bridged", {
            version: "3.0.0",
            pulumi: { resource: true, parameterization: { name: "p", version: "3.0.0", value } },
        });
        const request = new language.GetRequiredPackagesRequest().setInfo(info());
        const response = await unary<language.GetRequiredPackagesResponse>((done) =>
            client.getRequiredPackages(request, done),
        );
        const bridged = response.getPackagesList().find((each) => each.getName() === "bridged");
        expect(bridged?.getParameterization()?.toObject()).toEqual({
            name: "p",
            version: "3.0.0",
            value,
        });
    });

    it.each([
        [false, ["plain 5.0.0"]],
        [true, ["@other/two 2.0.0-beta.1", "@pulumi/one 1.2.3", "off 1.0.0", "one-too 9.9.9"]],
    ])("lists dependencies (transitive: %s)", async (transitive, expected) => {
        const request = new language.GetProgramDependenciesRequest()
            .setInfo(info())
            .setTransitivedependencies(transitive);
        const response = await unary<language.GetProgramDependenciesResponse>((done) =>
            client.getProgramDependencies(request, done),
        );
        const found = response
            .getDependenciesList()
            .map((each) => `${each.getName()} ${each.getVersion()}`);
        expect(found).toEqual(expect.arrayContaining(expected));
        expect(found.includes("one-too 9.9.9")).toBe(transitive);
    });
});

describe("InstallDependencies", () => {
    it.each([
        [{}, [], "npm install --loglevel=error"],
        [{}, ["yarn.lock"], "yarn install"],
        [{ packagemanager: "pnpm" }, ["yarn.lock"], "pnpm install"],
    ])("with options %j and files %j runs %s", async (options, files, expected) => {
        for (const file of files) {
            write(join(folder, file), "");
        }
        addCommands(`echo "$(basename "$0") $*"; pwd`);
        const { stdout } = await output(client.installDependencies(installRequest(options)));
        expect(stdout).toBe(
            `Installing dependencies...\n\n${expected}\n${folder}\n` +
                "Finished installing dependencies\n\n",
        );
    });

    it("tells when it fails, after what the package manager said", async () => {
        addCommands("echo why >&2; exit 4");
        const chunks: string[] = [];
        const result = output(client.installDependencies(installRequest({})), chunks);
        await expect(result).rejects.toMatchObject({
            details: "npm install failed: exit status 4",
        });
        expect(chunks.join("")).toContain("why");
    });

    it("tells when there is no package manager", async () => {
        vi.stubEnv("PATH", folder);
        await expect(output(client.installDependencies(installRequest({})))).rejects.toMatchObject({
            details: "could not find npm on the $PATH",
        });
    });
});

it.each([
    ["", []],
    [" --a  --b=c ", ["--a", "--b=c"]],
    [`'a "b' "c 'd" e\\ f ""`, ['a "b', "c 'd", "e f", ""]],
])("splits %j as a shell does", (line, expected) => {
    expect(splitArguments(line)).toEqual(expected);
});
