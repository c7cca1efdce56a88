package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

// list is a flag that may be given many times.
type list []string

func (l *list) String() string         { return strings.Join(*l, ",") }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

// options holds the server's settings as given, before they are checked.
type options struct {
	configFile                                              string
	nodeName, bindAddress, advertiseAddress                 string
	nodeIP, nodeExternalIP, tlsSAN, disable                 list
	clusterCIDR, serviceCIDR, clusterDNS                    list
	httpsPort, verbosity                                    int
	token, tokenFile, agentToken, agentTokenFile            string
	dataDir, clusterDomain, flannelBackend, nodePortRange   string
	kubeconfig, kubeconfigMode                              string
	kubeletArg, apiserverArg, controllersArg, schedulerArg  list
	proxyArg, nodeLabel, nodeTaint                          list
	encryption, noNetworkPolicy, noKubeProxy, protectKernel bool
	encryptionProvider                                      string
	registry, privateRegistry, storagePath, snapshotter     string
	pauseImage, resolvConf, logFile, vmodule                string
	alsoStderr, debug                                       bool
	ignored                                                 bool // accepted, but without a part here that it could change
	ignoredList                                             list // the same, here and below
	ignoredText                                             string
	ignoredNumber                                           int
	ignoredTime                                             time.Duration
}

// Known to k3s but with no meaning here: a start that ignored one of these
// would be another cluster than the one asked for.
var refusedFlags = []string{
	"advertise-port", "airgap-extra-registry", "apiserver-bind-address", "apiserver-port", "cluster-init", "cluster-reset", "cluster-reset-restore-path", "container-runtime-endpoint",
	"datastore-cafile", "datastore-certfile", "datastore-endpoint", "datastore-keyfile", "default-runtime",
	"disable-agent", "disable-apiserver", "disable-controller-manager", "disable-default-registry-endpoint",
	"disable-etcd", "disable-scheduler", "docker", "egress-selector-mode", "embedded-registry", "enable-pprof",
	"flannel-conf", "flannel-cni-conf", "flannel-external-ip", "flannel-iface", "flannel-ipv6-masq", "helm-job-image",
	"image-credential-provider-bin-dir", "image-credential-provider-config", "image-service-endpoint", "kine-tls",
	"kubelet-config", "lb-server-port", "multi-cluster-cidr", "nonroot-devices", "node-external-dns",
	"node-internal-dns", "rootless", "s", "selinux", "server", "servicelb-namespace", "supervisor-metrics", "supervisor-port", "vpn-auth",
	"vpn-auth-file", "with-node-id", "write-kubeconfig-group",
}

