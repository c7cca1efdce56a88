// The Pulumi kubernetes provider plugin, unchanged, from its Go module.
//
// The schema and the mapping are the module's own files. The build copies them beside this file,
// because `go:embed` cannot reach outside the package.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var pulumiSchema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

// version is set by the linker.
var version string

func main() { provider.Serve("kubernetes", version, pulumiSchema, terraformMapping) }
