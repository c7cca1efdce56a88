package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v2"
)

const (
	runDir           = "/run/k3s"
	containerdSocket = runDir + "/containerd/containerd.sock"
)

// registries is the file of that name, as far as containerd can be told of it.
type registries struct {
	Mirrors map[string]struct {
		Endpoints []string          `yaml:"endpoint"`
		Rewrites  map[string]string `yaml:"rewrite"`
	} `yaml:"mirrors"`
	Configs map[string]struct {
		Auth *registryAuth `yaml:"auth"`
		TLS  *struct {
			CAFile             string `yaml:"ca_file"`
			CertFile           string `yaml:"cert_file"`
			KeyFile            string `yaml:"key_file"`
			InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
		} `yaml:"tls"`
	} `yaml:"configs"`
	// Of no use to k3s either, but what does not fit it breaks the whole file.
	Auths map[string]registryAuth `yaml:"auths"`
}

type registryAuth struct {
	Username      string `yaml:"username"`
	Password      string `yaml:"password"`
	Auth          string `yaml:"auth"`
	IdentityToken string `yaml:"identity_token"`
}

// brokenRegistries is a file that cannot be read: k3s meets it when it asks
// itself for the settings of its agent, and goes on asking.
type brokenRegistries struct{ error }

func readRegistries(path string) (*registries, error) {
	r := &registries{}
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	// As in k3s, keys that it does not know are no mistake.
	if err := yaml.Unmarshal(data, r); err != nil {
		return nil, brokenRegistries{err}
	}
	for name, mirror := range r.Mirrors {
		if len(mirror.Rewrites) > 0 {
			return nil, fmt.Errorf("%s: mirror %s: rewrite is not supported by the stand-in image", path, name)
		}
	}
	return r, nil
}

// quote writes a TOML string: JSON's is one.
func quote(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

// writeContainerd writes containerd's configuration and the folder of hosts
// that stands for registries.yaml.
func (s *settings) writeContainerd(r *registries) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	const cri = `plugins."io.containerd.grpc.v1.cri"`
	certs := s.data("agent", "etc", "containerd", "certs.d")
	line("# Written by k3s at every start.")
	line("version = 2")
	line("root = %s", quote(s.data("agent", "containerd")))
	line("state = %s", quote(runDir+"/containerd"))
	// Snapshotters that this image has no tools for only slow the start down.
	line(`disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing"]`)
	line("[grpc]\n  address = %s", quote(containerdSocket))
	line("[%s]", cri)
	line("  sandbox_image = %s", quote(s.image(s.pauseImage)))
	line("  enable_selinux = false")
	// Without CAP_SYS_RESOURCE no process may be given a better score for the
	// out-of-memory killer than its parent has.
	line("  restrict_oom_score_adj = %t", s.needsRuncFilter)
	line("[%s.containerd]\n  snapshotter = %s\n  default_runtime_name = \"runc\"", cri, quote(s.snapshotter))
	line("[%s.containerd.runtimes.runc]\n  runtime_type = \"io.containerd.runc.v2\"", cri)
	line("[%s.containerd.runtimes.runc.options]\n  SystemdCgroup = false", cri)
	if s.needsRuncFilter {
		line("  BinaryName = %s", quote(filepath.Join(libDir, runcFilter)))
	}
	line("[%s.cni]\n  bin_dir = \"/usr/lib/cni\"\n  conf_dir = \"/etc/cni/net.d\"", cri)
	line("[%s.registry]\n  config_path = %s", cri, quote(certs))
	for host, config := range r.Configs {
		if auth := config.Auth; auth != nil {
			line("[%s.registry.configs.%s.auth]", cri, quote(host))
			line("  username = %s\n  password = %s", quote(auth.Username), quote(auth.Password))
			line("  auth = %s\n  identitytoken = %s", quote(auth.Auth), quote(auth.IdentityToken))
		}
	}
	if err := writeFile(s.data("agent", "etc", "containerd", "config.toml"), []byte(b.String()), 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(certs); err != nil {
		return err
	}
	return r.writeHosts(certs)
}

// writeHosts gives containerd one folder for each registry that has mirrors or
// TLS settings. The registry itself stays the last resort, as in k3s.
func (r *registries) writeHosts(folder string) error {
	names := map[string]bool{}
	for name := range r.Mirrors {
		names[name] = true
	}
	for name := range r.Configs {
		names[name] = true
	}
	for name := range names {
		var b strings.Builder
		target := name
		if name == "*" {
			target = "_default"
		} else {
			server := name
			if server == "docker.io" {
				server = "registry-1.docker.io"
			}
			fmt.Fprintf(&b, "server = %s\n", quote("https://"+server))
			r.writeTLS(&b, name, "")
		}
		for _, endpoint := range r.Mirrors[name].Endpoints {
			address, err := endpointURL(endpoint)
			if err != nil {
				logs.Warnf("Ignoring invalid endpoint %s for registry %s: %v", endpoint, name, err)
				continue
			}
			header := "[host." + quote(strings.TrimSuffix(address.String(), "/")) + "]"
			fmt.Fprintf(&b, "%s\n  capabilities = [\"pull\", \"resolve\"]\n", header)
			if strings.Trim(address.Path, "/") != "" {
				// An endpoint with a path of its own holds the API's /v2 there.
				fmt.Fprintf(&b, "  override_path = true\n")
			}
			r.writeTLS(&b, address.Host, "  ")
		}
		// A port's colon cannot stand in a folder name that containerd looks up.
		if err := writeFile(filepath.Join(folder, strings.Replace(target, ":", "_", 1)+portSuffix(target), "hosts.toml"), []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// endpointURL puts a scheme before an endpoint that has none: https, but http
// for another port of this machine.
func endpointURL(endpoint string) (*url.URL, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "//" + endpoint
	}
	address, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	if address.Host == "" {
		return nil, fmt.Errorf("invalid URL without host: %s", endpoint)
	}
	if address.Scheme == "" {
		address.Scheme = "https"
		local := address.Hostname() == "localhost" || net.ParseIP(address.Hostname()).IsLoopback()
		if port := address.Port(); local && port != "" && port != "443" {
			address.Scheme = "http"
		}
	}
	return address, nil
}

// portSuffix: containerd looks for `name_PORT_` beside `name:PORT`.
func portSuffix(name string) string {
	if strings.Contains(name, ":") {
		return "_"
	}
	return ""
}

func (r *registries) writeTLS(b *strings.Builder, host, indent string) {
	tls := r.Configs[host].TLS
	if tls == nil {
		return
	}
	if tls.InsecureSkipVerify {
		fmt.Fprintf(b, "%sskip_verify = true\n", indent)
	}
	if tls.CAFile != "" {
		fmt.Fprintf(b, "%sca = %s\n", indent, quote(tls.CAFile))
	}
	if tls.CertFile != "" {
		fmt.Fprintf(b, "%sclient = [[%s, %s]]\n", indent, quote(tls.CertFile), quote(tls.KeyFile))
	}
}

// image puts the default registry before a name that has no registry of its own.
func (s *settings) image(name string) string {
	if s.registry == "" || strings.Contains(strings.Split(name, "/")[0], ".") {
		return name
	}
	return s.registry + "/" + name
}
