// Package upstreams serves versions on loopback as the world does: Helm repositories over HTTP, and an OCI registry.
package upstreams

import (
	_ "github.com/google/go-containerregistry/pkg/registry"
)
