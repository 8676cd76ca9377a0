package engine

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

// chartAt loads a chart from a folder, as the helm program does: what .helmignore names is left out.
func chartAt(files map[string][]byte, dir string) (*chart.Chart, error) {
	inside := map[string][]byte{}
	for name, data := range files {
		if rel, ok := strings.CutPrefix(name, under(dir)); ok {
			inside[rel] = data
		}
	}
	if len(inside) == 0 {
		return nil, fmt.Errorf("%s: no such folder", dir)
	}
	c, err := chartOf(inside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

func chartOf(files map[string][]byte) (*chart.Chart, error) {
	rules := ignore.Empty()
	if text, ok := files[ignore.HelmIgnore]; ok {
		var err error
		if rules, err = ignore.Parse(bytes.NewReader(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", ignore.HelmIgnore, err)
		}
	}
	rules.AddDefaults()
	kept := make([]*loader.BufferedFile, 0, len(files))
	dirs := map[string]bool{}
	var ignored func(dir string) bool
	ignored = func(dir string) bool {
		if dir == "." {
			return false
		}
		known, ok := dirs[dir]
		if !ok {
			known = ignored(path.Dir(dir)) || rules.Ignore(dir, entry{dir, true})
			dirs[dir] = known
		}
		return known
	}
	for name, data := range files {
		if ignored(path.Dir(name)) || rules.Ignore(name, entry{name, false}) {
			continue
		}
		if int64(len(data)) > loader.MaxDecompressedFileSize {
			return nil, fmt.Errorf("%s is larger than %d bytes, which Helm refuses", name, loader.MaxDecompressedFileSize)
		}
		kept = append(kept, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(data, []byte("\uFEFF"))})
	}
	slices.SortFunc(kept, func(a, b *loader.BufferedFile) int { return strings.Compare(a.Name, b.Name) })
	return loader.LoadFiles(kept)
}

// chartIn are the files of a chart's archive, without the folder that they are in there.
func chartIn(archive []byte) (map[string][]byte, error) {
	unpacked, err := loader.LoadArchiveFiles(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(unpacked))
	for _, f := range unpacked {
		files[f.Name] = f.Data
	}
	return files, nil
}

// entry is what rules of .helmignore ask of a file.
type entry struct {
	name string
	dir  bool
}

func (e entry) Name() string       { return path.Base(e.name) }
func (e entry) IsDir() bool        { return e.dir }
func (e entry) Size() int64        { return 0 }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) Sys() any           { return nil }
func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}

// missing are the dependencies that a chart names and does not have.
func missing(c *chart.Chart) []string {
	var names []string
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(have *chart.Chart) bool { return have.Name() == d.Name }) {
			names = append(names, d.Name)
		}
	}
	return names
}

func errMissing(names []string) error {
	return fmt.Errorf("found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(names, ", "))
}

// constrained is the version of a chart, when it is one that a dependency asks for.
func constrained(c *chart.Chart, d *chart.Dependency) error {
	constraint, err := semver.NewConstraint(d.Version)
	if err != nil {
		return fmt.Errorf("dependency %s has an invalid version/constraint format: %w", d.Name, err)
	}
	v, err := semver.NewVersion(c.Metadata.Version)
	if err != nil {
		return fmt.Errorf("dependency %s: version %q: %w", d.Name, c.Metadata.Version, err)
	}
	if !constraint.Check(v) {
		return fmt.Errorf("dependency %s at version %s does not satisfy the constraint %s", d.Name, c.Metadata.Version, d.Version)
	}
	return nil
}
