// k3s is the node image's main command. It answers like the `k3s` of
// rancher/k3s for a single server: it reads the same settings, keeps the same
// files in the same places and runs upstream's Kubernetes programs as its
// children instead of linking them in.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// The version that this image answers for; the image tag is the same with the
// `+` as a `-`.
const version = "v1.35.4+k3s1"

// Where the image keeps what only k3s itself runs or reads.
const libDir = "/usr/lib/k3s"

// containerd's own client; the ctr on PATH is a link to k3s.
const ctrProgram = libDir + "/bin/ctr"

const runcFilter = "runc-without-sys-resource"

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "kubectl", "ctr", "crictl":
		os.Args = append([]string{"k3s", name}, os.Args[1:]...)
	case runcFilter:
		runRuncFilter(os.Args[1:])
	}
	if len(os.Args) < 2 {
		usage(os.Stdout)
		return
	}
	switch command := os.Args[1]; command {
	case "server":
		if os.Getpid() == 1 {
			os.Exit(runInit(os.Args))
		}
		runServer(os.Args[2:])
	case "kubectl":
		setDefaultEnv("KUBECONFIG", defaultKubeconfig)
		replaceBy(filepath.Join(libDir, "kube"), append([]string{"kubectl"}, os.Args[2:]...))
	case "ctr":
		setDefaultEnv("CONTAINERD_ADDRESS", containerdSocket)
		setDefaultEnv("CONTAINERD_NAMESPACE", "k8s.io")
		replaceBy(ctrProgram, append([]string{"ctr"}, os.Args[2:]...))
	case "--version", "-v", "version":
		fmt.Printf("k3s version %s (stand-in from upstream parts)\n", version)
	case "--help", "-h", "help":
		usage(os.Stdout)
	case "agent", "crictl", "token", "etcd-snapshot", "secrets-encrypt", "certificate", "completion":
		fail("k3s %s is not part of this stand-in image; it has: server, kubectl, ctr, --version", command)
	default:
		// `k3s --debug server` is accepted by the real one, too, but then an
		// unknown key in the config file is fatal; one way to start is enough.
		fail("No help topic for '%s'; this image has: server, kubectl, ctr, --version", command)
	}
}

func usage(out *os.File) {
	fmt.Fprint(out, strings.TrimLeft(`
NAME:
   k3s - Kubernetes, small and simple (stand-in from upstream parts)

USAGE:
   k3s server [OPTIONS]   run the single server; the options are the keys of
                          /etc/rancher/k3s/config.yaml with -- before them
   k3s kubectl ...        kubectl with the cluster's admin credentials
   k3s ctr ...            containerd's client, in the namespace k8s.io
   k3s --version
`, "\n"))
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "k3s: "+format+"\n", args...)
	os.Exit(1)
}

func setDefaultEnv(name, value string) {
	if os.Getenv(name) == "" {
		os.Setenv(name, value)
	}
}

// replaceBy runs another program in place of this one, so that signals, exit
// codes and the terminal are its own.
func replaceBy(path string, args []string) {
	found, err := exec.LookPath(path)
	if err == nil {
		err = syscall.Exec(found, args, os.Environ())
	}
	fail("cannot run %s: %v", path, err)
}
