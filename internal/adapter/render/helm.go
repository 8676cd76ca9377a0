package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// helm checks the addon's chart and finds out which charts it needs beside it.
func (c *collector) helm(folder string) error {
	g, err := c.chart(folder)
	if err != nil {
		return err
	}
	d, err := c.dependencies(folder, g.self)
	if err != nil {
		return err
	}
	missing := false
	for _, need := range d.wanted {
		have := func(m *chart.Metadata) bool { return m != nil && m.Name == need.Name }
		missing = missing || !slices.ContainsFunc(g.inside, have)
	}
	if missing {
		return c.fetch(folder, d)
	}
	for _, need := range d.wanted {
		// Helm takes a vendored chart by its name, and silently leaves it out when its version is another.
		fits := func(m *chart.Metadata) bool {
			return m != nil && m.Name == need.Name && within(need.Version, m.Version)
		}
		if !slices.ContainsFunc(g.inside, fits) {
			return refuse(d.file, "dependency %s: charts/ has no version of it that fits %q: run `helm dependency update`", need.Name, need.Version)
		}
	}
	return nil
}

// within reports whether a version fits what a dependency asks for, as Helm compares them.
func within(wanted, version string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	r, err := semver.NewConstraint(wanted)
	return err == nil && r.Check(v)
}

// chart checks a chart in a folder, which is read whole.
func (c *collector) chart(folder string) (*gate, error) {
	files := map[string][]byte{}
	for name, data := range c.files {
		if rel, ok := strings.CutPrefix(name, folder+"/"); ok {
			files[rel] = data
		}
	}
	g := &gate{found: &c.found}
	return g, g.chart(folder+"/", files, 0)
}

// dependencies are what a chart says about the charts it needs.
type dependencies struct {
	// file is where they are written.
	file   string
	wanted []*chart.Dependency
	// locked has their exact versions, nil without a lock.
	locked []*chart.Dependency
}

func (c *collector) dependencies(folder string, m *chart.Metadata) (dependencies, error) {
	d := dependencies{file: path.Join(folder, chartFile), wanted: m.Dependencies}
	lock := path.Join(folder, lockFile)
	if m.APIVersion != chart.APIVersionV2 {
		if data := c.files[path.Join(folder, requirementsFile)]; data != nil {
			d.file = path.Join(folder, requirementsFile)
			r, err := decode[chart.Metadata](d.file, data)
			if err != nil {
				return d, err
			}
			d.wanted = r.Dependencies
		}
		lock = path.Join(folder, oldLockFile)
	}
	if slices.Contains(d.wanted, nil) {
		return d, refuse(d.file, "dependencies: one is empty: remove it")
	}
	data := c.files[lock]
	if data == nil {
		return d, nil
	}
	l, err := decode[chart.Lock](lock, data)
	if err != nil {
		return d, err
	}
	d.locked = l.Dependencies
	if slices.Contains(d.locked, nil) {
		return d, refuse(lock, "dependencies: one is empty: run `helm dependency update`")
	}
	if !fits(l, d.wanted, m.APIVersion) {
		return d, refuse(lock, "was made for other dependencies than those in %s: run `helm dependency update` and commit both", path.Base(d.file))
	}
	return d, nil
}

// fits reports whether a lock is for these dependencies. Helm writes the hash of both lists' JSON into it, or, in version 2 of Helm, that of
// the wanted ones in a map. Names for repositories are replaced before hashing, by what only the author's machine knows.
func fits(l *chart.Lock, wanted []*chart.Dependency, api string) bool {
	if slices.ContainsFunc(wanted, func(d *chart.Dependency) bool { return named(d.Repository) }) {
		return true
	}
	if l.Digest == hash([2][]*chart.Dependency{wanted, l.Dependencies}) {
		return true
	}
	return api != chart.APIVersionV2 && l.Digest == hash(map[string][]*chart.Dependency{"dependencies": wanted})
}

