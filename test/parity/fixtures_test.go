//go:build linux

package parity

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// fixture is a source with what is said above its files in testdata/NAME.txtar.
type fixture struct {
	// About says what is tricky. It is for people.
	About string `json:"about"`
	// Type is how Argo CD should render it, Path where: empty is the fixture's folder.
	Type catalog.SourceType `json:"type"`
	Path string             `json:"path"`
	// Release, Namespace and Minor have defaults.
	Release   string         `json:"release"`
	Namespace string         `json:"namespace"`
	Minor     string         `json:"minor"`
	Values    map[string]any `json:"values"`
	Patches   []engine.Patch `json:"patches"`
	Options   engine.Options `json:"options"`
	// Error is what both say, or what each of them says.
	Error string `json:"error"`
	Argo  string `json:"argo"`
	Ours  string `json:"ours"`
	// Label has Argo CD put its label on objects, which shows errors that come of it; objects are not compared then.
	Label bool `json:"label"`

	name  string
	files map[string][]byte
}

// chartsURL stands for the address of the chart repository in the files of fixtures.
const chartsURL = "CHARTS_URL"

// fixtures reads testdata. Everything in a folder whose name ends in .tgz becomes an archive.
func fixtures(t *testing.T) []fixture {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	all := make([]fixture, len(names))
	for i, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := &all[i]
		if err := yaml.UnmarshalStrict(archive.Comment, f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.name = strings.TrimSuffix(filepath.Base(name), ".txtar")
		f.files = map[string][]byte{}
		packed := map[string]map[string][]byte{}
		for _, file := range archive.Files {
			before, after, found := strings.Cut(file.Name, ".tgz/")
			if !found {
				f.files[path.Join(f.name, file.Name)] = unescape(file.Data)
				continue
			}
			at := path.Join(f.name, before+".tgz")
			if packed[at] == nil {
				packed[at] = map[string][]byte{}
			}
			packed[at][after] = unescape(file.Data)
		}
		for at, inside := range packed {
			f.files[at] = pack(t, inside)
		}
	}
	return all
}

// unescape gives files what an editor would take away.
func unescape(data []byte) []byte {
	return []byte(strings.NewReplacer("<CR>", "\r", "<BOM>", "\uFEFF", "<NEL>", "\u0085").Replace(string(data)))
}

func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Format: tar.FormatPAX})
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// assumed is what templates see under Argo CD: its helm adds versions of its own to those that it is told.
func assumed(versions []string) []string { return slices.Concat(engine.Assumed(), versions) }

// job is what a fixture asks of a renderer. Chart archives below remote/ are served at url.
func (f fixture) job(url string) engine.Job {
	job := engine.Job{
		Files: f.files, Path: path.Join(f.name, f.Path), Type: f.Type, Release: f.Release, Namespace: f.Namespace,
		KubeVersion: f.Minor, APIVersions: assumed(versions(f.Minor)), Values: f.Values, Patches: f.Patches, Options: f.Options,
		Charts: map[engine.Chart][]byte{},
	}
	for name, data := range f.files {
		if dir, file := path.Split(name); strings.HasSuffix(dir, "/remote/") {
			chart, version, _ := strings.Cut(strings.TrimSuffix(file, ".tgz"), "_")
			job.Charts[engine.Chart{Repository: url + "/" + f.name, Name: chart, Version: version}] = data
		}
	}
	return job
}

// index is the index.yaml of the chart repository that has what is below remote/.
func (f fixture) index(url string) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nentries:\n")
	for name := range f.files {
		if dir, file := path.Split(name); strings.HasSuffix(dir, "/remote/") {
			chart, version, _ := strings.Cut(strings.TrimSuffix(file, ".tgz"), "_")
			fmt.Fprintf(&b, "  %s:\n  - {apiVersion: v2, name: %s, version: %s, urls: [%q]}\n", chart, chart, version, url+"/"+name)
		}
	}
	return []byte(b.String())
}
