package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// prepare makes the folders and everything that needs no datastore.
func (s *server) prepare() error {
	if err := checkCgroups(); err != nil {
		return err
	}
	if err := clearStaleRun(); err != nil {
		return err
	}
	for _, folder := range []string{s.data("server", "db"), s.data("server", "manifests"), s.data("agent", "images"), s.data("agent", "containerd"), "/etc/rancher/k3s"} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.storagePath, 0o701); err != nil {
		return err
	}
	if !hasAddress(s.nodeAddress) && !s.noNetworkPolicy {
		return errors.New("Failed to start networking: unable to initialize network policy controller: error getting node subnet: failed to find interface with specified node ip")
	}
	// Volumes mounted in a pod must be seen by the node and by other pods.
	if err := syscall.Mount("", "/", "", syscall.MS_SHARED|syscall.MS_REC, ""); err != nil {
		logs.Warnf("Cannot share mounts: %v", err)
	}
	prepareKernel()
	if err := chooseIptables(); err != nil {
		return err
	}
	if _, err := nodePassword(); err != nil {
		return err
	}
	r, err := readRegistries(s.privateRegistry)
	if err == nil {
		err = s.writeContainerd(r)
	}
	if err != nil {
		return err
	}
	s.resolvConfForPods, err = s.resolvConfOf()
	return err
}

// bootstrap settles which CAs, keys and passwords this cluster has.
func (s *server) bootstrap(ctx context.Context) error {
	failure := func(err error) error {
		if changed := (newerThanDatastore)(nil); errors.As(err, &changed) || ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("Error: preparing server: failed to bootstrap cluster data: %w", err)
	}
	if err := s.findToken(); err != nil {
		return failure(err)
	}
	if err := waitFor(ctx, 10*time.Millisecond, func() bool { return socketUp(kineSocket) }); err != nil {
		return err
	}
	store, err := openDatastore(ctx, kineSocket)
	if err != nil {
		return failure(err)
	}
	defer store.client.Close()
	password := tokenPassword(s.token)
	saved, err := store.read(ctx, password)
	if err != nil {
		return failure(err)
	}
	if err := s.reconcile(saved); err != nil {
		return failure(err)
	}
	for _, step := range []func() error{s.ensureCAs, s.ensureEncryption, s.writeTokens} {
		if err := step(); err != nil {
			return failure(err)
		}
	}
	if saved == nil {
		if err := store.save(ctx, password, s.bootstrapFiles()); err != nil {
			return failure(err)
		}
	}
	return nil
}

// findToken takes the token that was given, else the one of an earlier start,
// else a new one.
func (s *server) findToken() error {
	if s.token != "" {
		return nil
	}
	data, err := os.ReadFile(s.data("server", "token"))
	if s.token = strings.TrimSpace(string(data)); err == nil && s.token != "" {
		return nil
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	s.token = hex.EncodeToString(random)
	return nil
}
