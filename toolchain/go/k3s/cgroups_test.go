package main

import (
	"strings"
	"testing"
)

func TestOwnCgroups(t *testing.T) {
	const scope, slice = "/user.slice/user-1000.slice/session-3.scope", "/system.slice/k3s.service"
	for _, test := range []struct {
		name             string
		unified          bool
		self, first      string
		kubelet, runtime string
	}{
		{"version 2, a cgroup namespace of its own", true, "0::/\n", "0::/\n", "", ""},
		{"version 2, emptied by the entrypoint", true, "0::/init\n", "0::/init\n", "/k3s", "/k3s"},
		{"version 2, Docker's scope on the machine's hierarchy", true, "0::/system.slice/docker-1.scope\n", "0::/system.slice/docker-1.scope\n", "/k3s", ""},
		{"version 2, a service of the machine", true, "0::" + slice + "\n", "0::/init.scope\n", "", ""},
		{"version 2, a session", true, "0::" + scope + "\n", "0::/init.scope\n", "/k3s", ""},
		{"version 1, Docker", false, "9:memory:/docker/x\n1:name=systemd:/docker/x\n", "9:memory:/docker/x\n1:name=systemd:/docker/x\n", "/k3s", "/k3s"},
		{"version 1, without systemd's hierarchy", false, "9:memory:/docker/x\n0::/docker/x\n", "9:memory:/docker/x\n0::/docker/x\n", "", ""},
		{"version 1, a scope of another hierarchy", false, "9:memory:" + scope + "\n1:name=systemd:/\n", "1:name=systemd:/\n", "", ""},
		{"version 1, a session", false, "9:memory:/\n1:name=systemd:" + scope + "\n", "1:name=systemd:/init.scope\n", "/k3s", ""},
		{"a scope and nothing above it", true, "0::.scope\n", "0::/\n", "", ""},
		{"nothing", true, "", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			kubelet, runtime := chooseCgroups(test.unified, test.self, test.first)
			if kubelet != test.kubelet || runtime != test.runtime {
				t.Errorf("kubelet %q, runtime %q; want %q and %q", kubelet, runtime, test.kubelet, test.runtime)
			}
		})
	}
}

func TestMissingController(t *testing.T) {
	const first = "9:memory:/docker/x\n8:pids:/docker/x\n"
	for _, test := range []struct {
		name    string
		unified bool
		found   string
		wrong   string
	}{
		{"version 2", true, "cpuset cpu io memory pids\n", ""},
		{"version 2 without cpuset", true, "cpu io memory pids\n", "failed to find cpuset cgroup (v2)"},
		{"version 2 without cpu", true, "cpuset io memory pids\n", "failed to find cpu cgroup (v2)"},
		{"version 2 without memory", true, "cpuset cpu io pids\n", "failed to find memory cgroup (v2)"},
		{"version 2 without pids", true, "cpuset cpu io memory\n", "pids cgroup controller not found"},
		{"version 1", false, first, ""},
		{"version 1 without memory", false, strings.Replace(first, "memory", "cpu", 1), "failed to find memory cgroup, you may need"},
		{"version 1 without pids", false, strings.Replace(first, "pids", "cpu", 1), "pids cgroup controller not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := missingController(test.unified, test.found)
			if (err == nil) != (test.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), test.wrong) {
				t.Errorf("got %v, want %q", err, test.wrong)
			}
		})
	}
}
