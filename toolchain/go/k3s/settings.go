package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const defaultKubeconfig = "/etc/rancher/k3s/k3s.yaml"

// settings are the options after every check, with everything derived.
type settings struct {
	*options
	hostname          string
	nodeAddress       net.IP
	pods, services    *net.IPNet
	apiAddress        net.IP // the service that pods reach the API server by
	dnsAddress        net.IP
	localAddress      string // what this machine's own clients dial
	disabled          map[string]bool
	kubeconfigPerm    os.FileMode
	needsRuncFilter   bool
	resolvConfForPods string
}

func (s *settings) data(parts ...string) string {
	return filepath.Join(append([]string{s.dataDir}, parts...)...)
}
func (s *settings) tls(name string) string  { return s.data("server", "tls", name) }
func (s *settings) cred(name string) string { return s.data("server", "cred", name) }

func (s *settings) apiURL() string {
	return "https://" + net.JoinHostPort(s.localAddress, strconv.Itoa(s.httpsPort))
}

// splitList is for the lists whose items may hold several, parted by commas.
func splitList(items list) []string {
	out := []string{}
	for _, item := range items {
		for _, part := range strings.Split(item, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func oneNetwork(items list, standard, key string) (*net.IPNet, error) {
	texts := splitList(items)
	if len(texts) == 0 {
		texts = []string{standard}
	}
	if len(texts) > 1 {
		return nil, fmt.Errorf("%s: this stand-in image has one address family, IPv4", key)
	}
	_, network, err := net.ParseCIDR(texts[0])
	if err != nil || network.IP.To4() == nil {
		return nil, fmt.Errorf("invalid %s %s", key, texts[0])
	}
	return network, nil
}

func addressIn(network *net.IPNet, offset byte) net.IP {
	ip := slices.Clone(network.IP.To4())
	ip[3] += offset
	return ip
}

func checkPortRange(text string) error {
	low, high, isRange := strings.Cut(text, "-")
	from, err1 := strconv.ParseUint(low, 10, 16)
	to, err2 := strconv.ParseUint(high, 10, 16)
	if !isRange || err1 != nil || err2 != nil || from > to {
		return fmt.Errorf("invalid port range %s", text)
	}
	return nil
}

func newSettings(o *options) (*settings, error) {
	s := &settings{options: o, disabled: map[string]bool{}, kubeconfigPerm: 0o600}
	var err error
	if s.hostname, err = os.Hostname(); err != nil {
		return nil, err
	}
	if s.nodeName == "" {
		s.nodeName = s.hostname
	}
	s.nodeName = strings.ToLower(s.nodeName)
	if s.dataDir, err = filepath.Abs(s.dataDir); err != nil {
		return nil, err
	}
	if s.storagePath == "" {
		s.storagePath = s.data("storage")
	}
	for _, name := range splitList(o.disable) {
		s.disabled[name] = true
	}
	if s.kubeconfig == "" {
		s.kubeconfig = defaultKubeconfig
	}
	if s.kubeconfigMode != "" {
		if mode, err := strconv.ParseUint(s.kubeconfigMode, 8, 32); err != nil {
			logs.Errorf("Failed to set %s to mode %s: %v", s.kubeconfig, s.kubeconfigMode, err)
		} else {
			s.kubeconfigPerm = os.FileMode(mode)
		}
	}
	if s.token, err = textOrFile(s.token, s.tokenFile); err != nil {
		return nil, err
	}
	if s.agentToken, err = textOrFile(s.agentToken, s.agentTokenFile); err != nil {
		return nil, err
	}
	if s.encryptionProvider != "aescbc" && s.encryptionProvider != "secretbox" {
		return nil, fmt.Errorf("unsupported secrets-encryption-provider %s", s.encryptionProvider)
	}
	if !slices.Contains([]string{"none", "vxlan", "host-gw", "wireguard-native"}, s.flannelBackend) {
		return nil, fmt.Errorf("Cannot configure unknown flannel backend '%s'", s.flannelBackend)
	}
	if s.snapshotter != "overlayfs" && s.snapshotter != "native" {
		return nil, fmt.Errorf("snapshotter %s is not part of this stand-in image; use overlayfs or native", s.snapshotter)
	}
	if s.httpsPort < 1 || s.httpsPort > 65535 {
		return nil, fmt.Errorf("invalid https-listen-port %d", s.httpsPort)
	}
	if err := s.setAddresses(); err != nil {
		return nil, err
	}
	s.needsRuncFilter = !mayRaisePriority()
	s.resolvConfForPods = s.resolvConf
	return s, nil
}

func (s *settings) setAddresses() error {
	var err error
	if s.pods, err = oneNetwork(s.clusterCIDR, "10.42.0.0/16", "cluster-cidr"); err != nil {
		return err
	}
	if s.services, err = oneNetwork(s.serviceCIDR, "10.43.0.0/16", "service-cidr"); err != nil {
		return err
	}
	if err := checkPortRange(s.nodePortRange); err != nil {
		return err
	}
	s.apiAddress, s.dnsAddress = addressIn(s.services, 1), addressIn(s.services, 10)
	if texts := splitList(s.clusterDNS); len(texts) > 0 {
		if s.dnsAddress = net.ParseIP(texts[0]); s.dnsAddress == nil {
			return fmt.Errorf("invalid cluster-dns address %s", texts[0])
		}
	}
	s.localAddress = "127.0.0.1"
	if s.bindAddress != "" {
		if net.ParseIP(s.bindAddress) == nil {
			return fmt.Errorf("invalid bind-address %s", s.bindAddress)
		}
		if !net.ParseIP(s.bindAddress).IsUnspecified() {
			s.localAddress = s.bindAddress
		}
	}
	for _, text := range splitList(s.nodeExternalIP) {
		if net.ParseIP(text) == nil {
			return fmt.Errorf("invalid node-external-ip: invalid ip format '%s'", text)
		}
	}
	if texts := splitList(s.nodeIP); len(texts) > 0 {
		if s.nodeAddress = net.ParseIP(texts[0]); s.nodeAddress == nil {
			return fmt.Errorf("invalid node-ip: invalid ip format '%s'", texts[0])
		}
		return nil
	}
	s.nodeAddress, err = defaultRouteAddress()
	return err
}

func textOrFile(text, file string) (string, error) {
	if text != "" || file == "" {
		return text, nil
	}
	data, err := os.ReadFile(file)
	return strings.TrimSpace(string(data)), err
}

// ownNames are all the names and addresses the API server is reached by.
func (s *settings) ownNames() []string {
	names := []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + s.clusterDomain,
		"localhost", "127.0.0.1", "::1", s.nodeName, s.hostname, s.nodeAddress.String(), s.apiAddress.String(),
	}
	names = append(names, splitList(s.nodeExternalIP)...)
	names = append(names, splitList(s.tlsSAN)...)
	if s.bindAddress != "" {
		names = append(names, s.bindAddress)
	}
	if s.advertiseAddress != "" {
		names = append(names, s.advertiseAddress)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// componentArgs joins our arguments for a component with the user's: `name=v`
// replaces ours, `name+=v` adds after it, `name-=v` before it.
func componentArgs(ours map[string]string, theirs list) []string {
	values := map[string][]string{}
	for name, value := range ours {
		values[name] = []string{value}
	}
	replaced := map[string]bool{}
	for _, item := range theirs {
		name, value, hasValue := strings.Cut(strings.TrimLeft(item, "-"), "=")
		if !hasValue {
			value = "true"
		}
		switch {
		case strings.HasSuffix(name, "+"):
			name = strings.TrimSuffix(name, "+")
			values[name] = append(values[name], value)
		case strings.HasSuffix(name, "-"):
			name = strings.TrimSuffix(name, "-")
			values[name] = append([]string{value}, values[name]...)
		case replaced[name]:
			values[name] = append(values[name], value)
		default:
			values[name], replaced[name] = []string{value}, true
		}
	}
	args := []string{}
	for name, all := range values {
		for _, value := range all {
			args = append(args, "--"+name+"="+value)
		}
	}
	slices.SortStableFunc(args, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return args
}
