/**
 * Pure: the flags of `k3s server`, what kind of value each takes, and which are not for the taking.
 *
 * Source: k3s's pkg/cli/cmds (server.go, agent.go, log.go, root.go, config.go), hidden flags included,
 * one-letter aliases and `help` left out; compared with the help of releases since v1.33.
 */

/** Release of k3s that the list is of; that of the default image. */
export const K3S_FLAGS_RELEASE = "v1.35.4";

/** `list` is given many times, `switch` is true or false, `duration` is Go's, such as `5m0s`. */
export type FlagKind = "list" | "switch" | "number" | "duration" | "text";

const NAMES: Readonly<Record<FlagKind, string>> = {
    list: `
        airgap-extra-registry cluster-cidr cluster-dns disable etcd-arg kube-apiserver-arg
        kube-cloud-controller-arg kube-cloud-controller-manager-arg kube-controller-arg
        kube-controller-manager-arg kube-proxy-arg kube-scheduler-arg kubelet-arg node-external-dns
        node-external-ip node-internal-dns node-ip node-label node-taint service-cidr tls-san`,
    switch: `
        alsologtostderr cluster-init cluster-reset debug disable-agent disable-apiserver
        disable-cloud-controller disable-controller-manager disable-default-registry-endpoint
        disable-etcd disable-helm-controller disable-kube-proxy disable-network-policy
        disable-scheduler docker embedded-registry enable-pprof etcd-disable-snapshots
        etcd-expose-metrics etcd-s3 etcd-s3-insecure etcd-s3-skip-ssl-verify etcd-snapshot-compress
        flannel-external-ip flannel-ipv6-masq kine-tls nonroot-devices prefer-bundled-bin
        protect-kernel-defaults rootless secrets-encryption selinux supervisor-metrics
        tls-san-security with-node-id`,
    number: `
        advertise-port apiserver-port etcd-s3-retention etcd-snapshot-retention https-listen-port
        lb-server-port supervisor-port v`,
    duration: `etcd-s3-timeout etcd-snapshot-reconcile-interval`,
    text: `
        advertise-address agent-token agent-token-file apiserver-bind-address bind-address
        cluster-domain cluster-reset-restore-path config container-runtime-endpoint data-dir
        datastore-cafile datastore-certfile datastore-endpoint datastore-keyfile
        default-local-storage-path default-runtime egress-selector-mode etcd-s3-access-key
        etcd-s3-bucket etcd-s3-bucket-lookup-type etcd-s3-config-secret etcd-s3-endpoint
        etcd-s3-endpoint-ca etcd-s3-folder etcd-s3-proxy etcd-s3-region etcd-s3-secret-key
        etcd-s3-session-token etcd-snapshot-dir etcd-snapshot-name etcd-snapshot-schedule-cron
        flannel-backend flannel-cni-conf flannel-conf flannel-iface helm-job-image
        image-credential-provider-bin-dir image-credential-provider-config image-service-endpoint
        log node-name pause-image private-registry resolv-conf secrets-encryption-provider server
        service-node-port-range servicelb-namespace snapshotter system-default-registry token
        token-file vmodule vpn-auth vpn-auth-file write-kubeconfig write-kubeconfig-group
        write-kubeconfig-mode`,
};

const words = (text: string) => text.trim().split(/\s+/);

/** Every flag, with the kind of value it takes. */
export const K3S_FLAGS: ReadonlyMap<string, FlagKind> = new Map(
    (Object.keys(NAMES) as FlagKind[]).flatMap((kind) =>
        words(NAMES[kind]).map((name) => [name, kind] as const),
    ),
);

/** What is refused, and why: `reason` completes "not be set here: ...". */
interface Refusal {
    readonly names: string;
    readonly reason: string;
    /** What to do instead, as an example. */
    readonly instead: string;
    /** Whether sandboxes are closed only without it: k3sIsolation.ts looks for it in k3s's settings. */
    readonly isolation?: true;
}

