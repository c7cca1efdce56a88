package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The cgroup that the kubelet moves itself to, named for the program.
const ownCgroup = "/k3s"

// The controllers of version 2; the file is not there with version 1.
const rootControllers = "/sys/fs/cgroup/cgroup.controllers"

// checkCgroups is an error where k3s would not start.
func checkCgroups() error {
	controllers, err := os.ReadFile(rootControllers)
	if err == nil {
		return missingController(true, string(controllers))
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	return missingController(false, string(self))
}

// missingController looks in the list of controllers of version 2, or in the
// hierarchies of this process of version 1.
func missingController(unified bool, found string) error {
	if unified {
		have := strings.Fields(found)
		for _, controller := range []string{"cpu", "cpuset", "memory"} {
			if !slices.Contains(have, controller) {
				return fmt.Errorf("failed to find %s cgroup (v2)", controller)
			}
		}
	} else if !strings.Contains(found, "memory") {
		return errors.New(`failed to find memory cgroup, you may need to add "cgroup_memory=1 cgroup_enable=memory" to your linux cmdline (/boot/cmdline.txt on a Raspberry Pi)`)
	}
	if !strings.Contains(found, "pids") {
		return errors.New("pids cgroup controller not found")
	}
	return nil
}

// ownCgroups says which cgroups the kubelet is to take for its own and for the
// runtime's; "" where it is to stay where it is.
func ownCgroups() (kubelet, runtime string) {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", ""
	}
	// Without it nothing is known of process 1, and nothing said.
	first, _ := os.ReadFile("/proc/1/cgroup")
	// Its size says nothing: what the kernel makes up when it is read has none.
	_, missing := os.Stat(rootControllers)
	return chooseCgroups(missing == nil, string(self), string(first))
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
