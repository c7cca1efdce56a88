/** Settings of k3s: what it would skip in silence, and what would break a gateway. */
import { describe, expect, it } from "vitest";
import {
    argumentName,
    K3S_FLAGS,
    K3S_FLAGS_RELEASE,
    REFUSED_ARGUMENTS,
    REFUSED_FLAGS,
} from "../../model/k3sFlags";
import { gatewayArgs } from "../../settings/args";
import { readFiles } from "../../settings/files";
import { parseSettings } from "../../settings/parse";
import { messageOf } from "../support/settings";

const k3s = (settings: object, gateway: object = {}) => ({
    gateway: { k3s: settings, ...gateway },
});

describe("the list of flags", () => {
    it("is of the release of the default image", () => {
        expect(parseSettings({}).settings?.gateway.image).toContain(`:${K3S_FLAGS_RELEASE}-`);
    });

    it("holds each flag once, and every flag that is refused", () => {
        expect(K3S_FLAGS.size).toBe(124);
        const names = [...K3S_FLAGS.keys()];
        expect(names.filter((name) => !/^[a-z]+[0-9a-z]*(-[a-z0-9]+)*$/.test(name))).toEqual([]);
        expect(names).toEqual(expect.arrayContaining([...REFUSED_FLAGS.keys()]));
        expect(names).toEqual(expect.arrayContaining([...REFUSED_ARGUMENTS.keys()]));
    });
});

describe("a flag that k3s does not have", () => {
    const NEW =
        "or be listed in gateway.newK3sFlags when gateway.image has a k3s that knows it: k3s skips what it does not know";

    it.each([
        ["kublet-arg", "kubelet-arg"],
        ["kubelet-args", "kubelet-arg"],
        ["node-labels", "node-label"],
        ["tls-sans", "tls-san"],
        ["disables", "disable"],
    ])("%s is refused, with what was meant: %s", (name, meant) => {
        expect(messageOf(k3s({ [name]: ["v=2"] }))).toEqual([
            `gateway.k3s.${name}: got "${name}"; must be a flag of k3s server v1.35.4 (did you mean ${meant}?), ${NEW}; for example ${meant}`,
        ]);
    });

    it("and is like none, is refused without a guess", () => {
        expect(messageOf(k3s({ "wireguard-mesh-peers": "x" }))).toEqual([
            `gateway.k3s.wireguard-mesh-peers: got "wireguard-mesh-peers"; must be a flag of k3s server v1.35.4, ${NEW}; for example kubelet-arg`,
        ]);
    });

    it.each(["t", "d", "o"])("in one letter, %s, is refused too, whatever is listed", (name) => {
        expect(messageOf(k3s({ [name]: "x" }))).toHaveLength(1);
        expect(messageOf(k3s({ [name]: "x" }, { newK3sFlags: [name] }))).toHaveLength(1);
    });

    it("but that a newer image has, can be said to be new", () => {
        const settings = { "helm-controller-arg": ["job-resources={}"] };
        const raw = k3s(settings, {
            image: "rancher/k3s:v1.36.3-k3s1",
            newK3sFlags: ["helm-controller-arg"],
        });
        const { settings: parsed, problems } = parseSettings(raw);
        expect(problems).toEqual([]);
        expect(messageOf(k3s(settings))).toHaveLength(1);
        // What it is called here is nothing of the gateway's inputs.
        expect(gatewayArgs(readFiles(parsed!).settings)).not.toHaveProperty("newK3sFlags");
    });

    it("does not make a refused one new", () => {
        const raw = k3s({ token: "x" }, { newK3sFlags: ["token"] });
        expect(messageOf(raw)[0]).toContain("must not be set here");
    });
});

describe("a value of the wrong kind", () => {
    it.each<[string, unknown, string]>([
        ["kubelet-arg", true, 'got true; must be a list of texts; for example ["v=2"]'],
        ["node-label", 7, 'got 7; must be a list of texts; for example ["v=2"]'],
        ["debug", "yes", 'got "yes"; must be true or false; for example true'],
        ["debug", ["true"], 'got ["..."]; must be true or false; for example true'],
        ["v", "loud", 'got "loud"; must be a whole number; for example 2'],
        ["v", 1.5, "got 1.5; must be a whole number; for example 2"],
        ["snapshotter", ["native"], 'got ["..."]; must be one text; for example "overlayfs"'],
        ["snapshotter", false, 'got false; must be one text; for example "overlayfs"'],
        [
            "flannel-backend",
            "none",
            'got "none"; must be one of vxlan, host-gw, wireguard-native; for example vxlan',
        ],
        [
            "egress-selector-mode",
            "off",
            'got "off"; must be one of agent, cluster, pod, disabled; for example agent',
        ],
    ])("%s: %j", (name, value, message) => {
        expect(messageOf(k3s({ [name]: value }))).toEqual([`gateway.k3s.${name}: ${message}`]);
    });
});