func (o *options) flagSet() *flag.FlagSet {
	f := flag.NewFlagSet("server", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	text := func(target *string, standard, environment string, names ...string) {
		if value := os.Getenv(environment); environment != "" && value != "" {
			standard = value
		}
		for _, name := range names {
			f.StringVar(target, name, standard, "text")
		}
	}
	yes := func(target *bool, standard bool, environment string, names ...string) {
		if value := os.Getenv(environment); environment != "" && value != "" {
			standard = value == "true" || value == "1"
		}
		for _, name := range names {
			f.BoolVar(target, name, standard, "true or false")
		}
	}
	lists := func(target *list, names ...string) {
		for _, name := range names {
			f.Var(target, name, "text, may be repeated")
		}
	}
	text(&o.configFile, defaultConfigFile, "", "config", "c")
	text(&o.nodeName, "", "K3S_NODE_NAME", "node-name")
	lists(&o.nodeIP, "node-ip", "i")
	lists(&o.nodeExternalIP, "node-external-ip")
	text(&o.bindAddress, "", "", "bind-address")
	text(&o.advertiseAddress, "", "", "advertise-address")
	f.IntVar(&o.httpsPort, "https-listen-port", 6443, "number")
	lists(&o.tlsSAN, "tls-san")
	yes(&o.ignored, true, "", "tls-san-security")
	text(&o.dataDir, "/var/lib/rancher/k3s", "K3S_DATA_DIR", "data-dir", "d")
	text(&o.token, "", "K3S_TOKEN", "token", "t")
	text(&o.tokenFile, "", "K3S_TOKEN_FILE", "token-file")
	text(&o.agentToken, "", "K3S_AGENT_TOKEN", "agent-token")
	text(&o.agentTokenFile, "", "K3S_AGENT_TOKEN_FILE", "agent-token-file")
	lists(&o.disable, "disable")
	text(&o.flannelBackend, "vxlan", "", "flannel-backend")
	lists(&o.clusterCIDR, "cluster-cidr")
	lists(&o.serviceCIDR, "service-cidr")
	lists(&o.clusterDNS, "cluster-dns")
	text(&o.clusterDomain, "cluster.local", "", "cluster-domain")
	text(&o.nodePortRange, "30000-32767", "", "service-node-port-range")
	text(&o.kubeconfig, "", "K3S_KUBECONFIG_OUTPUT", "write-kubeconfig", "o")
	text(&o.kubeconfigMode, "", "K3S_KUBECONFIG_MODE", "write-kubeconfig-mode")
	lists(&o.kubeletArg, "kubelet-arg")
	lists(&o.apiserverArg, "kube-apiserver-arg")
	lists(&o.controllersArg, "kube-controller-manager-arg", "kube-controller-arg")
	lists(&o.schedulerArg, "kube-scheduler-arg")
	lists(&o.proxyArg, "kube-proxy-arg")
	lists(&o.ignoredList, "kube-cloud-controller-manager-arg", "kube-cloud-controller-arg")
	o.etcdFlags(f)
	yes(&o.encryption, false, "", "secrets-encryption")
	text(&o.encryptionProvider, "aescbc", "", "secrets-encryption-provider")
	yes(&o.noNetworkPolicy, false, "", "disable-network-policy")
	yes(&o.noKubeProxy, false, "", "disable-kube-proxy")
	yes(&o.ignored, false, "", "disable-cloud-controller")
	yes(&o.ignored, false, "", "disable-helm-controller")
	yes(&o.protectKernel, false, "", "protect-kernel-defaults")
	yes(&o.ignored, false, "", "prefer-bundled-bin")
	lists(&o.nodeLabel, "node-label")
	lists(&o.nodeTaint, "node-taint")
	text(&o.privateRegistry, "/etc/rancher/k3s/registries.yaml", "", "private-registry")
	text(&o.registry, "", "", "system-default-registry")
	text(&o.storagePath, "", "", "default-local-storage-path")
	text(&o.snapshotter, "overlayfs", "", "snapshotter")
	text(&o.pauseImage, "rancher/mirrored-pause:3.10.2", "", "pause-image")
	text(&o.resolvConf, "", "K3S_RESOLV_CONF", "resolv-conf")
	text(&o.logFile, "", "", "log", "l")
	yes(&o.alsoStderr, false, "", "alsologtostderr")
	yes(&o.debug, false, "K3S_DEBUG", "debug")
	f.IntVar(&o.verbosity, "v", 0, "number")
	text(&o.vmodule, "", "", "vmodule")
	for _, name := range refusedFlags {
		f.Func(name, "not in this image", func(string) error {
			return fmt.Errorf("this setting is not supported by the stand-in image")
		})
	}
	return f
}

// etcdFlags are those that a server with SQLite takes and makes nothing of; a
// value of another kind is wrong all the same.
func (o *options) etcdFlags(f *flag.FlagSet) {
	f.Var(&o.ignoredList, "etcd-arg", "text, may be repeated")
	for _, name := range []string{
		"etcd-disable-snapshots", "etcd-expose-metrics", "etcd-s3", "etcd-s3-insecure", "etcd-s3-skip-ssl-verify",
		"etcd-snapshot-compress",
	} {
		f.BoolVar(&o.ignored, name, false, "true or false")
	}
	for _, name := range []string{
		"etcd-s3-access-key", "etcd-s3-bucket", "etcd-s3-bucket-lookup-type", "etcd-s3-config-secret", "etcd-s3-endpoint",
		"etcd-s3-endpoint-ca", "etcd-s3-folder", "etcd-s3-proxy", "etcd-s3-region", "etcd-s3-secret-key",
		"etcd-s3-session-token", "etcd-snapshot-dir", "etcd-snapshot-name", "etcd-snapshot-schedule-cron",
	} {
		f.StringVar(&o.ignoredText, name, "", "text")
	}
	for _, name := range []string{"etcd-s3-retention", "etcd-snapshot-retention"} {
		f.IntVar(&o.ignoredNumber, name, 5, "number")
	}
	for _, name := range []string{"etcd-s3-timeout", "etcd-snapshot-reconcile-interval"} {
		f.DurationVar(&o.ignoredTime, name, 0, "duration")
	}
}

// parseOptions reads the config file and the command line; both go through the
// same flags, the command line last, so that it wins for single values.
func parseOptions(args []string) *options {
	o := &options{}
	flags := o.flagSet()
	fromFile, err := configArgs(configFilePath(args))
	if err != nil {
		logs.Fatalf("%v", err)
	}
	fromFile = knownArgs(fromFile, func(name string) bool { return flags.Lookup(name) != nil })
	all := append(fromFile, args...)
	err = flags.Parse(all)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == flag.ErrHelp {
		serverUsage(os.Stdout, flags)
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Incorrect Usage: %v\n\n", err)
		serverUsage(os.Stderr, flags)
		logs.Fatalf("Error: %v", err)
	}
	return o
}

func serverUsage(out io.Writer, flags *flag.FlagSet) {
	refused := map[string]bool{}
	for _, name := range refusedFlags {
		refused[name] = true
	}
	lines := []string{}
	flags.VisitAll(func(f *flag.Flag) {
		if !refused[f.Name] {
			dashes := "--"
			if len(f.Name) == 1 {
				dashes = "-"
			}
			lines = append(lines, fmt.Sprintf("   %s%s value (%s)", dashes, f.Name, f.Usage))
		}
	})
	sort.Strings(lines)
	fmt.Fprintf(out, "NAME:\n   k3s server - Run management server\n\nUSAGE:\n   k3s server [OPTIONS]\n\nOPTIONS:\n%s\n\n", strings.Join(lines, "\n"))
}
