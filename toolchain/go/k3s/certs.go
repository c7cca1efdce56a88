package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	caLife   = 3650 * 24 * time.Hour
	leafLife = 365 * 24 * time.Hour
	// A leaf with less than this left is issued anew at the next start.
	leafRenewal = 120 * 24 * time.Hour
)

// writeFile replaces a file in one step, so that a start killed at any moment
// leaves either the old content or the new.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// writePlainFile is how k3s writes keys and certificates: in place, so that a
// full disk or a power cut leaves an empty file.
func writePlainFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, mode)
}

// exists takes an empty file for one that is there, as k3s does.
func exists(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}

func filled(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// parseKey takes the forms that k3s takes: PKCS#1, SEC1 and PKCS#8. Other
// blocks (openssl writes its EC parameters first) are passed over.
func parseKey(data []byte) crypto.Signer {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		default:
			continue
		}
		if signer, ok := key.(crypto.Signer); ok && err == nil {
			return signer
		}
	}
	return nil
}

func parseCerts(data []byte) []*x509.Certificate {
	certs := []*x509.Certificate{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			certs = append(certs, cert)
		}
	}
	return certs
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func newECKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

// keyAt loads a key file or makes one.
func keyAt(path string) (crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		if key := parseKey(data); key != nil {
			return key, nil
		}
		// The odd text is k3s's own.
		return nil, fmt.Errorf("error loading key from %s: <nil>", path)
	}
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	key, encoded, err := newECKey()
	if err != nil {
		return nil, err
	}
	return key, writePlainFile(path, encoded, 0o600)
}

func serial() *big.Int {
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand does not fail on Linux
	}
	return number
}

// ensureCA completes one CA pair: both files present are used as they are, and
// a certificate without its key is worthless, so it is replaced.
func ensureCA(prefix, certPath, keyPath string) error {
	if exists(certPath, keyPath) {
		return nil
	}
	key, err := keyAt(keyPath)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: fmt.Sprintf("%s-ca@%d", prefix, now.Unix())},
		NotBefore: now.Add(-time.Minute).UTC(), NotAfter: now.Add(caLife).UTC(),
		KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:     true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return writePlainFile(certPath, certPEM(der), 0o644)
}

// ensureServiceKey makes the key that service account tokens are signed with.
func ensureServiceKey(path string) error {
	if data, err := os.ReadFile(path); err == nil {
		if parseKey(data) == nil {
			return fmt.Errorf("error reading private key file %s: data does not contain a valid RSA or ECDSA private key", path)
		}
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return writePlainFile(path, pem.EncodeToMemory(block), 0o600)
}

type authority struct {
	key   crypto.Signer
	certs []*x509.Certificate
	bytes []byte
}

func loadCA(certPath, keyPath string) (*authority, error) {
	data, err := os.ReadFile(certPath)
	if err != nil {
		return nil, err
	}
	certs := parseCerts(data)
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s: data does not contain any valid CERTIFICATE", certPath)
	}
	keyData, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, err
	}
	key := parseKey(keyData)
	if key == nil {
		return nil, fmt.Errorf("%s: data does not contain a valid RSA or ECDSA private key", keyPath)
	}
	return &authority{key, certs, data}, nil
}

type leaf struct {
	path         string // without .crt or .key
	ca           *authority
	name         string
	organization []string
	names        []string // DNS names and addresses; none for a client
	usage        []x509.ExtKeyUsage
	everyStart   bool
	issued       bool // in this start
}

func (l *leaf) template() *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: l.name, Organization: l.organization},
		NotBefore: l.ca.certs[0].NotBefore.UTC(), NotAfter: now.Add(leafLife).UTC(),
		KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature, ExtKeyUsage: l.usage,
	}
	for _, name := range l.names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	return t
}

// current says whether the leaf on disk is still what we would issue.
func (l *leaf) current(key crypto.Signer) bool {
	data, err := os.ReadFile(l.path + ".crt")
	certs := parseCerts(data)
	if l.everyStart || err != nil || len(certs) == 0 {
		return false
	}
	cert, wanted := certs[0], l.template()
	names := func(c *x509.Certificate) []string {
		out := slices.Clone(c.DNSNames)
		for _, ip := range c.IPAddresses {
			out = append(out, ip.String())
		}
		slices.Sort(out)
		return out
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey) &&
		bytes.HasSuffix(data, l.ca.bytes) &&
		cert.CheckSignatureFrom(l.ca.certs[0]) == nil &&
		cert.Subject.CommonName == l.name && slices.Equal(cert.Subject.Organization, l.organization) &&
		slices.Equal(names(cert), names(wanted)) &&
		time.Until(cert.NotAfter) > leafRenewal
}

// unreadable says whether there is a leaf that holds no certificate: k3s finds
// no reason in it to issue another one, and goes on with it.
func (l *leaf) unreadable() bool {
	data, err := os.ReadFile(l.path + ".crt")
	return err == nil && !l.everyStart && exists(l.path+".key") && len(parseCerts(data)) == 0
}

// issue writes the leaf with its CA's chain after it, unless the one on disk
// will do. The key is kept.
func (l *leaf) issue() error {
	if l.unreadable() {
		return nil
	}
	key, err := keyAt(l.path + ".key")
	if err != nil {
		return err
	}
	if l.current(key) {
		return nil
	}
	der, err := x509.CreateCertificate(rand.Reader, l.template(), l.ca.certs[0], key.Public(), l.ca.key)
	if err != nil {
		// A CA certificate and key that do not belong together end here.
		return fmt.Errorf("issuing %s: %w", l.path, err)
	}
	l.issued = true
	return writePlainFile(l.path+".crt", append(certPEM(der), l.ca.bytes...), 0o644)
}
