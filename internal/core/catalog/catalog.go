// Package catalog reads catalog.yaml: what a release offers, and to whom.
package catalog

import (
	"encoding/json"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// File is where the catalog lies in a config repository.
const File = "catalog.yaml"

// APIVersion and Kind are what every catalog says of itself.
const (
	APIVersion = "addons.kaas.dev/v1alpha1"
	Kind       = "Catalog"
)

// LabelPrefix starts the label key that switches an addon on a cluster.
const LabelPrefix = "addons.kaas.dev/"

// Placement says into which cluster an addon's objects go.
type Placement string

// The placements.
const (
	Workload   Placement = "workload"
	Management Placement = "management"
)

// Enabled says what an addon does on a cluster that says nothing of it.
type Enabled string

// The ways an addon is enabled.
const (
	Optional Enabled = "optional"
	Default  Enabled = "default"
	Always   Enabled = "always"
)

// OnDisable says what happens to an addon's objects when it is switched off.
type OnDisable string

// The ways an addon leaves.
const (
	Prune  OnDisable = "prune"
	Retain OnDisable = "retain"
)

// SourceType is how Argo CD renders an addon's folder.
type SourceType string

// The source types.
const (
	Kustomize SourceType = "kustomize"
	Helm      SourceType = "helm"
	// Directory is plain YAML.
	Directory SourceType = "directory"
)

// Reserved are names that no addon can have, because LabelPrefix plus the name is a key of our own
// on Secrets or Applications.
var Reserved = []string{"addon", "cluster", "kubernetes-minor", "kubernetes-version", "on-disable", "paused", "placement", "release"}

// Catalog is one decoded catalog.yaml.
type Catalog struct {
	Distribution string
	// Minors are those offered, in ascending order; they count on main only.
	Minors []version.Minor
	// Addons are sorted by name.
	Addons []Addon
	// Upgrades count on main only; nil where the catalog has none.
	Upgrades *Upgrades
	// Policies are those that this very commit is checked against; nil where the catalog names none.
	Policies *Policies
}

// Upgrades says how newer versions are proposed.
type Upgrades struct {
	// Schedule is when pull requests are opened: in the minutes that a cron line with an optional time zone names (CRON_TZ=Europe/Paris * 8-17 * * 1-5).
	// Empty means always; Inside reads it.
	Schedule string
	// MaxOpen and MaxOpenPerBranch bound the upgrade pull requests that are open; 0 is no bound. MaxNew bounds those that one run opens.
	MaxOpen, MaxOpenPerBranch, MaxNew int
	// MinimumAge is how old a version must be, for addons that say nothing of it.
	MinimumAge time.Duration
	// Groups are addons that are upgraded together, sorted by name. Their addons are sorted, and in no other group.
	Groups []UpgradeGroup
}

// UpgradeGroup is a group of addons that share their pull requests. No addon has its name.
type UpgradeGroup struct {
	Name   string
	Addons []string
}

// Policies say which Gatekeeper policies the rendered manifests are checked against. Exactly one of Path and Image is set.
type Policies struct {
	// Path is a folder of the repository, Image an OCI image pinned by digest.
	Path, Image string
	// Namespaces are those that are checked, with * for any characters; none means all. Objects without a namespace count as in theirs' addon.
	Namespaces []string
}

// Addon is one entry.
type Addon struct {
	// Name is a DNS-1123 label, unique in the catalog.
	Name string
	// Path is slash-separated, clean, relative to the repository's root and inside it.
	Path      string
	Namespace string
	Placement Placement
	Enabled   Enabled
	// Kubernetes is the range of versions this addon supports.
	Kubernetes version.Range
	// DependsOn are names of addons of the same catalog, sorted; their graph has no circle.
	DependsOn []string
	OnDisable OnDisable
	// Grace is how long after it was switched off the addon stays; nil where the catalog leaves it to who delivers. At most MaxGrace.
	Grace *time.Duration
	// PruneCRDs lets pruning take the addon's CustomResourceDefinitions too, and with them every custom resource of theirs.
	PruneCRDs bool
	// Parameters are sorted by name.
	Parameters []Parameter
	ArgoCD     ArgoCD
	Upstream   Upstream
	// Source is how Argo CD renders the folder; Inspect sets it, Decode leaves it empty.
	Source SourceType
}

// Parameter is one per-cluster value.
type Parameter struct {
	Name string
	From Source
	// Default is used where the source is missing; nil when there is none.
	Default *string
}

// Source says where a parameter's value comes from: exactly one of its fields is set.
type Source struct {
	// Field is a fact of the cluster: name, server, kubernetesVersion or kubernetesMinor.
	Field string
	// Label and Annotation are keys on the cluster Secret.
	Label, Annotation string
	// Value is a literal.
	Value string
}

// Fields are the values of Source.Field.
var Fields = []string{"name", "server", "kubernetesVersion", "kubernetesMinor"}

// ArgoCD is passed through to the Application.
type ArgoCD struct {
	SyncOptions []string
	// IgnoreDifferences are Argo CD's ResourceIgnoreDifferences as JSON objects, kept as written.
	IgnoreDifferences []json.RawMessage
}

// Upstream says where newer versions come from, and which of them are wanted.
type Upstream struct {
	Helm   *UpstreamHelm
	GitHub *UpstreamGitHub
	Image  string
	// Git is the URL of a repository whose tags are versions.
	Git string
	// Ignore and Only are ranges of versions, in the syntax of Masterminds/semver; empty for none. Only what Only holds and Ignore does not is proposed.
	Ignore, Only string
	// MinimumAge is how old a version must be; nil where the catalog leaves it to Upgrades.
	MinimumAge *time.Duration
	// Support are the versions that run on a Kubernetes minor, for charts that say nothing, too little or too much: it counts instead of theirs.
	Support map[version.Minor]string
}

// UpstreamHelm is a chart in an HTTP or OCI repository.
type UpstreamHelm struct{ Repository, Chart string }

// UpstreamGitHub is a repository whose releases are followed; Asset names the file wanted, if any. Version and SHA256 are what the addon's folder has a copy
// of, under the asset's name; both are renewed with it.
type UpstreamGitHub struct{ Repository, Asset, Version, SHA256 string }
