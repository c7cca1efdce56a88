// The rules for pathPattern that local-path-provisioner has had since v0.0.34, and k3s v1.35.4 with
// it, for the last version before it that can be had. builds.json says which files of the module are
// compiled with this one, and where they call it.
package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	pvController "sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// unsafeAllowed is the parameter of a storage class, and its annotation, that sets the rules aside.
const unsafeAllowed = "allowUnsafePathPattern"

// checkPrefix refuses a folder that does not lie below the claim's own: one that is the claim's own
// has to say so with a slash at its end.
func checkPrefix(folder string, opts pvController.ProvisionOptions) error {
	own := filepath.Join(opts.PVC.Namespace, opts.PVC.Name) + "/"
	if allowsUnsafe(opts.StorageClass) || strings.HasPrefix(folder, own) {
		return nil
	}
	return fmt.Errorf("pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: %s", folder)
}

// checkLocal refuses a folder that leads out of the place where volumes are kept.
func checkLocal(folder string, opts pvController.ProvisionOptions) error {
	_, fromPattern := opts.StorageClass.Parameters["pathPattern"]
	if !fromPattern || allowsUnsafe(opts.StorageClass) || filepath.IsLocal(folder) {
		return nil
	}
	return fmt.Errorf("folder path contains invalid references: %s", folder)
}

// allowsUnsafe reads the parameter and, only where there is none, the annotation.
func allowsUnsafe(class *storagev1.StorageClass) bool {
	text, given := class.Parameters[unsafeAllowed]
	if !given {
		text = class.Annotations[unsafeAllowed]
	}
	allowed, err := strconv.ParseBool(text)
	return err == nil && allowed
}
