package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// How each kind of archive is unpacked on its way into containerd.
var archiveKinds = []struct {
	suffix  string
	command []string
}{
	{".tar", nil},
	{".tar.gz", []string{"gzip", "-dc"}}, {".tgz", []string{"gzip", "-dc"}},
	{".tar.zst", []string{"zstd", "-dc"}}, {".tzst", []string{"zstd", "-dc"}},
	{".tar.bz2", []string{"bzip2", "-dc"}}, {".tbz", []string{"bzip2", "-dc"}},
	{".tar.lz4", []string{"lz4", "-dc"}},
}

func ctr(ctx context.Context, args ...string) *exec.Cmd {
	all := append([]string{"-a", containerdSocket, "-n", "k8s.io"}, args...)
	return exec.CommandContext(ctx, ctrProgram, all...)
}

// seenArchive is what the cache file remembers of an archive.
type seenArchive struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modTime"`
}

// Time between two looks at the user's archives. One is imported when it is the same at both, as it
// may still be written at the first.
const archivePeriod = 2 * time.Second

// archives is what the cache file remembers of the user's archives, by path.
type archives map[string]seenArchive

// importImages loads the image's own archives and the user's. It runs before
// the kubelet starts, so that no pod tries to pull what an archive holds.
// It returns what it has dealt with, for watchImages.
func (s *settings) importImages(ctx context.Context) archives {
	s.importOwnImages(ctx)
	cachePath := filepath.Join(s.data("agent", "images"), ".cache.json")
	cache := archives{}
	data, err := os.ReadFile(cachePath)
	useCache := err == nil
	if useCache && len(bytes.TrimSpace(data)) > 0 {
		if err := json.Unmarshal(data, &cache); err != nil {
			logs.Warnf("%s is not readable and is started anew: %v", cachePath, err)
			cache = archives{}
		}
	}
	present := s.listArchives()
	now := s.importChanged(ctx, cache, present)
	if useCache {
		if data, err = json.Marshal(now); err == nil {
			err = writeFile(cachePath, data, 0o644)
		}
		if err != nil {
			logs.Warnf("Cannot write %s: %v", cachePath, err)
		}
	}
	return present
}

// watchImages imports archives that come or change while the server runs, as k3s does since v1.32. It
// starts from what importImages has dealt with, and ends with ctx.
func (s *settings) watchImages(ctx context.Context, done archives) {
	last := done
	for tick := time.NewTicker(archivePeriod); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		now := s.listArchives()
		settled := archives{}
		for path, seen := range now {
			if last[path].equal(seen) {
				settled[path] = seen
			}
		}
		s.importChanged(ctx, done, settled)
		for path, seen := range settled {
			done[path] = seen
		}
		last = now
	}
}

// listArchives gives the files in the folder of the user's archives.
func (s *settings) listArchives() archives {
	found := archives{}
	_ = filepath.WalkDir(s.data("agent", "images"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err == nil {
			found[path] = seenArchive{info.Size(), info.ModTime().UTC()}
		}
		return nil
	})
	return found
}

// importChanged imports those of present that done does not have as they are. It returns the ones
// that are in containerd now; what failed is said, and left out.
func (s *settings) importChanged(ctx context.Context, done, present archives) archives {
	imported := archives{}
	for path, seen := range present {
		known := done[path].equal(seen)
		if !known {
			var err error
			if known, err = s.importFile(ctx, path); err != nil {
				logs.Errorf("Failed to process image event: failed to import %s: %v", path, err)
				continue
			}
		}
		if known {
			imported[path] = seen
		}
	}
	return imported
}

func (a seenArchive) equal(other seenArchive) bool {
	return a.Size == other.Size && a.ModTime.Equal(other.ModTime)
}

// importFile loads one file by its name's ending; other names are no archives.
func (s *settings) importFile(ctx context.Context, path string) (bool, error) {
	if strings.HasSuffix(path, ".txt") {
		return true, pullList(ctx, path)
	}
	for _, kind := range archiveKinds {
		if strings.HasSuffix(path, kind.suffix) {
			return true, importArchive(ctx, path, kind.command)
		}
	}
	return false, nil
}

func importArchive(ctx context.Context, path string, unpack []string) error {
	start := time.Now()
	command := ctr(ctx, "images", "import", path)
	var unpacking *exec.Cmd
	var complaint bytes.Buffer
	if unpack != nil {
		command = ctr(ctx, "images", "import", "-")
		unpacking = exec.CommandContext(ctx, unpack[0], append(unpack[1:], path)...)
		unpacking.Stderr = &complaint
		pipe, err := unpacking.StdoutPipe()
		if err != nil {
			return err
		}
		command.Stdin = pipe
		if err := unpacking.Start(); err != nil {
			return err
		}
	}
	out, err := command.CombinedOutput()
	if unpacking != nil {
		if unpackErr := unpacking.Wait(); unpackErr != nil && complaint.Len() > 0 {
			return fmt.Errorf("%s: %s", unpack[0], strings.TrimSpace(complaint.String()))
		}
	}
	if err != nil {
		return fmt.Errorf("%v: %s", err, strings.TrimSpace(string(out)))
	}
	names := []string{}
	for _, line := range strings.Split(string(out), "\n") {
		var name, digest string
		if _, err := fmt.Sscanf(line, "unpacking %s (%s", &name, &digest); err == nil {
			digest, _, _ = strings.Cut(digest, ")")
			keepImage(ctx, name, digest)
			names = append(names, name)
		}
	}
	logs.Infof("Imported images from %s in %s: %s", path, time.Since(start).Round(time.Millisecond), strings.Join(names, " "))
	return nil
}

// keepImage does what k3s does with an imported image: it is never collected,
// and can be named by its digest, too.
func keepImage(ctx context.Context, name, digest string) {
	repository := name
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		repository = name[:colon]
	}
	for _, args := range [][]string{
		{"images", "label", name, "io.cri-containerd.pinned=pinned"},
		{"images", "tag", "--force", name, repository + "@" + digest},
	} {
		if out, err := ctr(ctx, args...).CombinedOutput(); err != nil {
			logs.Warnf("Cannot %s image %s: %s", args[1], name, strings.TrimSpace(string(out)))
		}
	}
}

// pullList fetches the images a text file names, one a line.
func pullList(ctx context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		name := strings.TrimSpace(lines.Text())
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if out, err := ctr(ctx, "images", "pull", name).CombinedOutput(); err != nil {
			logs.Errorf("Failed to pull image %s: %s", name, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// importOwnImages loads the images that come with this image, each once: their
// archives' names carry what containerd's list shows, NAME and digest.
func (s *settings) importOwnImages(ctx context.Context) {
	data, err := os.ReadFile(filepath.Join(libDir, "images", "index"))
	if err != nil {
		logs.Errorf("The image's own archives: %v", err)
		return
	}
	present, err := ctr(ctx, "images", "ls").Output()
	if err != nil {
		logs.Errorf("Cannot list images: %v", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // file, name, digest
		if len(fields) != 3 || hasImage(present, fields[1], fields[2]) {
			continue
		}
		if err := importArchive(ctx, filepath.Join(libDir, "images", fields[0]), []string{"zstd", "-dc"}); err != nil {
			logs.Errorf("Failed to import %s: %v", fields[0], err)
		}
	}
}

func hasImage(list []byte, name, digest string) bool {
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // REF TYPE DIGEST SIZE ...
		if len(fields) > 2 && fields[0] == name && fields[2] == digest {
			return true
		}
	}
	return false
}
