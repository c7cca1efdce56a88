package main

import "testing"

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
