package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/grpclog"
)

// The datastore holds the master copy of the files that a cluster cannot be
// without, encrypted with the token, as k3s keeps it: the volume may lose them
// and files that somebody changes are noticed.

const bootstrapPrefix = "/bootstrap/"

// A file this much newer than the copy counts as changed by somebody.
const clockSkew = 3 * time.Second

type savedFile struct {
	Timestamp time.Time
	Content   []byte
}

func (s *settings) bootstrapFiles() map[string]string {
	files := map[string]string{
		"ServiceKey":       s.tls("service.key"),
		"PasswdFile":       s.cred("passwd"),
		"EncryptionConfig": s.cred("encryption-config.json"),
	}
	for _, pair := range caPairs {
		files[pair.file+".crt"] = s.tls(pair.file + ".crt")
		files[pair.file+".key"] = s.tls(pair.file + ".key")
	}
	return files
}

func bootstrapKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return bootstrapPrefix + hex.EncodeToString(sum[:])[:12]
}

func tokenCipher(token, salt string) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha1.New, token, []byte(salt), 4096, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func encrypt(token string, plain []byte) ([]byte, error) {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	salt := hex.EncodeToString(random)
	aead, err := tokenCipher(token, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	sealed := aead.Seal(nonce, nonce, plain, nil)
	return []byte(salt + ":" + base64.StdEncoding.EncodeToString(sealed)), nil
}

func decrypt(token string, data []byte) ([]byte, error) {
	salt, encoded, found := strings.Cut(string(data), ":")
	sealed, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil {
		return nil, errors.New("bootstrap data in the datastore is damaged")
	}
	aead, err := tokenCipher(token, salt)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("bootstrap data in the datastore is damaged")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
}

type datastore struct{ client *clientv3.Client }

func openDatastore(ctx context.Context, socket string) (*datastore, error) {
	// The client's own logging tells of every attempt while kine comes up.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(discard{}, discard{}, discard{}))
	client, err := clientv3.New(clientv3.Config{Context: ctx, Endpoints: []string{"unix://" + socket}, Logger: zap.NewNop()})
	return &datastore{client}, err
}

type discard struct{}

func (discard) Write(data []byte) (int, error) { return len(data), nil }

// read gives the saved files, or nil at the first start. Kine answers a list
// faster and more surely than a get of a key that may not be there.
func (d *datastore) read(ctx context.Context, token string) (map[string]savedFile, error) {
	answer, err := d.client.Get(ctx, bootstrapPrefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	key := bootstrapKey(token)
	for _, pair := range answer.Kvs {
		if string(pair.Key) != key {
			return nil, errors.New("bootstrap data already found and encrypted with different token")
		}
		plain, err := decrypt(token, pair.Value)
		if err != nil {
			return nil, fmt.Errorf("bootstrap data: %w", err)
		}
		files := map[string]savedFile{}
		return files, json.Unmarshal(plain, &files)
	}
	return nil, nil
}

func (d *datastore) save(ctx context.Context, token string, paths map[string]string) error {
	files := map[string]savedFile{}
	for name, path := range paths {
		info, err := os.Stat(path)
		if os.IsNotExist(err) {
			continue
		}
		content, readErr := os.ReadFile(path)
		if err := errors.Join(err, readErr); err != nil {
			return err
		}
		files[name] = savedFile{info.ModTime(), content}
	}
	plain, err := json.Marshal(files)
	if err != nil {
		return err
	}
	data, err := encrypt(token, plain)
	if err != nil {
		return err
	}
	// Kine knows the transactions that Kubernetes uses, not a plain put.
	key := bootstrapKey(token)
	answer, err := d.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(data))).
		Commit()
	if err == nil && !answer.Succeeded {
		err = errors.New("bootstrap data was saved by another server at the same time")
	}
	return err
}

// reconcile compares the files on disk with the datastore's copy. The copy
// wins over missing and older files; a newer one with another content stops
// the start before it can do harm.
func (s *settings) reconcile(saved map[string]savedFile) error {
	newer := []string{}
	restore := map[string]savedFile{}
	for name, path := range s.bootstrapFiles() {
		copy, isSaved := saved[name]
		if !isSaved {
			continue
		}
		info, err := os.Stat(path)
		if os.IsNotExist(err) {
			restore[path] = copy
			continue
		}
		content, readErr := os.ReadFile(path)
		if err := errors.Join(err, readErr); err != nil {
			return err
		}
		switch {
		case string(content) == string(copy.Content):
		case info.ModTime().Sub(copy.Timestamp) >= clockSkew:
			newer = append(newer, path)
		default:
			logs.Warnf("%s is older than the datastore's copy and is replaced by it", path)
			restore[path] = copy
		}
	}
	if len(newer) > 0 {
		slices.Sort(newer)
		return newerThanDatastore(newer)
	}
	for path, file := range restore {
		mode := os.FileMode(0o600)
		if strings.HasSuffix(path, ".crt") {
			mode = 0o644
		}
		if err := writeFile(path, file.Content, mode); err != nil {
			return err
		}
		if err := os.Chtimes(path, file.Timestamp, file.Timestamp); err != nil {
			return err
		}
	}
	return nil
}

type newerThanDatastore []string

func (paths newerThanDatastore) Error() string {
	return strings.Join(paths, ", ") + " newer than datastore and could cause a cluster outage. Remove the file(s) from disk and restart to be recreated from datastore."
}
