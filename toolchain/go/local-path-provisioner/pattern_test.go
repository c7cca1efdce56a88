package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	pvController "sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

func options(parameters, annotations map[string]string) pvController.ProvisionOptions {
	return pvController.ProvisionOptions{
		StorageClass: &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Annotations: annotations}, Parameters: parameters,
		},
		PVC: &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "sandboxes", Name: "workspace-assistant-0"},
		},
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPrefix(t *testing.T) {
	const refusal = "pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: "
	for folder, want := range map[string]string{
		"sandboxes/workspace-assistant-0/":         "",
		"sandboxes/workspace-assistant-0/pvc-1":    "",
		"sandboxes/workspace-assistant-0":          refusal + "sandboxes/workspace-assistant-0",
		"sandboxes/workspace-assistant-0-copy/":    refusal + "sandboxes/workspace-assistant-0-copy/",
		"/sandboxes/workspace-assistant-0/":        refusal + "/sandboxes/workspace-assistant-0/",
		"volumes/sandboxes/workspace-assistant-0/": refusal + "volumes/sandboxes/workspace-assistant-0/",
	} {
		if got := text(checkPrefix(folder, options(nil, nil))); got != want {
			t.Errorf("%s: got %q, want %q", folder, got, want)
		}
	}
}

func TestLocal(t *testing.T) {
	pattern := map[string]string{"pathPattern": "any"}
	for folder, want := range map[string]string{
		"sandboxes/workspace-assistant-0/":             "",
		"sandboxes/workspace-assistant-0/../../../etc": "folder path contains invalid references: sandboxes/workspace-assistant-0/../../../etc",
	} {
		if got := text(checkLocal(folder, options(pattern, nil))); got != want {
			t.Errorf("%s: got %q, want %q", folder, got, want)
		}
	}
	if err := checkLocal("../outside", options(nil, nil)); err != nil {
		t.Errorf("a folder that no pattern made is checked: %v", err)
	}
}

func TestRulesSetAside(t *testing.T) {
	given := func(value string) map[string]string { return map[string]string{unsafeAllowed: value} }
	for _, test := range []struct {
		parameters, annotations map[string]string
		allowed                 bool
	}{
		{allowed: false},
		{parameters: given("true"), allowed: true},
		{parameters: given("yes"), allowed: false},
		{annotations: given("true"), allowed: true},
		{parameters: given("false"), annotations: given("true"), allowed: false},
	} {
		if err := checkPrefix("elsewhere", options(test.parameters, test.annotations)); (err == nil) != test.allowed {
			t.Errorf("parameters %v, annotations %v: %v", test.parameters, test.annotations, err)
		}
	}
}
