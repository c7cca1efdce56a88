package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

var errNoDefaultRoute = errors.New("unable to select an IP from default routes.")

// defaultRouteAddress is the address of the interface that the default route
// leaves by, which is what k3s takes for the node's address.
func defaultRouteAddress() (net.IP, error) {
	file, err := os.Open("/proc/net/route")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" {
			continue
		}
		link, err := net.InterfaceByName(fields[0])
		if err != nil {
			return nil, err
		}
		addresses, err := link.Addrs()
		if err != nil {
			return nil, err
		}
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
				return network.IP, nil
			}
		}
	}
	return nil, errNoDefaultRoute
}

func hasAddress(wanted net.IP) bool {
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.Equal(wanted) {
			return true
		}
	}
	return false
}

// resolvConfOf picks the resolver file for pods. A pod cannot reach a resolver
// on the node's loopback, such as Docker's 127.0.0.11, so k3s then uses a
// public one, unless the user has said which file to take.
func (s *settings) resolvConfOf() (string, error) {
	const system = "/etc/resolv.conf"
	if s.resolvConf != "" {
		return s.resolvConf, nil
	}
	data, err := os.ReadFile(system)
	if err == nil && usableResolvConf(data) {
		return system, nil
	}
	path := s.data("agent", "etc", "resolv.conf")
	logs.Infof("%s has no nameserver that pods can reach, using 8.8.8.8", system)
	return path, writeFile(path, []byte("nameserver 8.8.8.8\n"), 0o644)
}

func usableResolvConf(data []byte) bool {
	found := false
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		ip := net.ParseIP(fields[1])
		if ip == nil || !ip.IsGlobalUnicast() {
			return false
		}
		found = true
	}
	return found
}

// chooseIptables points the iptables commands at the nft or the legacy tools.
// Rules in the one are not seen by the other, so the set that already holds
// rules in this network namespace wins (Docker puts its resolver's there);
// without any, nft where the kernel has it.
func chooseIptables() error {
	count := func(tool string) int {
		out, err := exec.Command("/usr/sbin/"+tool, "iptables-save").Output()
		if err != nil {
			return -1
		}
		rules := 0
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "-A") {
				rules++
			}
		}
		return rules
	}
	nft, legacy := count("xtables-nft-multi"), count("xtables-legacy-multi")
	tool := "xtables-nft-multi"
	if nft < 0 || legacy > nft {
		tool = "xtables-legacy-multi"
	}
	for _, name := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"} {
		link := filepath.Join("/usr/sbin", name)
		if old, err := os.Readlink(link); err == nil && old == tool {
			continue
		}
		_ = os.Remove(link)
		if err := os.Symlink(tool, link); err != nil {
			return err
		}
	}
	logs.Infof("Using %s for iptables", tool)
	return nil
}

// prepareKernel turns on what pods' networking rests on. A kernel that has the
// bridge filter as a module must have it loaded by the host.
func prepareKernel() {
	for name, value := range map[string]string{
		"net/ipv4/ip_forward":                "1",
		"net/bridge/bridge-nf-call-iptables": "1",
	} {
		path := filepath.Join("/proc/sys", name)
		if current, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(current)) == value {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			logs.Warnf("Cannot set %s to %s: %v", name, value, err)
		}
	}
}

// writeCNI makes the pod network: one bridge, as k3s's flannel has it on a
// single node. The addresses given out are kept under the run directory, which
// lasts exactly as long as the pods' network namespaces do, so a new container
// on the same volume starts with all of them free.
func (s *settings) writeCNI(podNetwork string) error {
	if _, _, err := net.ParseCIDR(podNetwork); err != nil {
		return fmt.Errorf("the node's pod network: %w", err)
	}
	conf, err := json.MarshalIndent(map[string]any{
		"name":       "cbr0",
		"cniVersion": "0.4.0",
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "ipMasq": true, "hairpinMode": true, "mtu": linkMTU(s.nodeAddress),
				"ipam": map[string]any{"type": "host-local", "ranges": []any{[]any{map[string]string{"subnet": podNetwork}}}, "dataDir": filepath.Join(runDir, "cni-addresses")},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile("/etc/cni/net.d/10-bridge.conflist", conf, 0o644)
}

// linkMTU keeps pods' packets no larger than the container's own network takes.
func linkMTU(address net.IP) int {
	links, _ := net.Interfaces()
	for _, link := range links {
		addresses, _ := link.Addrs()
		for _, a := range addresses {
			if network, ok := a.(*net.IPNet); ok && network.IP.Equal(address) {
				return link.MTU
			}
		}
	}
	return 1500
}

// lifeOf tells one life of the container from the next: the time at which its
// first process started, in clock ticks since the machine did.
func lifeOf() (string, error) {
	stat, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		return "", err
	}
	// The program's name may hold blanks; the fields after it do not.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/1/stat has only %d fields", len(fields))
	}
	if _, err := strconv.ParseUint(fields[19], 10, 64); err != nil {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(boot)) + " " + fields[19], err
}

// clearStaleRun removes what an earlier life of the container left in a run
// directory that is no tmpfs: sockets, pids and pod addresses that nobody
// holds any more. A k3s restarted beside living pods finds its own mark.
func clearStaleRun() error {
	life, err := lifeOf()
	if err != nil {
		return err
	}
	mark := filepath.Join(runDir, "life")
	if old, err := os.ReadFile(mark); err == nil && string(old) == life {
		return nil
	}
	if err := os.RemoveAll(runDir); err != nil {
		return err
	}
	return writeFile(mark, []byte(life), 0o644)
}

// ipsetUsable tries what the network policy controller lives on.
func ipsetUsable(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "/usr/sbin/ipset", "list", "-n").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
