package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// caPairs are the CAs of a k3s server, by file name and by the prefix of the
// name that a generated one gets. The etcd ones sign nothing here; they are
// there because k3s makes them on a SQLite server, too.
var caPairs = []struct{ file, prefix string }{
	{"server-ca", "k3s-server"},
	{"client-ca", "k3s-client"},
	{"request-header-ca", "k3s-request-header"},
	{"etcd/server-ca", "etcd-server"},
	{"etcd/peer-ca", "etcd-peer"},
}

func (s *settings) ensureCAs() error {
	for _, pair := range caPairs {
		if err := ensureCA(pair.prefix, s.tls(pair.file+".crt"), s.tls(pair.file+".key")); err != nil {
			return err
		}
	}
	return ensureServiceKey(s.tls("service.key"))
}

// issueLeaves brings every leaf certificate up to date, all at once.
func (s *settings) issueLeaves() error {
	load := func(name string) (*authority, error) { return loadCA(s.tls(name+".crt"), s.tls(name+".key")) }
	server, err := load("server-ca")
	if err != nil {
		return err
	}
	client, err := load("client-ca")
	if err != nil {
		return err
	}
	header, err := load("request-header-ca")
	if err != nil {
		return err
	}
	forClient, forServer := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	node := []string{s.nodeName, s.hostname, "localhost", "127.0.0.1", "::1", s.nodeAddress.String()}
	masters := []string{"system:masters"}
	leaves := []leaf{
		{path: s.tls("serving-kube-apiserver"), ca: server, name: "kube-apiserver", names: s.ownNames(), usage: forServer},
		{path: s.tls("client-admin"), ca: client, name: "system:admin", organization: masters, usage: forClient},
		{path: s.tls("client-supervisor"), ca: client, name: "system:k3s-supervisor", organization: masters, usage: forClient},
		{path: s.tls("client-controller"), ca: client, name: "system:kube-controller-manager", usage: forClient},
		{path: s.tls("client-scheduler"), ca: client, name: "system:kube-scheduler", usage: forClient},
		{path: s.tls("client-kube-apiserver"), ca: client, name: "system:apiserver", organization: masters, usage: forClient},
		{path: s.tls("client-auth-proxy"), ca: header, name: "system:auth-proxy", usage: forClient},
		{path: s.data("agent", "client-kube-proxy"), ca: client, name: "system:kube-proxy", usage: forClient, everyStart: true},
		{path: s.data("agent", "client-k3s-controller"), ca: client, name: "system:k3s-controller", usage: forClient, everyStart: true},
		{path: s.data("agent", "client-kubelet"), ca: client, name: "system:node:" + s.nodeName, organization: []string{"system:nodes"}, usage: forClient, everyStart: true},
		{path: s.data("agent", "serving-kubelet"), ca: server, name: s.nodeName, names: node, usage: forServer, everyStart: true},
	}
	var wait sync.WaitGroup
	failures := make([]error, len(leaves))
	for i := range leaves {
		wait.Go(func() { failures[i] = leaves[i].issue() })
	}
	wait.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	issued := map[string]bool{}
	for _, l := range leaves {
		issued[l.path] = l.issued
	}
	return s.writeKubeconfigs(issued)
}

