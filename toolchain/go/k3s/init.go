package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// runInit is what PID 1 does: start `k3s server` once more as a child, pass
// signals on and reap. It is a process of its own because every orphan of
// every pod becomes PID 1's child, and a process that waits for any child
// would take away the exit states of the programs the server waits for.
func runInit(args []string) int {
	leaveRootCgroup()
	self, err := os.Executable()
	if err != nil {
		fail("cannot find my own program: %v", err)
	}
	child := exec.Command(self)
	child.Args = args
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	if err := child.Start(); err != nil {
		fail("cannot start the server: %v", err)
	}
	go func() {
		for s := range signals {
			_ = child.Process.Signal(s)
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 1
		case pid == child.Process.Pid && status.Exited():
			return status.ExitStatus()
		case pid == child.Process.Pid && status.Signaled():
			return 128 + int(status.Signal())
		}
	}
}

// leaveRootCgroup makes the container's cgroup usable for pods on cgroup v2: a
// cgroup that has processes of its own may not hand controllers to its
// children, so every process moves to /init first. On cgroup v1 there is
// nothing to do.
func leaveRootCgroup() {
	const root = "/sys/fs/cgroup"
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return
	}
	warn := func(err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "k3s: cgroup v2 set-up: %v\n", err)
		}
	}
	warn(os.MkdirAll(filepath.Join(root, "init"), 0o755))
	processes, err := os.ReadFile(filepath.Join(root, "cgroup.procs"))
	warn(err)
	for _, pid := range strings.Fields(string(processes)) {
		// A process that has ended meanwhile needs no move.
		_ = os.WriteFile(filepath.Join(root, "init", "cgroup.procs"), []byte(pid), 0)
	}
	for _, controller := range strings.Fields(string(controllers)) {
		warn(os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0))
	}
}
