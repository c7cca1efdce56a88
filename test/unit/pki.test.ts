import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { clientEpoch, issueAuthority, issueClient } from "../../components/pki";

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

    it("a client certificate of one epoch is valid beyond the next", async () => {
        const now = new Date("2026-12-31T23:59:59Z");
        const authority = await issueAuthority("test-ca", now);
        const subject = { commonName: "a", organization: "b" };
        const { cert } = await issueClient(authority, subject, now);
        expect(new Date(new X509Certificate(cert).validTo).getTime()).toBeGreaterThan(
            new Date("2028-01-01").getTime(),
        );
        expect(clientEpoch(now)).toBe("2026");
        expect(clientEpoch(new Date(now.getTime() + 1000))).toBe("2027");
    });
});
