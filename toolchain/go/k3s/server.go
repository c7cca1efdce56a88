package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	// How long a server that is told to end lets its components run on: k3s's
	// DefaultContextDelay (pkg/util/context.go), by which it cancels what the
	// control plane and the agent run in. k3s waits for its datastore alone and
	// may be gone sooner; here it is always the whole of it.
	componentDelay = 5 * time.Second
	// How long each of them may take to end then. k3s, one process, does not
	// wait for them at all.
	patience = time.Second
)

// server is one run of `k3s server`.
type server struct {
	*settings
	supervisor *supervisor
	api        *api
	kine       *component
	containerd *component
	apiserver  *component
	others     []*component // all that talk to the API server
	started    time.Time
}

func runServer(args []string) {
	s := &server{started: time.Now()}
	options := parseOptions(args)
	logs.debug = options.debug
	if options.logFile != "" {
		logs.toFile(options.logFile, options.alsoStderr)
	}
	var err error
	if s.settings, err = newSettings(options); err != nil {
		logs.Fatalf("Error: %v", err)
	}
	logs.Infof("Starting k3s %s", version)
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	s.supervisor = newSupervisor(logs)

	failed, startEnded := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(startEnded)
		if err := s.start(ctx); err != nil {
			failed <- err
		}
	}()
	status, delay := 0, time.Duration(0)
	select {
	case got := <-signals:
		logs.Infof("Received %s, shutting down", got)
		delay = componentDelay
		go func() {
			<-signals
			os.Exit(1)
		}()
	case err := <-failed:
		logs.write("fatal", "%s", err.Error())
		status = 1
	case ended := <-s.supervisor.ended:
		logs.write("fatal", "%s exited: %v", ended.name, ended.err)
		status = 1
	}
	cancel()
	<-startEnded // nothing more is started from here on
	time.Sleep(delay)
	s.stop()
	os.Exit(status)
}

// start brings everything up, in k3s's order. What it starts after the API
// answers runs side by side.
func (s *server) start(ctx context.Context) error {
	err := s.prepare()
	if broken := (brokenRegistries{}); errors.As(err, &broken) {
		waitInVain(ctx, broken)
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.startStores(); err != nil {
		return err
	}
	if err := s.bootstrap(ctx); err != nil {
		return err
	}
	if err := s.issueLeaves(); err != nil {
		return fmt.Errorf("Error: preparing server: %w", err)
	}
	kube := filepath.Join(libDir, "kube")
	if s.apiserver, err = s.supervisor.start("kube-apiserver", kube, s.apiserverArgs(), nil); err != nil {
		return err
	}
	if s.api, err = s.newAPI(); err != nil {
		return err
	}
	if err := waitFor(ctx, 100*time.Millisecond, func() bool { return s.api.ready(ctx) }); err != nil {
		return nil // told to stop meanwhile
	}
	logs.Infof("k3s is up and running, API ready after %s", time.Since(s.started).Round(time.Millisecond))
	return s.startRest(ctx, kube)
}

// waitInVain neither starts anything nor ends, until it is told to, as k3s does
// with settings of its agent that are wrong.
func waitInVain(ctx context.Context, reason error) {
	_ = waitFor(ctx, 5*time.Second, func() bool {
		logs.Infof("Waiting to retrieve agent configuration; server is not ready: %v", reason)
		return false
	})
}

func (s *server) startRest(ctx context.Context, kube string) error {
	known, err := s.getNode(ctx, s.api)
	if err != nil {
		return fmt.Errorf("cannot read the node: %w", err)
	}
	if known != nil {
		if err := s.checkAddress(known); err != nil {
			return err
		}
	}
	if err := s.run("kube-controller-manager", kube, s.controllerArgs()); err != nil {
		return err
	}
	if err := s.run("kube-scheduler", kube, s.schedulerArgs()); err != nil {
		return err
	}
	if !s.noKubeProxy {
		if err := s.run("kube-proxy", kube, s.proxyArgs()); err != nil {
			return err
		}
	}
	if known != nil {
		// The rules should be there before the pods are.
		if err := s.startNetwork(ctx, known); err != nil {
			return err
		}
	}
	if err := waitFor(ctx, 50*time.Millisecond, func() bool { return ctr(ctx, "version").Run() == nil }); err != nil {
		return nil
	}
	imported := s.importImages(ctx)
	kubelet, err := s.kubeletArgs()
	if err != nil {
		return err
	}
	if err := s.run("kubelet", kube, kubelet); err != nil {
		return err
	}
	go (&manifests{settings: s.settings}).run(ctx)
	go s.watchImages(ctx, imported)
	return s.joinNode(ctx, known == nil)
}

// run starts a component that is stopped before the API server is.
func (s *server) run(name, path string, args []string) error {
	c, err := s.supervisor.start(name, path, args, nil)
	if err == nil {
		s.others = append(s.others, c)
	}
	return err
}

// joinNode does what needs the Node to be there.
func (s *server) joinNode(ctx context.Context, isNew bool) error {
	var n *node
	usable := func() bool {
		var err error
		n, err = s.getNode(ctx, s.api)
		return err == nil && n != nil && n.Spec.PodCIDR != ""
	}
	if err := waitFor(ctx, 100*time.Millisecond, usable); err != nil {
		return nil
	}
	if isNew {
		if err := s.startNetwork(ctx, n); err != nil {
			return err
		}
	}
	// Neither is worth ending a running server for.
	if err := s.describeNode(ctx, s.api); err != nil && ctx.Err() == nil {
		logs.Errorf("Cannot annotate the node: %v", err)
	}
	if err := s.checkNodePassword(ctx, s.api, n); err != nil && ctx.Err() == nil {
		logs.Errorf("Cannot check the node password: %v", err)
	}
	return nil
}

// startNetwork lets pods have a network and starts to enforce its policies.
func (s *server) startNetwork(ctx context.Context, n *node) error {
	if s.flannelBackend != "none" && n.Spec.PodCIDR != "" {
		if err := s.writeCNI(n.Spec.PodCIDR); err != nil {
			return err
		}
	}
	if s.noNetworkPolicy {
		return nil
	}
	if err := ipsetUsable(ctx); err != nil {
		logs.Warnf("Skipping network policy controller start, ipset unavailable: %v", err)
		return nil
	}
	return s.run("kube-router", filepath.Join(libDir, "kube-router"), s.policyArgs())
}

// startStores starts what needs no certificate, side by side.
func (s *server) startStores() error {
	var err error
	// A socket of an earlier run would look like a server that listens.
	_ = os.Remove(kineSocket)
	_ = os.Remove(containerdSocket)
	if s.kine, err = s.supervisor.start("kine", filepath.Join(libDir, "kine"), kineArgs(s.settings), nil); err != nil {
		return err
	}
	log := &lumberjack.Logger{Filename: s.data("agent", "containerd", "containerd.log"), MaxSize: 50, MaxBackups: 3, MaxAge: 28, Compress: true}
	s.containerd, err = s.supervisor.start("containerd", "/usr/bin/containerd", []string{"-c", s.data("agent", "etc", "containerd", "config.toml")}, log)
	return err
}

// stop ends the components in the order in which they need one another. Pods
// and their shims are left alone, as k3s leaves them; containerd is killed.
func (s *server) stop() {
	s.containerd.kill()
	ended := make(chan struct{})
	for _, c := range s.others {
		go func() {
			c.stop(patience)
			ended <- struct{}{}
		}()
	}
	for range s.others {
		<-ended
	}
	// The API server waits for its open requests, of which `kubectl exec` and
	// watches from outside never end.
	s.apiserver.stop(patience)
	s.kine.stop(patience)
}
