import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
    k3sSettings,
    publishedPorts,
    RESERVED_K3S_SETTINGS,
} from "../../components/gatewaySettings";
import { renderK3sConfig } from "../../components/k3sConfig";

describe("renderK3sConfig", () => {
    it("quotes every scalar, because k3s reads YAML 1.1", () => {
        expect(
            renderK3sConfig({
                "write-kubeconfig-mode": "0644",
                token: "1e5",
                debug: true,
                v: 2,
                disable: ["traefik", "no"],
            }),
        ).toBe(
            [
                'debug: "true"',
                'disable: ["traefik", "no"]',
                'token: "1e5"',
                'v: "2"',
                'write-kubeconfig-mode: "0644"',
                "",
            ].join("\n"),
        );
    });

    it("is YAML whatever the values hold", () => {
        const values = { token: 'a"b\\c\n# d: e', "tls-san": ["x: y", "- z", ""] };
        expect(parse(renderK3sConfig(values))).toEqual(values);
    });

    it("does not depend on the order of settings", () => {
        expect(renderK3sConfig({ a: "1", b: "2" })).toBe(renderK3sConfig({ b: "2", a: "1" }));
    });
});

describe("k3sSettings", () => {
    const input = {
        nodeName: "openshell-dev",
        token: "t",
        ports: { first: 18789, last: 18808 },
        tlsSans: ["agents.example.org"],
        extra: {},
    };

    it("holds what identity and safety rest on", () => {
        expect(k3sSettings(input)).toMatchObject({
            "node-name": "openshell-dev",
            token: "t",
            "service-node-port-range": "18789-18808",
            "secrets-encryption": true,
            "write-kubeconfig-mode": "0600",
            disable: ["traefik", "servicelb", "metrics-server"],
            "tls-san": ["127.0.0.1", "localhost", "host.docker.internal", "agents.example.org"],
        });
    });

    it("joins lists of the escape hatch with ours and adds the rest", () => {
        const settings = k3sSettings({
            ...input,
            extra: { disable: ["local-storage"], "kubelet-arg": ["v=2"], debug: true },
        });
        expect(settings["disable"]).toEqual([
            "traefik",
            "servicelb",
            "metrics-server",
            "local-storage",
        ]);
        expect(settings["kubelet-arg"]).toContain("fail-cgroupv1=false");
        expect(settings["kubelet-arg"]).toContain("v=2");
        expect(settings["debug"]).toBe(true);
    });

    it("reserves every scalar it sets itself", () => {
        const scalars = Object.entries(k3sSettings(input))
            .filter(([, value]) => !Array.isArray(value))
            .map(([key]) => key);
        expect(RESERVED_K3S_SETTINGS).toEqual(expect.arrayContaining(scalars));
    });
});

describe("publishedPorts", () => {
    it("keeps the API on loopback and maps the block one to one", () => {
        expect(
            publishedPorts({
                apiAddress: "127.0.0.1",
                bindAddress: "0.0.0.0",
                apiPort: 16443,
                apiPortInside: 6443,
                ports: [18789, 18790],
            }),
        ).toEqual([
            { internal: 6443, external: 16443, ip: "127.0.0.1", protocol: "tcp" },
            { internal: 18789, external: 18789, ip: "0.0.0.0", protocol: "tcp" },
            { internal: 18790, external: 18790, ip: "0.0.0.0", protocol: "tcp" },
        ]);
    });
});
