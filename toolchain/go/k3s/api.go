package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// api is the little of a Kubernetes client that the server itself needs.
type api struct {
	url    string
	client *http.Client
}

func (s *settings) newAPI() (*api, error) {
	pair, err := tls.LoadX509KeyPair(s.tls("client-supervisor.crt"), s.tls("client-supervisor.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(s.tls("server-ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots}}
	return &api{s.apiURL(), &http.Client{Transport: transport, Timeout: 15 * time.Second}}, nil
}

type apiError struct {
	status int
	body   string
}

func (e *apiError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.body) }

func hasStatus(err error, status int) bool {
	e, isAPI := err.(*apiError)
	return isAPI && e.status == status
}

// call sends one request. A PATCH is a merge patch.
func (a *api) call(ctx context.Context, method, path string, body, answer any) error {
	var data io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		data = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, data)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return &apiError{response.StatusCode, string(content)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

func (a *api) ready(ctx context.Context) bool {
	return a.call(ctx, http.MethodGet, "/readyz", nil, nil) == nil
}
