package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const kineSocket = runDir + "/kine.sock"

func kineArgs(s *settings) []string {
	return []string{
		// k3s's own settings of the database: a killed process loses nothing.
		"--endpoint=sqlite://" + s.data("server", "db", "state.db") + "?_journal=WAL&_synchronous=NORMAL&cache=shared&_busy_timeout=30000&_txlock=immediate",
		"--listen-address=unix://" + kineSocket,
		"--metrics-bind-address=0",
	}
}

func (s *settings) apiserverArgs() []string {
	ours := map[string]string{
		"advertise-address":           s.nodeAddress.String(),
		"allow-privileged":            "true",
		"anonymous-auth":              "false",
		"api-audiences":               "https://kubernetes.default.svc." + s.clusterDomain + ",k3s",
		"authorization-mode":          "Node,RBAC",
		"bind-address":                "0.0.0.0",
		"client-ca-file":              s.tls("client-ca.crt"),
		"enable-admission-plugins":    "NodeRestriction",
		"enable-bootstrap-token-auth": "true",
		// The size of a SQLite database is not asked for in etcd's way.
		"etcd-db-metric-poll-interval":       "0s",
		"etcd-servers":                       "unix://" + kineSocket,
		"kubelet-certificate-authority":      s.tls("server-ca.crt"),
		"kubelet-client-certificate":         s.tls("client-kube-apiserver.crt"),
		"kubelet-client-key":                 s.tls("client-kube-apiserver.key"),
		"kubelet-preferred-address-types":    "InternalIP,ExternalIP,Hostname",
		"profiling":                          "false",
		"proxy-client-cert-file":             s.tls("client-auth-proxy.crt"),
		"proxy-client-key-file":              s.tls("client-auth-proxy.key"),
		"requestheader-allowed-names":        "system:auth-proxy",
		"requestheader-client-ca-file":       s.tls("request-header-ca.crt"),
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"secure-port":                        strconv.Itoa(s.httpsPort),
		"service-account-issuer":             "https://kubernetes.default.svc." + s.clusterDomain,
		"service-account-key-file":           s.tls("service.key"),
		"service-account-signing-key-file":   s.tls("service.key"),
		"service-cluster-ip-range":           s.services.String(),
		"service-node-port-range":            s.nodePortRange,
		"storage-backend":                    "etcd3",
		"tls-cert-file":                      s.tls("serving-kube-apiserver.crt"),
		"tls-private-key-file":               s.tls("serving-kube-apiserver.key"),
	}
	if s.bindAddress != "" {
		ours["bind-address"] = s.bindAddress
	}
	if s.advertiseAddress != "" {
		ours["advertise-address"] = s.advertiseAddress
	}
	if s.encryption {
		ours["encryption-provider-config"] = s.cred("encryption-config.json")
	}
	s.addLogging(ours)
	return append([]string{"kube-apiserver"}, componentArgs(ours, s.apiserverArg)...)
}

func (s *settings) controllerArgs() []string {
	config := s.cred("controller.kubeconfig")
	ours := map[string]string{
		"allocate-node-cidrs":       "true",
		"authentication-kubeconfig": config,
		"authorization-kubeconfig":  config,
		"bind-address":              "127.0.0.1",
		"cluster-cidr":              s.pods.String(),
		"cluster-signing-kube-apiserver-client-cert-file": s.tls("client-ca.crt"),
		"cluster-signing-kube-apiserver-client-key-file":  s.tls("client-ca.key"),
		"cluster-signing-kubelet-client-cert-file":        s.tls("client-ca.crt"),
		"cluster-signing-kubelet-client-key-file":         s.tls("client-ca.key"),
		"cluster-signing-kubelet-serving-cert-file":       s.tls("server-ca.crt"),
		"cluster-signing-kubelet-serving-key-file":        s.tls("server-ca.key"),
		"cluster-signing-legacy-unknown-cert-file":        s.tls("server-ca.crt"),
		"cluster-signing-legacy-unknown-key-file":         s.tls("server-ca.key"),
		"configure-cloud-routes":                          "false",
		"controllers":                                     "*,tokencleaner",
		"kubeconfig":                                      config,
		"leader-elect":                                    "false",
		"profiling":                                       "false",
		"root-ca-file":                                    s.tls("server-ca.crt"),
		"service-account-private-key-file":                s.tls("service.key"),
		"service-cluster-ip-range":                        s.services.String(),
		"use-service-account-credentials":                 "true",
	}
	s.addLogging(ours)
	return append([]string{"kube-controller-manager"}, componentArgs(ours, s.controllersArg)...)
}

func (s *settings) schedulerArgs() []string {
	config := s.cred("scheduler.kubeconfig")
	ours := map[string]string{
		"authentication-kubeconfig": config,
		"authorization-kubeconfig":  config,
		"bind-address":              "127.0.0.1",
		"kubeconfig":                config,
		"leader-elect":              "false",
		"profiling":                 "false",
	}
	s.addLogging(ours)
	return append([]string{"kube-scheduler"}, componentArgs(ours, s.schedulerArg)...)
}

