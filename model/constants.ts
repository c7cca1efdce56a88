/**
 * Facts that the components, the policy pack, the tools and the tests share. Each is defined once.
 *
 * "Upstream" is NVIDIA OpenShell at its k3s gateway (PR #739, v0.0.22 to v0.0.36).
 */

/** Prefix of every Pulumi type token; a token is identity in state and must never change. */
export const TYPE_PREFIX = "sandbox-gateway:index";

/** Label of what a gateway has in Docker: the fingerprint of the authority that it proves itself with. */
export const LABEL_OWNER = "sandbox-gateway.dev/owner";

/** Where k3s keeps everything worth keeping; the data volume is mounted here. */
export const K3S_DATA_DIR = "/var/lib/rancher/k3s";

/** k3s reads its settings here. */
export const K3S_CONFIG_FILE = "/etc/rancher/k3s/config.yaml";

/** k3s proves with this file that a re-created container is the node it was before. */
export const K3S_NODE_PASSWORD_FILE = "/etc/rancher/node/password";

/** In the volume: a copy of it, with which an identity can be recovered from the volume alone. */
export const K3S_NODE_PASSWORD_COPY = ".sandbox-gateway-node-password";

/** Where the entrypoint writes what it finds out: a tmpfs. `health` and `warnings` are for reading. */
export const GATEWAY_RUN_DIR = "/run/sandbox-gateway";

/** Resolvers of pods; the entrypoint writes it. */
export const RESOLV_CONF_FILE = `${GATEWAY_RUN_DIR}/resolv.conf`;

/** Port of the Kubernetes API inside the container; k3s's default. */
export const K3S_API_PORT = 6443;

/** Address that sandboxes are published on unless another is asked for: this machine alone. */
export const LOOPBACK = "127.0.0.1";

/** Pod and service networks; k3s's defaults, never changed after the first start. */
export const CLUSTER_CIDR = "10.42.0.0/16";
export const SERVICE_CIDR = "10.43.0.0/16";

/** What no sandbox on a gateway reaches: addresses of a link, with the metadata of clouds among them. */
export const LINK_LOCAL_CIDR = "169.254.0.0/16";

/** Image of the gate in front of each sandbox: one that k3s brings along, for its own storage helper. */
export const GATE_IMAGE = "rancher/mirrored-library-busybox:1.37.0";

/** Containers of a sandbox's pod: the gate, the one that seeds the workspace, and the agent itself. */
export const GATE_CONTAINER = "gate";
export const SEED_CONTAINER = "workspace-init";
export const AGENT_CONTAINER = "agent";

/** What it runs: components/sandbox/scripts/gate.sh. */
export const GATE_SCRIPT = "gate.sh";

/** HAProxy's official image, which has the certificates of public authorities. */
export const PROXY_IMAGE = "haproxy:3.2.26";

/** The CoreDNS that k3s brings along for its own names. */
export const DNS_IMAGE = "rancher/mirrored-coredns-coredns:1.14.6";

/** Namespace of all sandboxes of a gateway; in a cluster that is there already, each stack has its own. */
export const NAMESPACE = "sandboxes";

/** On a namespace in a cluster that is there already: the stack that has made it, by its `owner` Stash. */
export const ANNOTATION_OWNER = "sandbox-gateway.dev/owner";

/** Storage class of workspaces on the local gateway: k3s's local-path, but Retain. */
export const WORKSPACE_CLASS = "sandbox-workspace";

/** Name of the claim template and of the volume in the pod; upstream's `WORKSPACE_VOLUME_NAME`. */
export const WORKSPACE_VOLUME = "workspace";

/** Where a sandbox sees its workspace; upstream's `WORKSPACE_MOUNT_PATH`. */
export const WORKSPACE_PATH = "/sandbox";

/** Where the seeding container sees the claim; upstream's `WORKSPACE_INIT_MOUNT_PATH`. */
export const SEED_PATH = "/workspace-pvc";

/** Folder in a sandbox pod that holds our scripts and rendered files. */
export const SCRIPTS_PATH = "/opt/sandbox-gateway";

/** Secret with the SSH handshake secret, under key `secret`; upstream's name and key. */
export const HANDSHAKE_SECRET = "openshell-ssh-handshake";

/** On a StatefulSet: the gateway's container that its pods were last awaited in. */
export const ANNOTATION_REVISION = "sandbox-gateway.dev/gateway-revision";

/** On a StatefulSet: why the gateway has ended it, after the generation for which this is so. */
export const ANNOTATION_ENDED = "sandbox-gateway.dev/ended";

/** Resource that a pod asks for; NVIDIA's device plugin's name. */
export const GPU_RESOURCE = "nvidia.com/gpu";

/** The node's disk, as a resource of a container. */
export const DISK_RESOURCE = "ephemeral-storage";

/** What seeding a workspace takes: to give files the owners and modes of an image. */
export const SEED_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];

/** To listen on the first ports, which CoreDNS's image asks for; Pod Security's `restricted` allows it. */
export const BIND_CAPABILITY = "NET_BIND_SERVICE";

/** Runtime class that k3s makes for NVIDIA's runtime when it finds one in its image. */
export const GPU_RUNTIME_CLASS = "nvidia";

/** Where the kubelet meets device plugins; the one folder of the node that a pod of ours mounts. */
export const DEVICE_PLUGIN_FOLDER = "/var/lib/kubelet/device-plugins";

/** On what stands in for a stopped gateway in Docker: the ports that it will publish again. */
export const LABEL_PORTS = "sandbox-gateway.dev/ports";

/** Labels of objects. `LABEL_SANDBOX` selects the pod of a sandbox, `LABEL_OUTBOUND` that of the proxy. */
export const LABEL_SANDBOX = "sandbox-gateway.dev/sandbox";
export const LABEL_OUTBOUND = "sandbox-gateway.dev/outbound";
export const LABEL_MANAGED_BY = "app.kubernetes.io/managed-by";
export const MANAGED_BY = "sandbox-gateway";

/** Labels of every Kubernetes object that is not of one sandbox. */
export const SHARED_LABELS = { [LABEL_MANAGED_BY]: MANAGED_BY };

/**
 * Seconds a pod gets between TERM and KILL. OpenClaw drains a running request for as long as it is
 * allowed to; thirty seconds end nearly every request and keep a stop short.
 */
export const POD_GRACE_SECONDS = 30;

/** Seconds the gateway container gets: the longest pod grace, and time for k3s to close its database. */
export const GATEWAY_GRACE_SECONDS = 60;

/** Label of an image that was made here under the name of a published one: from which recipe it is. */
export const STAND_IN_LABEL = "sandbox-gateway.stand-in";
