// Package upstream is about what addons are made of and where newer versions of it come from: what an addon's files pin, what a source offers, and how
// files are changed to pin another version. Everything that a source says comes from outside.
package upstream

import (
	"time"
)

// Kind is what sort of source it is.
type Kind string

// The kinds.
const (
	// Helm is a chart in a Helm repository, over HTTP or in an OCI registry.
	Helm Kind = "helm"
	// Image is a container image.
	Image Kind = "image"
	// GitHub are the releases of a repository on GitHub.
	GitHub Kind = "github"
	// Git are the tags of a Git repository.
	Git Kind = "git"
)

// Source is one thing that versions are published of. Equal sources are the same one.
type Source struct {
	Kind Kind `json:"kind"`
	// Repository is, without a slash at the end: of a chart the http, https or oci URL of its repository; of an image its name with the registry, such as
	// quay.io/prometheus/node-exporter; on GitHub owner/name; of Git the URL to clone from.
	Repository string `json:"repository"`
	// Name is that of the chart, or of the asset of a GitHub release; otherwise empty.
	Name string `json:"name,omitempty"`
}

// Version is one published version of a source.
type Version struct {
	// Name is the version as the source writes it, such as v1.16.2: for OCI with a plus where the tag has an underscore.
	Name string
	// App is the version of the application in a chart, Kubernetes the range of versions that the chart is for; both as the chart says, which may be nonsense.
	App, Kubernetes string
	// Created is when it was published; zero where the source does not say, or only the publisher does.
	Created time.Time
	// Digest is sha256:<hex>: of an image the manifest's (or the list's, for several platforms), of a chart the archive's, of Git the commit.
	Digest string
	// Deprecated tells that its owner gives it up. PreRelease is the source's own word; versions also say so by their names. Security tells that it says to
	// fix a vulnerability.
	Deprecated, PreRelease, Security bool
	// Notes are its release notes in Markdown, URL a page about it, Links the addresses of home and source code that it names.
	Notes, URL string
	Links      []string
	// Assets are the files of a GitHub release.
	Assets []Asset
	// Described tells that all of the above is known. Registries list names only; each version is asked about by itself.
	Described bool
}

// Asset is a file of a release.
type Asset struct {
	Name, URL string
	// Digest is sha256:<hex>, empty where nobody says it.
	Digest string
	Size   int64
}

// Listing is what a source offers now.
type Listing struct {
	// Versions are in no order, as the source has them; names may be anything.
	Versions []Version
	// Problem is why the source could not be asked, one sentence without a credential; empty when it could.
	Problem string
	// Remark is what its users should know although it answered: that it has moved, or what it answered is from before.
	Remark string
}
