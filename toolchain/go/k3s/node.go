package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/crypto/scrypt"
)

const (
	nodePasswordFile = "/etc/rancher/node/password"
	addressNote      = "k3s.io/internal-ip"
	hostnameNote     = "k3s.io/hostname"
)

type node struct {
	Metadata struct {
		Name        string            `json:"name"`
		UID         string            `json:"uid"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		PodCIDR string `json:"podCIDR"`
	} `json:"spec"`
}

func (s *settings) nodePath() string { return "/api/v1/nodes/" + s.nodeName }

// getNode gives nil for a node that does not exist.
func (s *settings) getNode(ctx context.Context, a *api) (*node, error) {
	n := &node{}
	err := a.call(ctx, http.MethodGet, s.nodePath(), nil, n)
	if hasStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// checkAddress stops a start whose node address is not the one the cluster
// knows. Several k3s releases end like this, later ones take the new address;
// the stand-in is of the hard kind, so that nothing comes to rest on the mild.
// The way out is k3s's, too: switch the network policy controller off once, or
// delete the Node.
func (s *settings) checkAddress(n *node) error {
	known := n.Metadata.Annotations[addressNote]
	if known == "" || known == s.nodeAddress.String() || s.noNetworkPolicy {
		return nil
	}
	logs.Errorf("The node's address was %s and is now %s", known, s.nodeAddress)
	return fmt.Errorf("Failed to start networking: unable to initialize network policy controller: error getting node subnet: failed to find interface with specified node ip")
}

// describeNode notes on the Node what k3s notes there.
func (s *settings) describeNode(ctx context.Context, a *api) error {
	return a.call(ctx, http.MethodPatch, s.nodePath(), map[string]any{
		"metadata": map[string]any{
			"annotations": map[string]string{addressNote: s.nodeAddress.String(), hostnameNote: s.hostname},
			"labels":      map[string]string{"node-role.kubernetes.io/control-plane": "true", "node.kubernetes.io/instance-type": "k3s"},
		},
	}, nil)
}

// nodePassword reads the password, or makes one.
func nodePassword() (string, error) {
	data, err := os.ReadFile(nodePasswordFile)
	if password := strings.TrimSpace(string(data)); err == nil && password != "" {
		return password, nil
	}
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	password := hex.EncodeToString(random)
	return password, writeFile(nodePasswordFile, []byte(password+"\n"), 0o600)
}

type scryptCost struct{ n, r, p int }

var passwordCost = scryptCost{15, 8, 1} // n is a power of two

func hashPassword(password string, salt []byte, cost scryptCost) (string, error) {
	// The work area is 32 MiB that are never needed again.
	defer debug.FreeOSMemory()
	sum, err := scrypt.Key([]byte(password), salt, 1<<cost.n, cost.r, cost.p, 64)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$1:%x:%d:%d:%d:%s", salt, cost.n, cost.r, cost.p, base64.RawStdEncoding.EncodeToString(sum)), nil
}

func passwordMatches(password, hash string) (bool, error) {
	parts := strings.Split(strings.TrimPrefix(hash, "$"), ":")
	if len(parts) != 6 || parts[0] != "1" {
		return false, fmt.Errorf("hash of an unknown form")
	}
	salt, err := hex.DecodeString(parts[1])
	if err != nil {
		return false, err
	}
	cost := scryptCost{}
	if _, err := fmt.Sscanf(strings.Join(parts[2:5], " "), "%d %d %d", &cost.n, &cost.r, &cost.p); err != nil {
		return false, err
	}
	if cost.n < 1 || cost.n > 20 {
		return false, fmt.Errorf("hash of an unknown cost")
	}
	own, err := hashPassword(password, salt, cost)
	return subtle.ConstantTimeCompare([]byte(own), []byte(hash)) == 1, err
}

// checkNodePassword compares the password with the Secret that keeps its hash,
// or makes the Secret. On a single server a mismatch is an event, no more.
func (s *settings) checkNodePassword(ctx context.Context, a *api, n *node) error {
	password, err := nodePassword()
	if err != nil {
		return err
	}
	name := s.nodeName + ".node-password.k3s"
	secret := struct {
		Data map[string][]byte `json:"data"`
	}{}
	err = a.call(ctx, http.MethodGet, "/api/v1/namespaces/kube-system/secrets/"+name, nil, &secret)
	if hasStatus(err, http.StatusNotFound) {
		salt := make([]byte, 8)
		if _, err := rand.Read(salt); err != nil {
			return err
		}
		hash, err := hashPassword(password, salt, passwordCost)
		if err != nil {
			return err
		}
		return a.call(ctx, http.MethodPost, "/api/v1/namespaces/kube-system/secrets", map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "k3s.cattle.io/node-password", "immutable": true,
			"metadata": map[string]any{
				"name": name, "namespace": "kube-system",
				"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": n.Metadata.Name, "uid": n.Metadata.UID}},
			},
			"data": map[string][]byte{"hash": []byte(hash)},
		}, nil)
	}
	if err != nil {
		return err
	}
	matches, err := passwordMatches(password, string(secret.Data["hash"]))
	if err == nil && matches {
		return nil
	}
	reason := fmt.Sprintf("unable to verify hash for node '%s': hash does not match", s.nodeName)
	if err != nil {
		reason = err.Error()
	}
	logs.Warnf("Deferred node password secret validation failed: %s", reason)
	now := time.Now().UTC().Format(time.RFC3339)
	return a.call(ctx, http.MethodPost, "/api/v1/namespaces/default/events", map[string]any{
		"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "NodePasswordValidationFailed",
		"metadata":       map[string]string{"generateName": s.nodeName + ".", "namespace": "default"},
		"involvedObject": map[string]string{"apiVersion": "v1", "kind": "Node", "name": s.nodeName, "uid": n.Metadata.UID},
		"message":        "Deferred node password secret validation failed: " + reason,
		"source":         map[string]string{"component": "k3s", "host": s.nodeName},
		"firstTimestamp": now, "lastTimestamp": now, "count": 1,
	}, nil)
}
