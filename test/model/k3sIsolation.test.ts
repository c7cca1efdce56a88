/** What opens sandboxes, in k3s's settings as they are written, and what does not. */
import { describe, expect, it } from "vitest";
import { renderK3sConfig } from "../../components/gateway/k3sConfig";
import { openedBy } from "../../model/k3sIsolation";
import { k3sSettings } from "../../components/gateway/k3sSettings";
import { parseYaml } from "../../model/yaml";

describe("openedBy", () => {
    it("finds nothing in the program's own settings", () => {
        const content = renderK3sConfig(
            k3sSettings({
                ...{ nodeName: "n", token: "t", tlsSans: [], extra: {} },
                ports: { first: 18789, last: 18808 },
            }),
        );
        expect(openedBy(parseYaml(content) as Record<string, unknown>)).toEqual([]);
    });

    it("finds a limit of a pod's processes in them, and processes kept back for the machine", () => {
        const { "kubelet-arg": kubelet } = k3sSettings({
            ...{ nodeName: "n", token: "t", tlsSans: [], extra: {} },
            ports: { first: 18789, last: 18808 },
        });
        expect(kubelet).toEqual(
            expect.arrayContaining(["pod-max-pids=4096", "kube-reserved=cpu=100m,pid=1000"]),
        );
    });

    it.each<[string, unknown]>([
        ["disable-network-policy", true],
        ["disable-network-policy", "true"],
        ["disable-kube-proxy", "yes"],
        ["rootless", true],
        ["flannel-conf", "/x"],
        ["flannel-backend", "none"],
        ["tls-san-security", false],
        ["kubelet-arg", "anonymous-auth=true"],
        ["kubelet-arg+", ["--anonymous-auth"]],
        ["kubelet-arg", "authorization-mode=AlwaysAllow"],
        ["kubelet-arg", "read-only-port=10255"],
        ["kubelet-arg", "pod-max-pids=-1"],
        ["kube-apiserver-arg", "authorization-mode=AlwaysAllow,RBAC"],
        ["kube-apiserver-arg", "disable-admission-plugins=PodSecurity"],
        ["kube-controller-manager-arg", "cluster-signing-cert-file=/x"],
        ["kube-proxy-arg", "masquerade-all=true"],
    ])("finds %s: %j", (name, value) => {
        const [item] = [value].flat();
        expect(openedBy({ debug: true, [name]: value })).toEqual([
            `${name.replace("+", "")}: ${String(item)}`,
        ]);
    });

    it.each<[string, unknown]>([
        ["disable-network-policy", false],
        ["disable-network-policy", "false"],
        ["flannel-backend", "wireguard-native"],
        ["tls-san-security", "true"],
        ["kubelet-arg", ["anonymous-auth=false", "read-only-port=0", "v=2"]],
        ["kubelet-arg", "pod-max-pids=8192"],
        ["kube-apiserver-arg", "authorization-mode=Node,RBAC"],
        ["kube-apiserver-arg", "enable-admission-plugins=EventRateLimit"],
        ["token", "anonymous-auth=true"],
    ])("takes %s: %j", (name, value) => {
        expect(openedBy({ [name]: value })).toEqual([]);
    });
});
