import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { k3sSettings, publishedPorts } from "../../components/gateway/k3sSettings";
import { renderK3sConfig } from "../../components/gateway/k3sConfig";
import { K3S_FLAGS, REFUSED_FLAGS } from "../../model/k3sFlags";

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

    it("has pods ask the resolvers that the entrypoint finds, and no public one of k3s's choice", () => {
        expect(k3sSettings(input)["resolv-conf"]).toBe("/run/sandbox-gateway/resolv.conf");
    });

    it("has the kubelet evict for a full disk last, and for a while only", () => {
        const args = k3sSettings(input)["kubelet-arg"] as string[];
        // What is evicted at once, by the kubelet's defaults below 15 %, is memory alone.
        expect(args.filter((arg) => arg.startsWith("eviction-"))).toEqual([
            "eviction-hard=memory.available<100Mi",
            "eviction-soft=nodefs.available<128Mi,nodefs.inodesFree<500,imagefs.available<128Mi,imagefs.inodesFree<500",
            "eviction-soft-grace-period=nodefs.available=2m,nodefs.inodesFree=2m,imagefs.available=2m,imagefs.inodesFree=2m",
            "eviction-minimum-reclaim=nodefs.available=32Mi,nodefs.inodesFree=100,imagefs.available=32Mi,imagefs.inodesFree=100",
            "eviction-max-pod-grace-period=30",
            "eviction-pressure-transition-period=30s",
        ]);
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

    it("adds a text to a list of ours, as k3s would: it takes the place of nothing", () => {
        const settings = k3sSettings({
            ...input,
            extra: { "kubelet-arg": "container-log-max-size=50Mi", "tls-san": "x.example.org" },
        });
        expect(settings["kubelet-arg"]).toContain("fail-cgroupv1=false");
        // The last one counts.
        expect((settings["kubelet-arg"] as string[]).at(-1)).toBe("container-log-max-size=50Mi");
        expect(settings["tls-san"]).toEqual(expect.arrayContaining(["127.0.0.1", "x.example.org"]));
    });

    it("sets flags that k3s has, and reserves every scalar among them", () => {
        const settings = k3sSettings(input);
        expect([...K3S_FLAGS.keys()]).toEqual(expect.arrayContaining(Object.keys(settings)));
        const scalars = Object.entries(settings)
            .filter(([, value]) => !Array.isArray(value))
            .map(([key]) => key);
        expect([...REFUSED_FLAGS.keys()]).toEqual(expect.arrayContaining(scalars));
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