const byName = (refusals: readonly Refusal[]): ReadonlyMap<string, Refusal> =>
    new Map(refusals.flatMap((each) => words(each.names).map((name) => [name, each] as const)));

/** Flags that identity, data, isolation or the gateway's own set-up rest on. */
export const REFUSED_FLAGS = byName([
    {
        names: "node-name with-node-id token token-file agent-token agent-token-file",
        reason: "the gateway's identity rests on it",
        instead: "the same without this key",
    },
    {
        names: `
            advertise-address advertise-port apiserver-bind-address apiserver-port bind-address
            cluster-cidr cluster-dns cluster-domain https-listen-port node-ip service-cidr
            service-node-port-range supervisor-port vpn-auth vpn-auth-file`,
        reason: "the gateway's addresses rest on it, and k3s keeps those of its first start",
        instead: "gateway.subnet, gateway.apiPort, gateway.ports or gateway.tlsSans",
    },
    {
        names: `
            cluster-init cluster-reset cluster-reset-restore-path data-dir datastore-cafile
            datastore-certfile datastore-endpoint datastore-keyfile default-local-storage-path
            disable-etcd kine-tls secrets-encryption secrets-encryption-provider server`,
        reason: "the gateway's data rests on it: with another value k3s does not find or read it",
        instead: "the same without this key",
    },
    {
        names: words(
            `${NAMES.switch} ${NAMES.list} ${NAMES.number} ${NAMES.duration} ${NAMES.text}`,
        )
            .filter((name) => name.startsWith("etcd-"))
            .join(" "),
        reason: "the gateway's database is SQLite, so that it does nothing: no snapshot is taken",
        instead: "a backup as in docs/operations.md",
    },
    {
        names: "disable-network-policy disable-kube-proxy flannel-cni-conf flannel-conf rootless",
        reason: "what a sandbox may reach, and who may reach it, rests on it",
        instead: "sandboxes.NAME.egress",
        isolation: true,
    },
    {
        names: "tls-san-security",
        reason: "whoever asks for a name would get it into the API server's certificate",
        instead: "gateway.tlsSans",
        isolation: true,
    },
    {
        names: `
            disable-agent disable-apiserver disable-cloud-controller disable-controller-manager
            disable-scheduler`,
        reason: "no sandbox runs without it",
        instead: 'disable: ["metrics-server"]',
    },
    {
        names: "container-runtime-endpoint docker image-service-endpoint",
        reason: "k3s's own containerd holds the images and is what a stop ends",
        instead: "gateway.registries",
    },
    {
        names: "config private-registry",
        reason: "the file is written by the gateway",
        instead: "gateway.k3s, gateway.registries",
    },
    {
        names: "resolv-conf",
        reason: "the gateway tells its sandboxes which name servers there are",
        instead: "gateway.dns",
    },
    {
        names: "log write-kubeconfig write-kubeconfig-mode",
        reason: "the gateway's health check and what is said of a failed start rest on it",
        instead: "debug: true",
    },
]);

/** Values of single flags: those that work. */
export const FLAG_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
    // `none` leaves sandboxes without a network.
    ["flannel-backend", ["vxlan", "host-gw", "wireguard-native"]],
    ["egress-selector-mode", ["agent", "cluster", "pod", "disabled"]],
]);

/** Add-ons that may be left out: nothing here uses them. */
export const OPTIONAL_ADDONS: readonly string[] = ["traefik", "servicelb", "metrics-server"];

