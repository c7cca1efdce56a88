import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { issueAuthority } from "../../components/gateway/pki";
import { readFiles } from "../../settings/files";
import { parseSettings } from "../../settings/parse";
import { explain } from "../../settings/problems";

const folder = mkdtempSync(path.join(os.tmpdir(), "settings-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
    const at = path.join(folder, name);
    writeFileSync(at, content);
    return at;
}

const read = (raw: object) => readFiles(parseSettings(raw).settings!);

const kubeconfig = file(
    "kubeconfig",
    JSON.stringify({
        contexts: [{ name: "production", context: { cluster: "one" } }],
        clusters: [{ name: "one", cluster: { server: "https://example.org" } }],
        users: [{ name: "other", user: { token: "secret" } }],
    }),
);

const existing = (more: object) => ({
    existingCluster: { kubeconfig, storageClass: "s", host: "h", ...more },
});

describe("files that settings name", () => {
    it("are read, and of each no more than is needed", async () => {
        const { cert } = await issueAuthority("a company");
        const both = file("both.pem", `a comment\n${cert}${cert}`);
        const { settings, problems } = read({ gateway: { caCertificates: [both] } });
        expect(problems).toEqual([]);
        expect(settings.gateway.certificates).toEqual([cert + cert]);
        const { settings: cluster } = read(existing({ context: "production" }));
        expect(cluster.existingCluster?.kubeconfigContent).toContain("https://example.org");
        expect(cluster.existingCluster?.kubeconfigContent).not.toContain("secret");
    });

    it("are all named when they are wrong", async () => {
        const empty = file("empty.pem", "nothing");
        const { cert, key } = await issueAuthority("a company");
        const withKey = file("key.pem", cert + key);
        const caCertificates = [empty, path.join(folder, "missing.pem"), withKey];
        const { problems } = read({ gateway: { imageArchives: "/a:b", caCertificates } });
        expect(explain(problems).split("\n").slice(1)).toEqual([
            '  gateway.imageArchives: got "/a:b"; must be a folder without `:` in its path, which Docker cannot mount; for example .local/images',
            `  gateway.caCertificates[0]: got ${JSON.stringify(empty)}; must be a file of certificates in PEM form (it holds none); for example ~/company-ca.pem`,
            expect.stringMatching(
                /^ {2}gateway\.caCertificates\[1\]: got .*; must be a file of certificates in PEM form \(ENOENT: .*\); for example/,
            ),
            expect.stringMatching(
                /^ {2}gateway\.caCertificates\[2\]: got ".*key\.pem"; must be a file of certificates in PEM form/,
            ),
        ]);
        expect(read(existing({ context: "staging" })).problems).toEqual([
            {
                key: "existingCluster.kubeconfig",
                got: kubeconfig,
                rule: "be a kubeconfig with the context staging (its contexts are production; there is no staging)",
                example: "~/.kube/config",
            },
        ]);
    });

    it("of a gateway are not read where there is none", () => {
        const gateway = {
            imageArchives: "/a:b",
            caCertificates: [path.join(folder, "missing.pem")],
        };
        const { settings, problems } = read({ gateway, ...existing({ context: "production" }) });
        expect(problems).toEqual([]);
        expect(settings.gateway.certificates).toEqual([]);
    });
});
