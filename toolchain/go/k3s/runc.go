package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const capSysResource = 24

// mayRaisePriority says whether this container may have CAP_SYS_RESOURCE. Some
// kernels run without it in every bounding set, and runc then refuses a
// privileged container outright.
func mayRaisePriority() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return true
	}
	for _, line := range strings.Split(string(status), "\n") {
		var bounding uint64
		if _, err := fmt.Sscanf(line, "CapBnd:\t%x", &bounding); err == nil {
			return bounding&(1<<capSysResource) != 0
		}
	}
	return true
}

// runRuncFilter takes CAP_SYS_RESOURCE out of what runc is asked to give, and
// runs runc. Only used where the kernel would not let runc give it.
func runRuncFilter(args []string) {
	if bundle := optionOf(args, "--bundle", "-b"); bundle != "" {
		withoutCapability(filepath.Join(bundle, "config.json"), func(spec map[string]any) any { return spec["process"] })
	}
	if process := optionOf(args, "--process", "-p"); process != "" {
		withoutCapability(process, func(spec map[string]any) any { return spec })
	}
	err := syscall.Exec("/usr/sbin/runc", append([]string{"runc"}, args...), os.Environ())
	fail("cannot run runc: %v", err)
}

func optionOf(args []string, names ...string) string {
	for i, arg := range args {
		for _, name := range names {
			if arg == name && i+1 < len(args) {
				return args[i+1]
			}
			if value, found := strings.CutPrefix(arg, name+"="); found {
				return value
			}
		}
	}
	return ""
}

func withoutCapability(path string, processOf func(map[string]any) any) {
	data, err := os.ReadFile(path)
	if err != nil {
		return // not there: runc says what is wrong better than we could
	}
	spec := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // large ids and limits must come out as they went in
	if decoder.Decode(&spec) != nil {
		return
	}
	process, _ := processOf(spec).(map[string]any)
	capabilities, _ := process["capabilities"].(map[string]any)
	changed := false
	for set, value := range capabilities {
		list, _ := value.([]any)
		kept := []any{}
		for _, name := range list {
			if name != "CAP_SYS_RESOURCE" {
				kept = append(kept, name)
			}
		}
		changed = changed || len(kept) != len(list)
		capabilities[set] = kept
	}
	if !changed {
		return
	}
	if data, err = json.Marshal(spec); err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		fail("cannot write %s: %v", path, err)
	}
}