const KUBELET = byName([
    {
        names: "hostname-override node-ip pod-cidr cluster-dns cluster-domain cloud-provider",
        reason: "the node's identity and addresses rest on it",
        instead: '["v=2"]',
    },
    {
        names: "root-dir config config-dir kubeconfig cert-dir container-runtime-endpoint",
        reason: "k3s sets it, and its data or its own set-up rests on it",
        instead: '["v=2"]',
    },
    {
        names: `
            anonymous-auth authentication-token-webhook authorization-mode client-ca-file
            read-only-port`,
        reason: "whoever is let in by it runs commands in every sandbox",
        instead: '["v=2"]',
        isolation: true,
    },
    {
        names: `
            allowed-unsafe-sysctls bootstrap-kubeconfig make-iptables-util-chains manifest-url
            manifest-url-header pod-manifest-path`,
        reason: "what runs beside the sandboxes, and what holds them apart, rests on it",
        instead: '["v=2"]',
        isolation: true,
    },
    {
        names: "fail-cgroupv1",
        reason: "without the gateway's own value k3s does not start on cgroup v1",
        instead: '["v=2"]',
    },
    {
        names: "resolv-conf",
        reason: "the gateway tells its sandboxes which name servers there are",
        instead: "gateway.dns",
    },
]);

const API_SERVER = byName([
    {
        names: `
            admission-control-config-file anonymous-auth authentication-config
            authentication-token-webhook-config-file authorization-config authorization-mode
            authorization-policy-file authorization-webhook-config-file client-ca-file
            disable-admission-plugins egress-selector-config-file
            enable-bootstrap-token-auth kubelet-certificate-authority
            kubelet-client-certificate kubelet-client-key proxy-client-cert-file
            proxy-client-key-file requestheader-allowed-names requestheader-client-ca-file
            requestheader-extra-headers-prefix requestheader-group-headers
            requestheader-username-headers service-account-lookup token-auth-file`,
        reason: "who may change sandboxes, and what a pod may be, rests on it",
        instead: '["v=2"]',
        isolation: true,
    },
    {
        names: `
            etcd-servers etcd-prefix storage-backend encryption-provider-config
            service-account-issuer service-account-key-file service-account-signing-key-file`,
        reason: "the gateway's data and identity rest on it",
        instead: '["v=2"]',
    },
    {
        names: `
            advertise-address bind-address cert-dir secure-port service-cluster-ip-range
            service-node-port-range tls-cert-file tls-private-key-file`,
        reason: "the gateway's addresses rest on it",
        instead: '["v=2"]',
    },
]);

const CONTROLLERS = byName([
    {
        names: `
            allocate-node-cidrs cluster-cidr controllers kubeconfig root-ca-file
            service-account-private-key-file service-cluster-ip-range`,
        reason: "the gateway's addresses, its identity or its sandboxes rest on it",
        instead: '["v=2"]',
    },
    {
        names: `
            client-ca-file cluster-signing-cert-file cluster-signing-key-file
            cluster-signing-kube-apiserver-client-cert-file
            cluster-signing-kube-apiserver-client-key-file use-service-account-credentials`,
        reason: "who may change sandboxes rests on it",
        instead: '["v=2"]',
        isolation: true,
    },
]);

const PROXY = byName([
    {
        names: `
            cluster-cidr config hostname-override kubeconfig masquerade-all nodeport-addresses
            proxy-mode`,
        reason: "the gateway's ports, and who may reach a sandbox, rest on it",
        instead: '["v=2"]',
        isolation: true,
    },
]);

/** Arguments of k3s's parts, by the flag that carries them. */
export const REFUSED_ARGUMENTS: ReadonlyMap<string, ReadonlyMap<string, Refusal>> = new Map([
    ["kubelet-arg", KUBELET],
    ["kube-apiserver-arg", API_SERVER],
    ["kube-controller-manager-arg", CONTROLLERS],
    ["kube-controller-arg", CONTROLLERS],
    ["kube-proxy-arg", PROXY],
]);

/** Name of an argument: `name=value`, with `+=` or `-=` to add to k3s's own, dashes in front or not. */
export function argumentName(argument: string): string {
    const [name = ""] = argument.replace(/^-+/, "").split("=");
    return name.replace(/[+-]$/, "").trim();
}
