// Package engine renders one addon as Argo CD would, from nothing but what it is given. It runs in a process that may die: some input
// kills it beyond recovery. Package render starts that process.
package engine

import (
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Job is everything that a render reads.
type Job struct {
	// Files are those that the addon may read, by slash-separated path from the repository's root.
	Files map[string][]byte
	// Path is the addon's folder, Type how Argo CD renders it.
	Path string
	Type catalog.SourceType
	// Release is the name of the Helm release, which is the Application's; Namespace is the destination's.
	Release, Namespace string
	// KubeVersion is what Argo CD passes: 1.31. APIVersions are group/version and group/version/Kind, exactly those that a template sees.
	KubeVersion string
	APIVersions []string
	// Values are Helm values on top of the chart's own, as the Application's valuesObject has them.
	Values map[string]any
	// Patches are those that the Application adds to the kustomization.
	Patches []Patch
	// Options are Argo CD's kustomize.buildOptions.
	Options Options
	// Charts are archives of charts that the sources name but the repository does not have.
	Charts map[Chart][]byte
}

// Patch is one of an Application's kustomize.patches.
type Patch struct {
	Target map[string]string `json:"target"`
	Patch  string            `json:"patch"`
}

// Options are the build options of kustomize that Argo CD may be configured with and that are safe.
type Options struct {
	// EnableHelm lets a kustomization inflate charts: --enable-helm.
	EnableHelm bool
	// AnyFile lets a kustomization read files of the repository outside its own folder: --load-restrictor LoadRestrictionsNone.
	AnyFile bool
}

// Chart names a chart outside the repository.
type Chart struct {
	// Repository is an http, https or oci URL.
	Repository, Name, Version string
}

// Output is what a render makes.
type Output struct {
	// Objects are sorted by ID. Two may have the same.
	Objects []manifest.Object
	// Tainted says that the job changed what later renders in this process would make: the process has to end. It is set with an error too.
	Tainted bool
}
