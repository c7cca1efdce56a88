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

// importImages loads the image's own archives and the user's. It runs before
// the kubelet starts, so that no pod tries to pull what an archive holds.
func (s *settings) importImages(ctx context.Context) {
	s.importOwnImages(ctx)
	folder := s.data("agent", "images")
	cachePath := filepath.Join(folder, ".cache.json")
	cache := map[string]seenArchive{}
	data, err := os.ReadFile(cachePath)
	useCache := err == nil
	if useCache && len(bytes.TrimSpace(data)) > 0 {
		if err := json.Unmarshal(data, &cache); err != nil {
			logs.Warnf("%s is not readable and is started anew: %v", cachePath, err)
			cache = map[string]seenArchive{}
		}
	}
	now := map[string]seenArchive{}
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil
		}
		seen := seenArchive{info.Size(), info.ModTime().UTC()}
		if old, found := cache[path]; useCache && found && old.Size == seen.Size && old.ModTime.Equal(seen.ModTime) {
			now[path] = seen
			return nil
		}
		known, err := s.importFile(ctx, path)
		if err != nil {
			logs.Errorf("Failed to process image event: failed to import %s: %v", path, err)
		} else if known {
			now[path] = seen
		}
		return nil
	})
	if !useCache {
		return
	}
	if data, err = json.Marshal(now); err == nil {
		err = writeFile(cachePath, data, 0o644)
	}
	if err != nil {
		logs.Warnf("Cannot write %s: %v", cachePath, err)
	}
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
