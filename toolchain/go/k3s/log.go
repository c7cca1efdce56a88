package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// logger writes lines of the form that k3s's own logger (logrus) writes, which
// the people and scripts that read `docker logs` look for.
type logger struct {
	mutex sync.Mutex
	out   io.Writer
	debug bool
}

var logs = &logger{out: os.Stderr}

var plainText = regexp.MustCompile(`^[A-Za-z0-9\-._/@^+]+$`)

func (l *logger) write(level, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !plainText.MatchString(text) {
		text = strconv.Quote(text)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	fmt.Fprintf(l.out, "time=\"%s\" level=%s msg=%s\n", time.Now().UTC().Format(time.RFC3339), level, text)
}

// Write takes what the components print, so that their lines and ours never mix.
func (l *logger) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.out.Write(data)
}

func (l *logger) Debugf(format string, args ...any) {
	if l.debug {
		l.write("debug", format, args...)
	}
}
func (l *logger) Infof(format string, args ...any)  { l.write("info", format, args...) }
func (l *logger) Warnf(format string, args ...any)  { l.write("warning", format, args...) }
func (l *logger) Errorf(format string, args ...any) { l.write("error", format, args...) }
func (l *logger) Fatalf(format string, args ...any) {
	l.write("fatal", format, args...)
	os.Exit(1)
}

// toFile sends everything to a rotating file, with k3s's sizes.
func (l *logger) toFile(path string, alsoStderr bool) {
	file := &lumberjack.Logger{Filename: path, MaxSize: 50, MaxBackups: 3, MaxAge: 28, Compress: true}
	l.out = file
	if alsoStderr {
		l.out = io.MultiWriter(file, os.Stderr)
	}
}