// writeKubeconfigs writes those of the control plane, as k3s does, only together
// with the certificates that are named in them.
func (s *settings) writeKubeconfigs(issued map[string]bool) error {
	for path, cert := range map[string]string{
		s.cred("admin.kubeconfig"):                  s.tls("client-admin"),
		s.cred("controller.kubeconfig"):             s.tls("client-controller"),
		s.cred("scheduler.kubeconfig"):              s.tls("client-scheduler"),
		s.data("agent", "kubelet.kubeconfig"):       s.data("agent", "client-kubelet"),
		s.data("agent", "kubeproxy.kubeconfig"):     s.data("agent", "client-kube-proxy"),
		s.data("agent", "k3scontroller.kubeconfig"): s.data("agent", "client-k3s-controller"),
		s.data("agent", "networkpolicy.kubeconfig"): s.tls("client-supervisor"),
	} {
		if filepath.Dir(path) == s.data("server", "cred") && !issued[cert] {
			continue
		}
		data, err := kubeconfig(s.apiURL(),
			map[string]string{"certificate-authority": s.tls("server-ca.crt")},
			map[string]string{"client-certificate": cert + ".crt", "client-key": cert + ".key"})
		if err == nil {
			err = writeFile(path, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return s.writeUserKubeconfig()
}

// writeUserKubeconfig writes the file for people and tools: everything inline.
func (s *settings) writeUserKubeconfig() error {
	inline := map[string]string{}
	for key, path := range map[string]string{"ca": s.tls("server-ca.crt"), "cert": s.tls("client-admin.crt"), "key": s.tls("client-admin.key")} {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		inline[key] = base64.StdEncoding.EncodeToString(data)
	}
	data, err := kubeconfig(s.apiURL(),
		map[string]string{"certificate-authority-data": inline["ca"]},
		map[string]string{"client-certificate-data": inline["cert"], "client-key-data": inline["key"]})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.kubeconfig), 0o755); err != nil {
		return err
	}
	if err := writeFile(s.kubeconfig, data, s.kubeconfigPerm); err != nil {
		return err
	}
	if s.kubeconfig == defaultKubeconfig {
		return nil
	}
	// As k3s: `kubectl` without a setting still finds a file kept elsewhere.
	if err := os.MkdirAll(filepath.Dir(defaultKubeconfig), 0o755); err != nil {
		return err
	}
	_ = os.Remove(defaultKubeconfig)
	return os.Symlink(s.kubeconfig, defaultKubeconfig)
}

// kubeconfig is YAML by being JSON, which every reader of the one takes.
func kubeconfig(url string, cluster, user map[string]string) ([]byte, error) {
	cluster["server"] = url
	return json.MarshalIndent(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []any{map[string]any{"name": "default", "cluster": cluster}},
		"users":           []any{map[string]any{"name": "default", "user": user}},
		"contexts":        []any{map[string]any{"name": "default", "context": map[string]string{"cluster": "default", "user": "default"}}},
		"current-context": "default",
		"preferences":     map[string]any{},
	}, "", "  ")
}

// tokenPassword is the secret part of a token; the K10 form puts the CA's hash
// before it.
func tokenPassword(token string) string {
	if !strings.HasPrefix(token, "K10") {
		return token
	}
	_, credentials, found := strings.Cut(token, "::")
	if !found {
		return token
	}
	if _, password, found := strings.Cut(credentials, ":"); found {
		return password
	}
	return credentials
}

// fullToken adds the CA's hash: of the file when it is one certificate, of the
// root when it is a chain that ends in one.
func fullToken(caData []byte, user, password string) string {
	sum := sha256.Sum256(caData)
	if certs := parseCerts(caData); len(certs) > 1 {
		roots, others := x509.NewCertPool(), x509.NewCertPool()
		for _, cert := range certs {
			if cert.CheckSignatureFrom(cert) == nil {
				roots.AddCert(cert)
			} else {
				others.AddCert(cert)
			}
		}
		chains, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err == nil {
			sum = sha256.Sum256(chains[0][len(chains[0])-1].Raw)
		}
	}
	return "K10" + hex.EncodeToString(sum[:]) + "::" + user + ":" + password
}

// writeTokens writes the token files and the password file made from them.
func (s *settings) writeTokens() error {
	caData, err := os.ReadFile(s.tls("server-ca.crt"))
	if err != nil {
		return err
	}
	agent := tokenPassword(s.agentToken)
	if agent == "" {
		agent = tokenPassword(s.token)
	}
	// k3s touches the file only when a password differs: its time counts in the
	// comparison with the datastore's copy.
	passwords := fmt.Sprintf("%s,server,server,k3s:server\n%s,node,node,k3s:agent\n", tokenPassword(s.token), agent)
	if old, err := os.ReadFile(s.cred("passwd")); err != nil || string(old) != passwords {
		if err := writeFile(s.cred("passwd"), []byte(passwords), 0o600); err != nil {
			return err
		}
	}
	agentFile := s.data("server", "agent-token")
	if s.agentToken == "" {
		agentFile = s.data("server", "node-token")
	}
	if err := writeFile(agentFile, []byte(fullToken(caData, "node", agent)+"\n"), 0o600); err != nil {
		return err
	}
	return writeFile(s.data("server", "token"), []byte(fullToken(caData, "server", tokenPassword(s.token))+"\n"), 0o600)
}
