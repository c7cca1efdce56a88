import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { enginePath, findPublished, megabytes, pluginPath } from "../../machine/published";
import { pullSize } from "../../machine/pullSize";

describe("what is published", () => {
    it.each([
        ["linux", "x64", "linux-x64", "linux-amd64"],
        ["linux", "arm64", "linux-arm64", "linux-arm64"],
        ["darwin", "arm64", "darwin-arm64", "darwin-arm64"],
        ["darwin", "x64", "darwin-x64", "darwin-amd64"],
    ])("for %s on %s has a name of its own", (platform, arch, engine, plugin) => {
        const machine = { platform, arch };
        expect(enginePath("3.248.0", machine)).toBe(
            `/releases/sdk/pulumi-v3.248.0-${engine}.tar.gz`,
        );
        expect(pluginPath("docker", "5.2.0", machine)).toBe(
            `/releases/plugins/pulumi-resource-docker-v5.2.0-${plugin}.tar.gz`,
        );
    });
});

describe("findPublished", () => {
    let server: Server | undefined;

    afterEach(() => {
        server?.closeAllConnections();
        server?.close();
        server = undefined;
    });

    /** A host that answers so; not at all without an answer. */
    const host = async (answer?: { status: number; size?: number }): Promise<string> => {
        const listening = createServer((request, response) => {
            if (answer && request.method === "HEAD") {
                const { status, size } = answer;
                response.writeHead(status, size === undefined ? {} : { "content-length": size });
                response.end();
            }
        });
        server = listening;
        await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
        return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
    };

    it("gives the size", async () => {
        expect(await findPublished(await host({ status: 200, size: 12_345_678 }))).toEqual({
            size: 12_345_678,
        });
    });

    it("finds what has no size", async () => {
        expect(await findPublished(await host({ status: 200 }))).toEqual({});
    });

    it.each([403, 404, 503])("does not find what is answered with %d", async (status) => {
        expect(await findPublished(await host({ status, size: 9 }))).toBeUndefined();
    });

    it("gives up on a host that says nothing, and on none", async () => {
        expect(await findPublished(await host(), 0.2)).toBeUndefined();
        expect(await findPublished("http://127.0.0.1:1/")).toBeUndefined();
    });
});

describe("megabytes", () => {
    it.each([
        [512_000, "0.5 MB"],
        [9_940_000, "9.9 MB"],
        [78_600_000, "79 MB"],
    ])("of %d are %s", (size, text) => {
        expect(megabytes(size)).toBe(text);
    });
});

describe("pullSize", () => {
    /** As `docker manifest inspect --verbose` gives one platform. */
    const manifest = (architecture: string, sizes: number[], key = "SchemaV2Manifest") => ({
        Ref: "docker.io/rancher/k3s:v1@sha256:ab",
        Descriptor: { platform: { architecture, os: "linux" } },
        [key]: { schemaVersion: 2, config: { size: 1 }, layers: sizes.map((size) => ({ size })) },
    });

    const list = [manifest("amd64", [100, 20]), manifest("arm64", [90, 19], "OCIManifest")];

    it.each<[string, object, string, number | undefined]>([
        ["the daemon's platform", list, "arm64", 109],
        ["a manifest of Docker's", list, "amd64", 120],
        ["an image for one platform", manifest("amd64", [7]), "amd64", 7],
        ["no image for the platform", list, "s390x", undefined],
        ["an answer without layers", {}, "amd64", undefined],
    ])("is of %s", (_, inspected, arch, size) => {
        expect(pullSize(JSON.stringify(inspected), arch)).toBe(size);
    });
});