describe("a flag that a promise rests on", () => {
    it.each([
        ["node-name", "the gateway's identity rests on it"],
        ["token-file", "the gateway's identity rests on it"],
        ["node-ip", "the gateway's addresses rest on it"],
        ["service-node-port-range", "the gateway's addresses rest on it"],
        ["vpn-auth", "the gateway's addresses rest on it"],
        ["data-dir", "the gateway's data rests on it"],
        ["cluster-init", "the gateway's data rests on it"],
        ["secrets-encryption-provider", "the gateway's data rests on it"],
        ["server", "the gateway's data rests on it"],
        ["etcd-s3", "no snapshot is taken"],
        ["etcd-arg", "no snapshot is taken"],
        ["disable-network-policy", "what a sandbox may reach"],
        ["disable-kube-proxy", "what a sandbox may reach"],
        ["rootless", "what a sandbox may reach"],
        ["tls-san-security", "would get it into the API server's certificate"],
        ["disable-apiserver", "no sandbox runs without it"],
        ["disable-cloud-controller", "no sandbox runs without it"],
        ["docker", "k3s's own containerd"],
        ["private-registry", "the file is written by the gateway"],
        ["resolv-conf", "which name servers there are"],
        ["log", "what is said of a failed start"],
    ])("%s is refused with the reason", (name, reason) => {
        const [line, ...others] = messageOf(k3s({ [name]: "a secret of mine" }));
        expect(others).toEqual([]);
        expect(line).toContain(`gateway.k3s.${name}: got "${name}"; must not be set here: `);
        expect(line).toContain(reason);
        expect(line).not.toContain("a secret of mine");
    });

    it.each([[["local-storage"]], ["coredns"], ["traefik,local-storage"], [["ccm"]], ["trafik"]])(
        "disable: %j is refused: no sandbox works without it, or k3s has none of the name",
        (value) => {
            expect(messageOf(k3s({ disable: value }))[0]).toMatch(
                /^gateway\.k3s\.disable: got "[a-z-]+"; must name add-ons that no sandbox needs \(traefik, servicelb, metrics-server\)/,
            );
        },
    );

    it.each<[string, unknown, string]>([
        ["kubelet-arg", ["fail-cgroupv1=true"], "fail-cgroupv1"],
        ["kubelet-arg", "--root-dir=/x", "root-dir"],
        ["kubelet-arg", ["v=2", "authorization-mode=AlwaysAllow"], "authorization-mode"],
        ["kubelet-arg", ["resolv-conf=/etc/resolv.conf"], "resolv-conf"],
        [
            "kube-apiserver-arg",
            ["disable-admission-plugins+=PodSecurity"],
            "disable-admission-plugins",
        ],
        ["kube-apiserver-arg", ["encryption-provider-config=/x"], "encryption-provider-config"],
        ["kube-controller-arg", ["controllers-=-statefulset"], "controllers"],
        ["kube-proxy-arg", ["proxy-mode=ipvs"], "proxy-mode"],
        ["kube-proxy-arg", "masquerade-all=true", "masquerade-all"],
        ["kube-apiserver-arg", ["anonymous-auth=true"], "anonymous-auth"],
        ["kube-apiserver-arg", ["authentication-config=/x"], "authentication-config"],
        ["kube-apiserver-arg", "requestheader-client-ca-file=/x", "requestheader-client-ca-file"],
        ["kube-controller-arg", ["cluster-signing-cert-file=/x"], "cluster-signing-cert-file"],
        ["kubelet-arg", "authentication-token-webhook=false", "authentication-token-webhook"],
        ["kubelet-arg", ["manifest-url=http://x"], "manifest-url"],
        ["kubelet-arg", ["allowed-unsafe-sysctls=net.*"], "allowed-unsafe-sysctls"],
    ])("an argument in it likewise: %s: %j", (name, value, argument) => {
        const messages = messageOf(k3s({ [name]: value }));
        expect(messages).toHaveLength(1);
        expect(messages[0]).toContain(
            `gateway.k3s.${name}: got "${argument}"; must not be set here: `,
        );
    });
});

it.each(["pod-max-pids=-1", "--pod-max-pids=0", "pod-max-pids"])(
    "a pod without a limit of processes is refused: %s",
    (argument) => {
        expect(messageOf(k3s({ "kubelet-arg": ["v=2", argument] }))).toEqual([
            `gateway.k3s.kubelet-arg: got "${argument}"; must limit the processes of a pod: without a limit one sandbox takes all of the machine's; for example ["pod-max-pids=8192"]`,
        ]);
    },
);

describe("what may be set", () => {
    it.each<[string, unknown]>([
        ["kubelet-arg", ["eviction-hard=nodefs.available<1%", "v=2"]],
        ["kubelet-arg", "container-log-max-size=50Mi"],
        ["kubelet-arg", "pod-max-pids=8192"],
        ["kube-apiserver-arg", ["audit-log-maxage=7", "enable-admission-plugins=EventRateLimit"]],
        ["tls-san", "agents.example.org"],
        ["disable", ["traefik"]],
        ["flannel-backend", "host-gw"],
        ["debug", true],
        ["debug", "true"],
        ["v", 2],
        ["v", "2"],
        ["node-taint", ["a=b:NoSchedule"]],
        ["snapshotter", "native"],
        ["disable-default-registry-endpoint", true],
        ["node-external-dns", ["x.example.org"]],
    ])("%s: %j", (name, value) => {
        expect(parseSettings(k3s({ [name]: value })).problems).toEqual([]);
    });
});

it.each([
    ["v=2", "v"],
    ["--v=2", "v"],
    ["feature-gates+=A=true", "feature-gates"],
    ["feature-gates-=A=true", "feature-gates"],
    ["read-only", "read-only"],
])("the argument %s is called %s", (argument, name) => {
    expect(argumentName(argument)).toBe(name);
});
