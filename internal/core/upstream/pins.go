package upstream

import (
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// Pin is one version of one source in an addon's files. The same version of the same source in several places is one pin.
type Pin struct {
	Source Source `json:"source"`
	// Version is as written; of a range in Chart.yaml what Chart.lock has. Digest is pinned along with it, or empty.
	Version string `json:"version"`
	Digest  string `json:"digest,omitempty"`
	// Range is what Chart.yaml says where that is no exact version.
	Range string `json:"range,omitempty"`
	// App tells that the places hold the version of the application, not of the source itself: images of an addon whose catalog entry names a chart or
	// GitHub releases, while its files name neither.
	App bool `json:"app,omitempty"`
	// Places are where it is written, sorted by file and position.
	Places []Place `json:"places"`
	// Lock is the Chart.lock that goes with it, Vendored the archive or folder with a copy of the chart, or the file that is a copy of the asset. All are paths in the repository, or empty.
	Lock     string `json:"lock,omitempty"`
	Vendored string `json:"vendored,omitempty"`
}

// Place is one scalar in a YAML file.
type Place struct {
	// File is a path in the repository, Line counts from 1, Field names it for people, such as dependencies[0].version.
	File  string `json:"file"`
	Line  int    `json:"line"`
	Field string `json:"field"`
}

// Find tells what an addon's files pin. What the catalog names as upstream counts alone where it is set; without it, everything that the files name.
// Tree is the whole repository. Problems are sentences about what cannot be followed, and why; the rest is found all the same.
func Find(a catalog.Addon, tree fs.FS) (pins []Pin, problems []string) { panic("todo") }

// Edit gives the files in which a pin's places hold another version, by path: only these scalars change, with their quotes and comments as they were.
// Digest is pinned along where the pin has one, and must be set then. Lock files and copies are the caller's to renew.
func Edit(tree fs.FS, p Pin, version, digest string) (map[string][]byte, error) { panic("todo") }