func (s *settings) proxyArgs() []string {
	ours := map[string]string{
		"cluster-cidr":         s.pods.String(),
		"healthz-bind-address": "127.0.0.1",
		"hostname-override":    s.nodeName,
		"kubeconfig":           s.data("agent", "kubeproxy.kubeconfig"),
		"proxy-mode":           "iptables",
		// These are the machine's, not the container's, to set.
		"conntrack-max-per-core":            "0",
		"conntrack-tcp-timeout-established": "0s",
		"conntrack-tcp-timeout-close-wait":  "0s",
	}
	s.addLogging(ours)
	return append([]string{"kube-proxy"}, componentArgs(ours, s.proxyArg)...)
}

func (s *settings) policyArgs() []string {
	return []string{
		"--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false",
		"--kubeconfig=" + s.data("agent", "networkpolicy.kubeconfig"),
		"--hostname-override=" + s.nodeName,
		"--service-cluster-ip-range=" + s.services.String(),
		"--service-node-port-range=" + s.nodePortRange,
		"--enable-ipv6=false",
		"--health-port=0",
		"--metrics-port=0",
	}
}

func (s *settings) kubeletArgs() ([]string, error) {
	folder := s.data("agent", "etc", "kubelet.conf.d")
	config := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true, "cacheTTL": "2m0s"},
			"x509":      map[string]any{"clientCAFile": s.tls("client-ca.crt")},
		},
		"authorization": map[string]any{
			"mode":    "Webhook",
			"webhook": map[string]any{"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
		},
		"cgroupDriver":             "cgroupfs",
		"clusterDNS":               []string{s.dnsAddress.String()},
		"clusterDomain":            s.clusterDomain,
		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"evictionHard":             map[string]string{"imagefs.available": "5%", "nodefs.available": "5%"},
		"evictionMinimumReclaim":   map[string]string{"imagefs.available": "10%", "nodefs.available": "10%"},
		"failSwapOn":               false,
		// Debian's containerd cannot pin images. Without this the kubelet would
		// collect imported ones on a disk 85 % full, which k3s never does.
		"imageGCHighThresholdPercent": 100,
		"healthzBindAddress":          "127.0.0.1",
		"protectKernelDefaults":       s.protectKernel,
		"resolvConf":                  s.resolvConfForPods,
		"serializeImagePulls":         false,
		"staticPodPath":               s.data("agent", "pod-manifests"),
		"tlsCertFile":                 s.data("agent", "serving-kubelet.crt"),
		"tlsPrivateKeyFile":           s.data("agent", "serving-kubelet.key"),
	}
	if s.bindAddress != "" {
		config["address"] = s.bindAddress
	}
	kubeletGroup, runtimeGroup := ownCgroups()
	if kubeletGroup != "" {
		config["kubeletCgroups"] = kubeletGroup
	}
	if s.needsRuncFilter {
		// The kubelet may not give itself a better score here; asked to, it fails.
		config["oomScoreAdj"] = 0
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(folder, "00-k3s-defaults.conf"), data, 0o600); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.data("agent", "pod-manifests"), 0o700); err != nil {
		return nil, err
	}
	ours := map[string]string{
		"config-dir":        folder,
		"hostname-override": s.nodeName,
		"kubeconfig":        s.data("agent", "kubelet.kubeconfig"),
		"node-ip":           s.nodeAddress.String(),
		"node-labels":       strings.Join(append([]string{"node.kubernetes.io/instance-type=k3s"}, s.nodeLabel...), ","),
	}
	if runtimeGroup != "" {
		ours["runtime-cgroups"] = runtimeGroup
	}
	if len(s.nodeTaint) > 0 {
		ours["register-with-taints"] = strings.Join(s.nodeTaint, ",")
	}
	s.addLogging(ours)
	return append([]string{"kubelet"}, componentArgs(ours, s.kubeletArg)...), nil
}

func (s *settings) addLogging(args map[string]string) {
	if s.verbosity > 0 {
		args["v"] = strconv.Itoa(s.verbosity)
	}
	if s.vmodule != "" {
		args["vmodule"] = s.vmodule
	}
}

// ensureEncryption makes the key that Secrets are encrypted with in the
// datastore. Without the setting an existing key is left alone and unused, so
// what was encrypted with it is unreadable, as in k3s.
func (s *settings) ensureEncryption() error {
	path := s.cred("encryption-config.json")
	if !s.encryption || filled(path) {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{
		"kind":       "EncryptionConfiguration",
		"apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []any{map[string]any{
			"resources": []string{"secrets"},
			"providers": []any{
				map[string]any{s.encryptionProvider: map[string]any{"keys": []any{map[string]string{
					"name": s.encryptionProvider + "key", "secret": base64.StdEncoding.EncodeToString(key),
				}}}},
				// Secrets written before the key was there stay readable.
				map[string]any{"identity": map[string]any{}},
			},
		}},
	})
	if err != nil {
		return err
	}
	return writeFile(path, data, 0o600)
}
