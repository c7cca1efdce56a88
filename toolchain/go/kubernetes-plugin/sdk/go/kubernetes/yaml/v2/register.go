// Package v2 registers what a component resource has read from YAML.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// object is of any kind: Pulumi's Go SDK looks for the state among the fields of a struct.
type object struct{ pulumi.CustomResourceState }

// RegisterResource registers an object of any kind under the plugin's token for that kind.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	resource := &object{}
	return resource, ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, props, resource, opts...)
}
