package main

import (
	"os"
	"strings"
)

// The cgroup that the kubelet moves itself to, named for the program.
const ownCgroup = "/k3s"

// ownCgroups says which cgroups the kubelet is to take for its own and for the
// runtime's; "" where it is to stay where it is.
func ownCgroups() (kubelet, runtime string) {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	self, selfErr := os.ReadFile("/proc/self/cgroup")
	if selfErr != nil {
		return "", ""
	}
	// Without it nothing is known of process 1, and nothing said.
	first, _ := os.ReadFile("/proc/1/cgroup")
	return chooseCgroups(err == nil, string(self), string(first))
}

// chooseCgroups is what k3s decides (pkg/cgroups, CheckCgroups) from the cgroups
// of itself and of process 1. The hierarchy that counts is systemd's, or the
// only one of version 2. Within a scope, as when started from a session or by
// Docker on a machine's own hierarchy, the kubelet leaves it. Otherwise, where
// process 1 is in a cgroup of its own, both are given one.
func chooseCgroups(unified bool, self, first string) (kubelet, runtime string) {
	for _, path := range pathsThatCount(unified, self) {
		if strings.LastIndex(path, ".scope") > 0 {
			kubelet = ownCgroup
		}
	}
	if kubelet != "" {
		return kubelet, ""
	}
	for _, path := range pathsThatCount(unified, first) {
		if path != "/" && path != "/init.scope" {
			kubelet, runtime = ownCgroup, ownCgroup
		}
	}
	return kubelet, runtime
}

func pathsThatCount(unified bool, file string) []string {
	paths := []string{}
	for _, line := range strings.Split(file, "\n") {
		parts := strings.Split(line, ":")
		if len(parts) < 3 {
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			if unified || controller == "name=systemd" {
				paths = append(paths, parts[len(parts)-1])
			}
		}
	}
	return paths
}
