import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseVolume, readVolume } from "../../cli/recovery/volumeIdentity";
import { issueAuthority, issueClient, type KeyPair } from "../../components/gateway/pki";
import { StandIns } from "../support/standIns";

const TOKEN = "ab".repeat(32);
const PASSWORD = "cd".repeat(16);

let serverCa: KeyPair;
let clientCa: KeyPair;
/** A gateway's volume, by its files. */
let files: Record<string, string>;

beforeAll(async () => {
    serverCa = await issueAuthority("sandbox-gateway-server-ca");
    clientCa = await issueAuthority("sandbox-gateway-client-ca");
});

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

beforeEach(() => {
    files = {
        "server/db/state.db": "",
        ".sandbox-gateway": `${digest(serverCa.cert)}\n`,
        ".sandbox-gateway-node-password": `${PASSWORD}\n`,
        "server/token": `K10${digest(serverCa.cert)}::server:${TOKEN}\n`,
        "server/tls/server-ca.crt": serverCa.cert,
        "server/tls/server-ca.key": serverCa.key,
        "server/tls/client-ca.crt": clientCa.cert,
        "server/tls/client-ca.key": clientCa.key,
    };
});

const printed = () =>
    Object.entries(files)
        .map(([name, text]) => `${name} ${Buffer.from(text).toString("base64")}\n`)
        .join("");

describe("the identity in a volume", () => {
    it("is two authorities, a token and the node's password", () => {
        expect(parseVolume(printed())).toEqual({
            kind: "gateway",
            identity: { serverCa, clientCa, token: TOKEN, nodePassword: PASSWORD },
        });
    });

    it.each<[string, () => void]>([
        ["without a password, as formerly", () => delete files[".sandbox-gateway-node-password"]],
        [
            "with a password that a full disk has cut",
            () => (files[".sandbox-gateway-node-password"] = "cd"),
        ],
    ])("is one %s", (_, change) => {
        change();
        expect(parseVolume(printed())).toEqual({
            kind: "gateway",
            identity: { serverCa, clientCa, token: TOKEN },
        });
    });

    it.each<[string, () => unknown]>([
        ["a marker that a power cut has emptied", () => (files[".sandbox-gateway"] = "")],
        ["no marker, as an early version", () => delete files[".sandbox-gateway"]],
        ["a bare token", () => (files["server/token"] = TOKEN)],
    ])("is one with %s", (_, change) => {
        change();
        expect(parseVolume(printed()).kind).toBe("gateway");
    });

    it.each(["", "server/token x\n"])("is none where k3s has never run", (text) => {
        expect(parseVolume(text)).toEqual({ kind: "empty" });
    });

    it.each<[string, () => unknown, RegExp]>([
        [
            "another gateway's marker",
            () => (files[".sandbox-gateway"] = digest("another")),
            /names another authority than server-ca\.crt/,
        ],
        [
            "k3s's own authority",
            async () =>
                (files["server/tls/server-ca.crt"] = (
                    await issueAuthority("k3s-server-ca@1")
                ).cert),
            /^server-ca\.crt is CN=k3s-server-ca@1, which this program did not make$/,
        ],
        [
            "another key",
            () =>
                (files["server/tls/client-ca.key"] = generateKeyPairSync("ec", {
                    namedCurve: "P-256",
                }).privateKey.export({ type: "sec1", format: "pem" }) as string),
            /^client-ca\.key is not the key of client-ca\.crt$/,
        ],
        [
            "no key",
            () => delete files["server/tls/server-ca.key"],
            /^server-ca\.crt and server-ca\.key are no certificate with its key$/,
        ],
        [
            "a client's certificate",
            async () =>
                (files["server/tls/client-ca.crt"] = (
                    await issueClient(clientCa, { commonName: "x", organization: "y" })
                ).cert),
            /^client-ca\.crt is /,
        ],
        ["no token", () => delete files["server/token"], /^server\/token is not one/],
        [
            "another's token",
            () => (files["server/token"] = "K10x::server:secret"),
            /^server\/token/,
        ],
    ])("is none with %s", async (_, change, why) => {
        await change();
        expect(parseVolume(printed())).toEqual({
            kind: "other",
            why: expect.stringMatching(why) as string,
        });
    });
});

describe("reading", () => {
    let standIns: StandIns;
    let data: string;

    beforeEach(() => {
        standIns = new StandIns();
        data = mkdtempSync(path.join(os.tmpdir(), "volume-"));
    });

    afterEach(() => {
        standIns.remove();
        rmSync(data, { recursive: true, force: true });
    });

    it("is done by a container that can neither write nor reach anything", async () => {
        for (const [name, text] of Object.entries(files)) {
            mkdirSync(path.dirname(path.join(data, name)), { recursive: true });
            writeFileSync(path.join(data, name), text);
        }
        // The script as it is, on a folder in place of the mount.
        standIns.add("docker", `shift $(($# - 1)); sh -c "$(echo "$1" | sed s,/data,${data},)"`);
        expect(await readVolume("the-volume", "k3s:1")).toMatchObject({
            kind: "gateway",
            identity: { serverCa, clientCa, token: TOKEN, nodePassword: PASSWORD },
        });
        expect(standIns.calls()[0]).toBe(
            "docker run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges --user 0 --mount type=volume,src=the-volume,dst=/data,readonly,volume-nocopy --entrypoint /bin/sh k3s:1 -c cd /data || exit 1",
        );
    });

    it("that fails says why, and is not taken for an empty volume", async () => {
        standIns.add("docker", 'echo "docker: no space left on device" >&2; exit 125');
        await expect(readVolume("the-volume", "k3s:1")).rejects.toThrow(
            "cannot read the volume the-volume with a container of k3s:1: docker: no space left on device",
        );
    });
});