func hash(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func named(repository string) bool {
	return strings.HasPrefix(repository, "@") || strings.HasPrefix(repository, "alias:")
}

// fetch notes where everything comes from when something is missing: as `helm dependency build`, it takes all that has an address.
func (c *collector) fetch(folder string, d dependencies) error {
	for _, need := range d.wanted {
		local, isLocal := strings.CutPrefix(need.Repository, "file://")
		switch {
		case need.Repository == "":
			if !c.exists(path.Join(folder, "charts", need.Name)) {
				return refuse(d.file, "dependency %s: it has no repository and is not in charts/: put it there", need.Name)
			}
		case isLocal:
			if err := c.local(folder, d.file, need, local); err != nil {
				return err
			}
		default:
			if err := c.remote(d, need); err != nil {
				return err
			}
		}
	}
	return nil
}

// local reads a chart of this repository that another names.
func (c *collector) local(folder, file string, need *chart.Dependency, relative string) error {
	if path.IsAbs(relative) {
		return refuse(file, "dependency %s: %s is an absolute path: write it relative to the chart, as file://../name", need.Name, need.Repository)
	}
	name := path.Join(folder, relative)
	if name == ".." || strings.HasPrefix(name, "../") {
		return refuse(file, "dependency %s: %s leads out of the repository", need.Name, need.Repository)
	}
	by := file + ": dependency " + need.Name
	if name == "." || name == folder || strings.HasPrefix(folder+"/", name+"/") {
		return refuse(file, "dependency %s: %s contains the chart itself", need.Name, need.Repository)
	}
	if err := c.folder(name, by); err != nil {
		return err
	}
	_, err := c.chart(name)
	return err
}

// remote notes a chart that is to be fetched, whose version has to be locked.
func (c *collector) remote(d dependencies, need *chart.Dependency) error {
	if err := address(d.file, "dependency "+need.Name, need.Repository); err != nil {
		return err
	}
	switch {
	case d.locked == nil && exact(need.Version):
		c.need(engine.Chart{Repository: need.Repository, Name: need.Name, Version: need.Version})
		return nil
	case d.locked == nil:
		return refuse(d.file, "dependency %s: no Chart.lock says which version of %q to fetch: run `helm dependency update` and commit Chart.lock", need.Name, need.Version)
	}
	for _, l := range d.locked {
		if l.Name != need.Name || l.Repository != need.Repository || !within(need.Version, l.Version) {
			continue
		}
		if !exact(l.Version) {
			return refuse(d.file, "dependency %s: Chart.lock has %q, which is no exact version: run `helm dependency update`", need.Name, l.Version)
		}
		c.need(engine.Chart{Repository: l.Repository, Name: l.Name, Version: l.Version})
		return nil
	}
	return refuse(d.file, "dependency %s: Chart.lock has no version of it that fits %q: run `helm dependency update`", need.Name, need.Version)
}

func (c *collector) need(chart engine.Chart) {
	if c.charts == nil {
		c.charts = map[engine.Chart]bool{}
	}
	c.charts[chart] = true
}

// address refuses a repository that is not reached over the network by its own address.
func address(where, what, repository string) error {
	if named(repository) {
		return refuse(where, "%s: the repository %.200q is a name that only its author's machine knows: write its address", what, repository)
	}
	u, err := url.Parse(repository)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "oci"}, u.Scheme) {
		return refuse(where, "%s: the repository %.200q is none that charts are fetched from: want https://, http:// or oci://", what, credentials.ReplaceAllString(repository, "//"))
	}
	if u.User != nil {
		return refuse(where, "%s: the repository's address holds a user's name: remove it", what)
	}
	return nil
}

// credentials are a user's name and password in an address.
var credentials = regexp.MustCompile(`//[^/]*@`)

// exact reports whether a version names one version rather than a range.
func exact(version string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v"))
	return err == nil
}
