package notes

import (
	"cmp"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"go.yaml.in/yaml/v3"
)

// Side is a release as it lies in Git.
type Side struct {
	Catalog catalog.Catalog
	Tree    fs.FS
}

// Addons says what becomes of each addon that one of two releases offers to clusters of a minor. Before is nil for a branch's first release.
// Images are what the report says of them; nil where nothing was compared.
func Addons(before *Side, after Side, m version.Minor, r *report.Report) []Addon {
	was, is := map[string]catalog.Addon{}, offered(after.Catalog, m)
	if before != nil {
		was = offered(before.Catalog, m)
	}
	names := slices.Collect(maps.Keys(is))
	for name := range was {
		if _, both := is[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := make([]Addon, 0, len(names))
	for _, name := range names {
		old, had := was[name]
		now, has := is[name]
		a := Addon{Name: name, New: before != nil && !had, Gone: !has}
		var from, to map[string]string
		if had {
			from = versions(before.Tree, old.Path)
		}
		if has {
			to = versions(after.Tree, now.Path)
		}
		a.Versions = append(differing(from, to), images(name, r)...)
		all = append(all, a)
	}
	return all
}

func offered(c catalog.Catalog, m version.Minor) map[string]catalog.Addon {
	all := map[string]catalog.Addon{}
	for _, a := range c.Addons {
		if a.Kubernetes.HoldsSome(m) {
			all[a.Name] = a
		}
	}
	return all
}

func differing(from, to map[string]string) (all []Version) {
	for of, before := range from {
		if after := to[of]; after != before {
			all = append(all, Version{of, before, after})
		}
	}
	for of, after := range to {
		if _, both := from[of]; !both {
			all = append(all, Version{Of: of, After: after})
		}
	}
	slices.SortFunc(all, func(a, b Version) int { return cmp.Compare(a.Of, b.Of) })
	return all
}

// images are those that changed in an addon.
func images(addon string, r *report.Report) (all []Version) {
	if r == nil {
		return nil
	}
	for _, result := range r.Results {
		if result.Addon != addon {
			continue
		}
		for _, i := range result.Images {
			all = append(all, image(i)...)
		}
	}
	slices.SortFunc(all, func(a, b Version) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return slices.Compact(all)
}

// image is a change of an image: one that comes from elsewhere went there and came here.
func image(i diff.Image) []Version {
	before, old := report.ImageParts(i.Before)
	after, now := report.ImageParts(i.After)
	if i.Before != "" {
		old = cmp.Or(old, "no tag")
	}
	if i.After != "" {
		now = cmp.Or(now, "no tag")
	}
	if before == after || i.Before == "" || i.After == "" {
		return []Version{{"image " + cmp.Or(after, before), old, now}}
	}
	return []Version{{Of: "image " + before, Before: old}, {Of: "image " + after, After: now}}
}

// maxFile bounds the files that versions are read from.
const maxFile = 1 << 20

// versions are those that the files of an addon's folder name: of the chart and the charts that it is made of. What cannot be read has none here;
// that it does not render is said elsewhere.
func versions(tree fs.FS, folder string) map[string]string {
	found := map[string]string{}
	var chart struct {
		Name         string
		Version      string
		AppVersion   string `yaml:"appVersion"`
		Dependencies []struct{ Name, Alias, Version string }
	}
	if read(tree, path.Join(folder, "Chart.yaml"), &chart) {
		set(found, "chart", chart.Name, chart.Version)
		set(found, "app of chart", chart.Name, chart.AppVersion)
		for _, d := range chart.Dependencies {
			set(found, "chart", cmp.Or(d.Alias, d.Name), d.Version)
		}
	}
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		var k struct {
			HelmCharts []struct {
				Name, Version string
				ReleaseName   string `yaml:"releaseName"`
			} `yaml:"helmCharts"`
		}
		if read(tree, path.Join(folder, name), &k) {
			for _, c := range k.HelmCharts {
				set(found, "chart", c.Name, c.Version)
			}
		}
	}
	return found
}

// set notes a version; of two with one name, both.
func set(found map[string]string, what, name, v string) {
	if name == "" || v == "" {
		return
	}
	of := what + " " + name
	if earlier := found[of]; earlier != "" && !slices.Contains(strings.Split(earlier, ", "), v) {
		v = earlier + ", " + v
	}
	found[of] = v
}

func read(tree fs.FS, name string, into any) bool {
	f, err := tree.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return err == nil && yaml.Unmarshal(data, into) == nil
}
