// Stands in for the Go SDK of pulumi-kubernetes: see kubernetes/types.go.
module github.com/pulumi/pulumi-kubernetes/sdk/v4

go 1.26.8

require github.com/pulumi/pulumi/sdk/v3 v3.215.0
