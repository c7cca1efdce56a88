import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { clientEpoch, issueAuthority, issueClient } from "../../components/gateway/pki";

describe("certificates", () => {
    it("an authority is a P-256 CA whose key k3s can read", async () => {
        const { cert, key } = await issueAuthority("test-ca");
        const parsed = new X509Certificate(cert);
        expect(parsed.ca).toBe(true);
        expect(parsed.subject).toBe("CN=test-ca");
        expect(parsed.checkIssued(parsed)).toBe(true);
        expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
        expect(key).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
        expect(createPrivateKey(key).asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
        // k3s compares bytes: one certificate, one newline at the end.
        expect(cert).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+\n-----END CERTIFICATE-----\n$/);
    });

    it("a client certificate is signed by its authority, for clients only", async () => {
        const authority = await issueAuthority("test-ca");
        const { cert, key } = await issueClient(authority, {
            commonName: "system:admin",
            organization: "system:masters",
        });
        const parsed = new X509Certificate(cert);
        const issuer = new X509Certificate(authority.cert);
        expect(parsed.checkIssued(issuer)).toBe(true);
        expect(parsed.verify(issuer.publicKey)).toBe(true);
        expect(parsed.ca).toBe(false);
        expect(parsed.subject).toBe("O=system:masters\nCN=system:admin");
        expect(parsed.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
        expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
    });

    it("two authorities never share a key", async () => {
        const [a, b] = await Promise.all([issueAuthority("a"), issueAuthority("a")]);
        expect(a.key).not.toBe(b.key);
    });

    it("an authority is good whatever the clock says, also when it was made with one that is ahead", async () => {
        const { cert } = await issueAuthority("test-ca", new Date("2031-06-01"));
        const { validFrom, validTo } = new X509Certificate(cert);
        expect(new Date(validFrom)).toEqual(new Date("2020-01-01T00:00:00Z"));
        expect(new Date(validTo).getUTCFullYear()).toBeGreaterThan(2120);
    });

    it("a client certificate of one epoch is valid through the next three, and no longer than a year", async () => {
        const now = new Date("2026-12-31T23:59:59Z");
        const authority = await issueAuthority("test-ca", now);
        const subject = { commonName: "a", organization: "b" };
        const { cert } = await issueClient(authority, subject, now);
        expect(new Date(new X509Certificate(cert).validTo)).toEqual(
            new Date("2027-12-31T23:59:59Z"),
        );
        expect(new Date(new X509Certificate(cert).validFrom)).toEqual(
            new Date("2026-12-30T23:59:59Z"),
        );
    });

    it.each([
        ["2026-12-31T23:59:59Z", undefined, "2026-Q4"],
        ["2027-01-01T00:00:00Z", undefined, "2027-Q1"],
        ["2027-03-31T23:59:59Z", 1, "2027-Q1"],
        ["2027-04-01T00:00:00Z", 2, "2027-Q2/2"],
    ])("at %s, generation %s, the epoch is %s", (now, generation, epoch) => {
        expect(clientEpoch(generation, new Date(now))).toBe(epoch);
    });
});
