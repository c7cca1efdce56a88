package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := writeFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConfigArgs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	for _, test := range []struct {
		name, base, first, second string
		want                      []string
	}{
		{"nothing", "", "", "", nil},
		{"kinds", "aa: x\nbb: [1, true]\ncc: []\ndd:\nv: 2", "", "", []string{"--aa=x", "--bb=1", "--bb=true", "--dd=", "-v=2"}},
		{"YAML 1.1", "mode: 0644\nquoted: \"0644\"\nyes: off", "", "", []string{"--mode=420", "--quoted=0644", "--true=false"}},
		{"replaced", "aa: [1]\nbb: 1", "aa: [2]", "", []string{"--aa=2", "--bb=1"}},
		{"appended", "aa: 1", "aa+: [2]", "aa+: 3", []string{"--aa=1", "--aa=2", "--aa=3"}},
		{"appended, then replaced", "aa: 1", "aa+: 2", "aa: 3", []string{"--aa=3"}},
		{"appended to nothing", "", "aa+: [2]", "", []string{"--aa=2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, path, test.base)
			write(t, filepath.Join(path+".d", "1.yaml"), test.first)
			write(t, filepath.Join(path+".d", "2.yml"), test.second)
			write(t, filepath.Join(path+".d", "3.txt"), "a: never")
			got, err := configArgs(path)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	write(t, path, "a: [")
	if _, err := configArgs(path); err == nil {
		t.Error("broken YAML is no error")
	}
	if got, err := configArgs(filepath.Join(t.TempDir(), "none")); err != nil || len(got) > 0 {
		t.Errorf("a missing file gives %q, %v", got, err)
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct{ args, wrong string }{
		{"--kubelet-arg=v=2 --kubelet-arg=a=b --debug=true --v=3", ""},
		// Taken, and of no use with SQLite.
		{"--etcd-s3=true --etcd-snapshot-retention=7 --etcd-s3-timeout=1m0s --etcd-arg=a=b", ""},
		{"--kublet-arg=v=2", "flag provided but not defined"},
		{"--v=loud", "invalid value"},
		{"--debug=yes", "invalid boolean value"},
		{"--etcd-snapshot-retention=many", "invalid value"},
		{"--etcd-s3-timeout=long", "invalid value"},
		{"--etcd-s3=", "invalid boolean value"},
		{"--supervisor-port=9345", "not supported by the stand-in"},
		{"--advertise-port=6443", "not supported by the stand-in"},
	} {
		t.Run(test.args, func(t *testing.T) {
			err := (&options{}).flagSet().Parse(strings.Fields(test.args))
			if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("got %v, want %q", err, test.wrong)
			}
		})
	}
}

func TestUnknownKeysAreSkipped(t *testing.T) {
	var written strings.Builder
	before := logs
	logs = &logger{out: &written}
	defer func() { logs = before }()
	flags := (&options{}).flagSet()
	got := knownArgs([]string{"--kublet-arg=v=2", "--debug=true"}, func(name string) bool { return flags.Lookup(name) != nil })
	if !slices.Equal(got, []string{"--debug=true"}) {
		t.Errorf("got %q", got)
	}
	if want := `Unknown flag --kublet-arg found in config.yaml, skipping\n`; !strings.Contains(written.String(), want) {
		t.Errorf("said %q, not %q", written.String(), want)
	}
}

func TestRegistries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.yaml")
	for _, test := range []struct {
		name, content string
		wrong         string // what is said of it
		broken        bool   // whether k3s would wait for ever
	}{
		{"nothing", "", "", false},
		{"all of it", "mirrors: {docker.io: {endpoint: [https://m]}}\nconfigs: {r: {auth: {username: u, password: p}, tls: {insecure_skip_verify: true}}}", "", false},
		{"a registry with nothing", "mirrors: {'*': }", "", false},
		{"keys that are not known", "mirror: {docker.io: {}}\nmirrors: {configs: {r: {auth: x}}}", "", false},
		{"a text for a list", "mirrors: {docker.io: {endpoint: https://m}}", "cannot unmarshal", true},
		{"a list for an object", "mirrors: [docker.io]", "cannot unmarshal", true},
		{"a text for true", "configs: {r: {tls: {insecure_skip_verify: maybe}}}", "cannot unmarshal", true},
		{"of the old kind", "auths: [r]", "cannot unmarshal", true},
		{"no YAML", "mirrors: {", "yaml:", true},
		{"of which the stand-in has no part", "mirrors: {docker.io: {rewrite: {a: b}}}", "not supported by the stand-in", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, path, test.content)
			_, err := readRegistries(path)
			broken := brokenRegistries{}
			if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) || errors.As(err, &broken) != test.broken {
				t.Errorf("got %v, want %q", err, test.wrong)
			}
		})
	}
}

func TestBrokenRegistriesAreWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		waitInVain(ctx, errors.New("cannot unmarshal"))
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("it ended by itself")
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	<-ended
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://m.example.org": "https://m.example.org", "http://10.0.0.1:5000/v2": "http://10.0.0.1:5000/v2",
		"m.example.org:5000": "https://m.example.org:5000", "localhost:5000": "http://localhost:5000",
		"127.0.0.1:443": "https://127.0.0.1:443", "": "", "https://": "",
	} {
		got := ""
		if address, err := endpointURL(endpoint); err == nil {
			got = address.String()
		}
		if got != want {
			t.Errorf("%q gives %q, want %q", endpoint, got, want)
		}
	}
}

func TestComponentArgs(t *testing.T) {
	ours := map[string]string{"a": "1", "b": "2"}
	got := componentArgs(ours, list{"a=3", "b+=4", "b-=0", "--c", "d=x=y", "e=1", "e=2"})
	want := []string{"--a=3", "--b=0", "--b=2", "--b=4", "--c=true", "--d=x=y", "--e=1", "--e=2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNodePassword(t *testing.T) {
	hash, err := hashPassword("right", []byte("12345678"), scryptCost{4, 8, 1})
	if err != nil || !strings.HasPrefix(hash, "$1:3132333435363738:4:8:1:") {
		t.Fatalf("hash %q, %v", hash, err)
	}
	for password, want := range map[string]bool{"right": true, "wrong": false} {
		if got, err := passwordMatches(password, hash); err != nil || got != want {
			t.Errorf("%s: %t, %v", password, got, err)
		}
	}
	if _, err := passwordMatches("right", "$2:odd"); err == nil {
		t.Error("a hash of an unknown form is no error")
	}
}

func TestBootstrapData(t *testing.T) {
	sealed, err := encrypt("token", []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := decrypt("token", sealed); err != nil || string(plain) != "content" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := decrypt("other", sealed); err == nil {
		t.Error("another token reads it, too")
	}
}

func TestReconcile(t *testing.T) {
	s := &settings{options: &options{dataDir: t.TempDir()}}
	path := s.tls("server-ca.crt")
	saved := map[string]savedFile{"server-ca.crt": {time.Now().Add(-time.Hour).Truncate(time.Second), []byte("saved")}}
	for _, test := range []struct {
		name, content string
		age           time.Duration // older than the copy
		want, wrong   string
	}{
		{"missing", "", 0, "saved", ""},
		{"same and newer", "saved", -time.Minute, "saved", ""},
		{"different and older", "other", time.Minute, "saved", ""},
		{"different, newer within the skew", "other", -2 * time.Second, "saved", ""},
		{"different and newer", "other", -3 * time.Second, "other", path + " newer than datastore and could cause a cluster outage. Remove the file(s) from disk and restart to be recreated from datastore."},
	} {
		t.Run(test.name, func(t *testing.T) {
			_ = os.Remove(path)
			if test.content != "" {
				write(t, path, test.content)
				stamp := saved["server-ca.crt"].Timestamp.Add(-test.age)
				if err := os.Chtimes(path, stamp, stamp); err != nil {
					t.Fatal(err)
				}
			}
			wrong := ""
			if err := s.reconcile(saved); err != nil {
				wrong = err.Error()
			}
			got, _ := os.ReadFile(path)
			if string(got) != test.want || wrong != test.wrong {
				t.Errorf("content %q, error %q", got, wrong)
			}
		})
	}
}

func TestCAFiles(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "ca.key")
	ensure := func() (string, string) {
		t.Helper()
		if err := ensureCA("test", cert, key); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCA(cert, key); err != nil {
			t.Fatal(err)
		}
		certData, _ := os.ReadFile(cert)
		keyData, _ := os.ReadFile(key)
		return string(certData), string(keyData)
	}
	cert1, key1 := ensure()
	if cert2, key2 := ensure(); cert1 != cert2 || key1 != key2 {
		t.Error("a whole pair was changed")
	}
	_ = os.Remove(cert)
	if cert2, key2 := ensure(); cert1 == cert2 || key1 != key2 {
		t.Error("a key alone: it must stay, with a new certificate")
	}
	_ = os.Remove(key)
	if _, key2 := ensure(); key1 == key2 {
		t.Error("a certificate alone: the key must be new")
	}
	write(t, key, "no key")
	_ = os.Remove(cert)
	if err := ensureCA("test", cert, key); err == nil || err.Error() != "error loading key from "+key+": <nil>" {
		t.Errorf("an unreadable key: %v", err)
	}
}

func TestLeafIsIssuedAnew(t *testing.T) {
	folder := t.TempDir()
	authorityOf := func(name string) *authority {
		path := filepath.Join(folder, name)
		if err := ensureCA(name, path+".crt", path+".key"); err != nil {
			t.Fatal(err)
		}
		ca, err := loadCA(path+".crt", path+".key")
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	l := &leaf{path: filepath.Join(folder, "leaf"), ca: authorityOf("one"), name: "leaf", names: []string{"a", "127.0.0.1"}}
	issue := func() string {
		t.Helper()
		if err := l.issue(); err != nil {
			t.Fatal(err)
		}
		data, _ := os.ReadFile(l.path + ".crt")
		return string(data)
	}
	before := issue()
	if issue() != before {
		t.Error("issued anew without a reason")
	}
	for _, change := range []func(){
		func() { l.names = append(l.names, "b") },
		func() { l.ca = authorityOf("two") },
		func() { l.organization = []string{"o"} },
		func() { l.everyStart = true },
	} {
		change()
		after := issue()
		if after == before {
			t.Error("not issued anew after a change")
		}
		before = after
	}
}

// k3s takes a file that a full disk or a power cut has emptied for good.
func TestEmptyFilesAreTakenForGood(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	if err := ensureCA("ca", path("ca.crt"), path("ca.key")); err != nil {
		t.Fatal(err)
	}
	ca, err := loadCA(path("ca.crt"), path("ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	l := &leaf{path: path("leaf"), ca: ca, name: "leaf"}
	if err := l.issue(); err != nil || !l.issued {
		t.Fatal(err)
	}
	write(t, path("leaf.crt"), "")
	again := &leaf{path: path("leaf"), ca: ca, name: "leaf"}
	if err := again.issue(); err != nil || again.issued || filled(path("leaf.crt")) {
		t.Errorf("an empty certificate: %v, issued anew: %t", err, again.issued)
	}
	_ = os.Remove(path("leaf.crt"))
	if err := again.issue(); err != nil || !again.issued {
		t.Errorf("a missing certificate: %v", err)
	}
	write(t, path("leaf.key"), "")
	_ = os.Remove(path("leaf.crt"))
	if err := again.issue(); err == nil {
		t.Error("an empty key is no error")
	}
	write(t, path("service.key"), "")
	if err := ensureServiceKey(path("service.key")); err == nil {
		t.Error("an empty key of service accounts is no error")
	}
}

func TestTokens(t *testing.T) {
	for token, want := range map[string]string{"bare": "bare", "K10abc::server:pass:word": "pass:word", "K10abc": "K10abc"} {
		if got := tokenPassword(token); got != want {
			t.Errorf("%s gives %s, want %s", token, got, want)
		}
	}
}

func TestResolvConf(t *testing.T) {
	for text, want := range map[string]bool{
		"nameserver 127.0.0.11\n": false, "nameserver 10.0.0.1\n": true, "search x\n": false,
		"nameserver 10.0.0.1\nnameserver ::1\n": false,
	} {
		if got := usableResolvConf([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestArchivesThatAreDone(t *testing.T) {
	s := &settings{options: &options{dataDir: t.TempDir()}}
	folder := s.data("agent", "images")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("none.txt", "# no name in it\n")
	write("host/none.txt", "")
	write("notes.md", "not an archive")
	present := s.listArchives()
	if len(present) != 3 {
		t.Errorf("%v are listed", present)
	}
	done := s.importChanged(context.Background(), archives{}, present)
	if len(done) != 2 {
		t.Errorf("%v are taken for imported", done)
	}
	write("none.txt", "# another size\n")
	now := s.listArchives()
	for path, seen := range done {
		if changed := !now[path].equal(seen); changed != (filepath.Base(filepath.Dir(path)) == "images") {
			t.Errorf("%s: changed %v", path, changed)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.watchImages(ctx, done)
}
