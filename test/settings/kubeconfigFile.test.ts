/** Of a person's kubeconfig, only what one context needs reaches a stack. */
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { cutKubeconfig } from "../../settings/kubeconfigFile";

const FILE = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "work",
    preferences: {},
    clusters: [
        {
            name: "home",
            cluster: { server: "https://home:6443", "certificate-authority": "ca.crt" },
        },
        {
            name: "work",
            cluster: { server: "https://work:6443", "certificate-authority-data": "QQ==" },
        },
    ],
    contexts: [
        { name: "home", context: { cluster: "home", user: "me", namespace: "n" } },
        { name: "work", context: { cluster: "work", user: "plugin" } },
        { name: "open", context: { cluster: "home" } },
        { name: "lost", context: { cluster: "gone", user: "me" } },
        { name: "nobody", context: { cluster: "home", user: "gone" } },
        { name: "nowhere", context: {} },
    ],
    users: [
        { name: "me", user: { "client-certificate": "/etc/me.crt", "client-key": "keys/me.key" } },
        {
            name: "plugin",
            user: {
                exec: {
                    apiVersion: "client.authentication.k8s.io/v1",
                    command: "aws",
                    args: ["eks", "get-token"],
                    env: [{ name: "AWS_PROFILE", value: "work" }],
                },
            },
        },
        { name: "other", user: { token: "SECRET-OF-ANOTHER" } },
    ],
};

const cut = (context: string, file: object = FILE) =>
    JSON.parse(cutKubeconfig(stringify(file), context, "/home/me/.kube")) as typeof FILE;

const changed = (change: (file: typeof FILE) => void) => {
    const copy = structuredClone(FILE);
    change(copy);
    return copy;
};

describe("a kubeconfig", () => {
    it("is cut down to the context, its cluster and its user", () => {
        expect(cut("work")).toEqual({
            apiVersion: "v1",
            kind: "Config",
            "current-context": "work",
            clusters: [FILE.clusters[1]],
            contexts: [FILE.contexts[1]],
            users: [FILE.users[1]],
        });
        expect(JSON.stringify(cut("work"))).not.toMatch(/SECRET|me.key|home/);
    });

    it("names its files by absolute paths", () => {
        const { clusters, users } = cut("home");
        expect(clusters[0]?.cluster["certificate-authority"]).toBe("/home/me/.kube/ca.crt");
        expect(users[0]?.user).toEqual({
            "client-certificate": "/etc/me.crt",
            "client-key": "/home/me/.kube/keys/me.key",
        });
    });

    it.each([
        ["./bin/login", "/home/me/.kube/bin/login"],
        ["/bin/login", "/bin/login"],
        ["login", "login"],
    ])("has the plugin %s at %s", (command, expected) => {
        const file = changed((c) => (c.users[1]!.user.exec!.command = command));
        expect(cut("work", file).users[0]?.user.exec?.command).toBe(expected);
    });

    it("keeps what a plugin reads about its cluster", () => {
        const noted = { name: "client.authentication.k8s.io/exec", extension: { audience: "a" } };
        const file = changed((c) =>
            Object.assign(c.clusters[1]!.cluster, { extensions: [{ name: "minikube" }, noted] }),
        );
        expect(cut("work", file).clusters[0]?.cluster).toMatchObject({ extensions: [noted] });
    });

    it("may have a context without a user", () => {
        expect(cut("open").users).toEqual([]);
    });

    it.each<[string, (file: typeof FILE) => unknown]>([
        ["another current context", (c) => (c["current-context"] = "home")],
        ["another user's token", (c) => (c.users[2]!.user.token = "new")],
        ["a context more", (c) => c.contexts.unshift({ name: "x", context: { cluster: "home" } })],
        ["another order of entries", (c) => c.clusters.reverse()],
        [
            "another order of keys",
            (c) => {
                const { server, ...rest } = c.clusters[1]!.cluster;
                c.clusters[1]!.cluster = { ...rest, server };
            },
        ],
        [
            "a program's notes",
            (c) => Object.assign(c.clusters[1]!.cluster, { extensions: [{ name: "minikube" }] }),
        ],
    ])("is byte for byte the same with %s", (_, change) => {
        const once = cutKubeconfig(stringify(FILE), "work", "/k");
        expect(cutKubeconfig(stringify(changed(change)), "work", "/k")).toBe(once);
        const other = changed((c) => (c.clusters[1]!.cluster.server = "https://other"));
        expect(cutKubeconfig(stringify(other), "work", "/k")).not.toBe(once);
    });

    it.each([
        ["absent", "its contexts are home, work, open, lost, nobody, nowhere; there is no absent"],
        ["lost", "its clusters are home, work; there is no gone"],
        ["nobody", "its users are me, plugin, other; there is no gone"],
        ["nowhere", "contexts has no cluster for nowhere"],
    ])("without what the context %s needs is refused", (context, message) => {
        expect(() => cut(context)).toThrow(message);
    });

    it.each([
        ["", "it is no kubeconfig"],
        ["a text", "it is no kubeconfig"],
        ["contexts: {}", "its contexts are none; there is no c"],
        ["users:\n  - token: SECRET\n   x: [", "it is no YAML, line 3"],
    ])("that is %j is refused, and none of it is shown", (content, message) => {
        expect(() => cutKubeconfig(content, "c", "/k")).toThrow(new Error(message));
    });
});
