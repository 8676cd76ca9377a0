package upstream

import (
	"cmp"
	"fmt"
	"slices"
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
	// Places are where it is written, sorted by file and position. A chart that lies in charts/ and is named without a version has none.
	Places []Place `json:"places"`
	// Lock is the Chart.lock that goes with it, Vendored the archive or folder with a copy of the chart, or the file that is a copy of the
	// asset. All are paths in the repository, or empty.
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

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
}

// kinds is the order of pins: what an addon is mostly made of comes first.
var kinds = []Kind{Helm, GitHub, Git, Image}

func comparePins(a, b Pin) int {
	return cmp.Or(cmp.Compare(slices.Index(kinds, a.Source.Kind), slices.Index(kinds, b.Source.Kind)), slices.CompareFunc(a.Places, b.Places, comparePlaces),
		cmp.Compare(a.Source.Repository, b.Source.Repository), cmp.Compare(a.Source.Name, b.Source.Name), cmp.Compare(a.Version, b.Version))
}
