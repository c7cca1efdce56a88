/** `gateway.registries`: what k3s would not start with, and what it would take no notice of. */
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../settings/parse";
import { messageOf } from "../support/settings";

const SECRET = "s3cret-of-mine";
const registries = (value: unknown) => ({ gateway: { registries: value } });

/** As the engine hands them over: keys in order. */
const WHOLE = {
    configs: {
        "registry.example.org:5000": {
            auth: { auth: "eDp5", identity_token: "t", password: "p", username: "u" },
            tls: {
                ca_file: "/a",
                cert_file: "/b",
                insecure_skip_verify: true,
                key_file: "/c",
            },
        },
    },
    mirrors: {
        "*": null,
        "docker.io": {
            endpoint: ["https://mirror.example.org", "http://10.0.0.1:5000/v2", "m.lan:5000"],
            rewrite: { "^library/(.*)": "mirrored/$1" },
        },
        "quay.io": {},
    },
};

describe("what k3s reads", () => {
    it("is taken, and rendered as it was", () => {
        const { settings, problems } = parseSettings(registries(WHOLE));
        expect(problems).toEqual([]);
        expect(JSON.stringify(settings?.gateway.registries)).toBe(JSON.stringify(WHOLE));
    });

    it.each([[{}], [{ mirrors: {} }], [{ mirrors: null }], [{ configs: { r: { tls: null } } }]])(
        "%j is taken",
        (value) => {
            expect(parseSettings(registries(value)).problems).toEqual([]);
        },
    );
});

describe("what k3s does not read as it is meant is refused, and never shown", () => {
    it.each<[unknown, string, string]>([
        [SECRET, "", "be the content of k3s's registries.yaml"],
        [[SECRET], "", "be the content of k3s's registries.yaml"],
        [{ mirror: { "docker.io": SECRET } }, ".mirror", "be one of mirrors and configs"],
        [{ auths: { x: { password: SECRET } } }, ".auths", "be one of mirrors and configs"],
        [{ mirrors: [SECRET] }, ".mirrors", "be an object of registries"],
        [
            { mirrors: { "docker.io": { endpoint: SECRET } } },
            '.mirrors["docker.io"].endpoint',
            "be a list of addresses",
        ],
        [
            { mirrors: { "docker.io": { endpoint: [`ftp://${SECRET}`] } } },
            '.mirrors["docker.io"].endpoint[0]',
            "be an address",
        ],
        [
            { mirrors: { "docker.io": { endpoints: [SECRET] } } },
            '.mirrors["docker.io"].endpoints',
            "be endpoint or rewrite",
        ],
        // Indented one too far.
        [
            { mirrors: { configs: { "r.example.org": { auth: { password: SECRET } } } } },
            '.mirrors.configs["r.example.org"]',
            "be endpoint or rewrite; how to log in belongs to configs, beside mirrors",
        ],
        [
            { mirrors: { "https://docker.io": {} } },
            '.mirrors["https://docker.io"]',
            "be the name of a registry",
        ],
        [
            { mirrors: { "docker.io": { rewrite: ["a"] } } },
            '.mirrors["docker.io"].rewrite',
            "be an object of patterns",
        ],
        [{ configs: { r: { password: SECRET } } }, ".configs.r.password", "be auth or tls"],
        [
            { configs: { r: { auth: { token: SECRET } } } },
            ".configs.r.auth.token",
            "be auth or tls, and in these what k3s's registries.yaml has",
        ],
        [{ configs: { r: { auth: { password: 5 } } } }, ".configs.r.auth.password", "be a text"],
        [
            { configs: { r: { tls: { insecure_skip_verify: "yes" } } } },
            ".configs.r.tls.insecure_skip_verify",
            "be true or false",
        ],
    ])("%j", (value, where, rule) => {
        const messages = messageOf(registries(value));
        expect(messages).toHaveLength(1);
        expect(messages[0]).toContain(
            `gateway.registries${where}: got a secret value; must ${rule}`,
        );
        expect(messages[0]).not.toContain(SECRET);
    });
});
