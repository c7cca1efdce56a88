package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// component is one running program of the server.
type component struct {
	name    string
	command *exec.Cmd
	done    chan struct{} // closed when it has ended
	err     error
}

// supervisor starts the components and hears of it when one ends. k3s is one
// process, so one component that ends is the end of all of them.
type supervisor struct {
	starts chan func()
	ended  chan *component
	output io.Writer
}

func newSupervisor(output io.Writer) *supervisor {
	s := &supervisor{starts: make(chan func()), ended: make(chan *component, 16), output: output}
	go func() {
		// The kernel sends a child's parent-death signal when the thread that
		// started it ends, so all are started by a thread that never does.
		runtime.LockOSThread()
		for start := range s.starts {
			start()
		}
	}()
	return s
}

// start runs a program whose end ends the server.
func (s *supervisor) start(name, path string, args []string, output io.Writer) (*component, error) {
	command := exec.Command(path, args...)
	if output == nil {
		output = s.output
	}
	command.Stdout, command.Stderr = output, output
	// Killed with us, whatever ends us; a group of its own, so that a Ctrl-C in
	// a terminal reaches us alone and the order of the stop stays ours.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	c := &component{name: name, command: command, done: make(chan struct{})}
	result := make(chan error)
	s.starts <- func() { result <- command.Start() }
	if err := <-result; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		c.err = command.Wait()
		close(c.done)
		s.ended <- c
	}()
	return c, nil
}

// stop ends a component: asked first, made to when it takes too long.
func (c *component) stop(patience time.Duration) {
	if c == nil {
		return
	}
	_ = c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(patience):
		_ = c.command.Process.Kill()
		<-c.done
	}
}

func (c *component) kill() {
	if c != nil {
		_ = c.command.Process.Kill()
		<-c.done
	}
}

// waitFor polls a condition until it holds or the context ends.
func waitFor(ctx context.Context, pause time.Duration, holds func() bool) error {
	for !holds() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

// socketUp says whether a file is there; the servers make it when they listen.
func socketUp(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeSocket != 0
}
