package main

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How often the folder is looked at for new and changed files.
const manifestPause = 15 * time.Second

// What k3s brings along and this image does not.
var notShipped = []string{"metrics-server", "servicelb", "traefik"}

// manifests applies the files under server/manifests: the image's own, written
// there at every start, and whatever else is put there.
type manifests struct {
	settings *settings
	applied  map[string][32]byte
}

func (m *manifests) folder() string { return m.settings.data("server", "manifests") }

// writeOwn puts the image's own manifests into the folder, without those that
// are switched off; the objects of these go from the cluster.
func (m *manifests) writeOwn(ctx context.Context) error {
	s := m.settings
	replacer := strings.NewReplacer(
		"%{CLUSTER_DNS}%", s.dnsAddress.String(),
		"%{CLUSTER_DOMAIN}%", s.clusterDomain,
		"%{DEFAULT_LOCAL_STORAGE_PATH}%", s.storagePath,
		"%{NODE_HOSTS}%", s.nodeAddress.String()+" "+s.nodeName,
		"%{SYSTEM_DEFAULT_REGISTRY}%", s.image(""),
	)
	templates, err := filepath.Glob(filepath.Join(libDir, "manifests", "*.yaml"))
	if err != nil {
		return err
	}
	for _, template := range templates {
		data, err := os.ReadFile(template)
		if err != nil {
			return err
		}
		content := replacer.Replace(string(data))
		base := filepath.Base(template)
		target := filepath.Join(m.folder(), base)
		if !s.disabled[strings.TrimSuffix(base, ".yaml")] {
			if err := writeFile(target, []byte(content), 0o600); err != nil {
				return err
			}
			continue
		}
		if err := os.Remove(target); err != nil && !os.IsNotExist(err) {
			return err
		}
		m.kubectl(ctx, content, "delete", "--ignore-not-found", "--wait=false", "-f", "-")
	}
	for _, name := range notShipped {
		if !s.disabled[name] {
			logs.Infof("%s is not part of this image; `disable: [%s]` says so to k3s, too", name, name)
		}
	}
	return nil
}

// run applies everything by force once, then what is new or changed.
func (m *manifests) run(ctx context.Context) {
	m.applied = map[string][32]byte{}
	if err := m.writeOwn(ctx); err != nil {
		logs.Errorf("Failed to write manifests: %v", err)
	}
	for ctx.Err() == nil {
		m.applyChanged(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(manifestPause):
		}
	}
}

func (m *manifests) applyChanged(ctx context.Context) {
	files := []string{}
	_ = filepath.WalkDir(m.folder(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) && !strings.HasPrefix(entry.Name(), ".") {
			files = append(files, path)
		}
		return nil
	})
	for _, path := range files {
		if _, err := os.Stat(path + ".skip"); err == nil {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(data)) == "" {
			continue
		}
		sum := sha256.Sum256(data)
		if m.applied[path] == sum {
			continue
		}
		// Conflicts are taken: an edit of a shipped object is undone, as in k3s.
		if m.kubectl(ctx, string(data), "apply", "--server-side", "--force-conflicts", "--field-manager=deploy@"+m.settings.nodeName, "-f", "-") {
			logs.Infof("Applied manifest %s", path)
			m.applied[path] = sum
		}
	}
}

func (m *manifests) kubectl(ctx context.Context, input string, args ...string) bool {
	all := append([]string{"kubectl", "--kubeconfig=" + m.settings.cred("admin.kubeconfig")}, args...)
	command := exec.CommandContext(ctx, filepath.Join(libDir, "kube"), all...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		logs.Errorf("kubectl %s: %v: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return err == nil
}
