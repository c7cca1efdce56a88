// Package kubernetes is as much of the Go SDK of pulumi-kubernetes as its plugin uses, and written
// anew: the SDK itself has a type for every kind of Kubernetes, and compiling those took longer than
// all the rest of the plugin.
//
// Only the plugin's component resources (ConfigFile, ConfigGroup, Directory, Chart) come here; a
// program that declares kinds, as ours does, never does.
package kubernetes

import "reflect"

// UntypedArgs are the properties of an object of any kind.
type UntypedArgs map[string]any

// ElementType says what they are to Pulumi's Go SDK.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
