package upstream

import (
	"path"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// chart looks at the addon's own chart: what it depends on, and the images in its values.
func (f *finder) chart(folder string) {
	f.manifests = append(f.manifests, path.Join(folder, "values.yaml"))
	root, ok := f.root(path.Join(folder, "Chart.yaml"))
	if !ok {
		return
	}
	list, lock := root.child("dependencies"), path.Join(folder, "Chart.lock")
	if root.child("apiVersion").text() == "v1" {
		if old, ok := f.root(path.Join(folder, "requirements.yaml")); ok {
			list, lock = old.child("dependencies"), path.Join(folder, "requirements.lock")
		}
	}
	locked, ok := f.root(lock)
	if !ok {
		lock = ""
	}
	for i, d := range list.items() {
		f.dependency(folder, d, lock, lockedVersion(locked.child("dependencies").items(), i, d))
	}
	f.itself(folder, root, list)
}

// itself is the pin of an addon whose folder is a copy of the very chart that the catalog names. It has no place: the copy is renewed as a whole.
func (f *finder) itself(folder string, root, dependencies value) {
	name, version := root.child("name").text(), root.child("version").text()
	if u := f.addon.Upstream.Helm; u == nil || u.Chart != name || !exact(version) {
		return
	}
	for _, d := range dependencies.items() {
		if d.child("name").text() == name {
			return
		}
	}
	f.add(Pin{Source: Source{Kind: Helm, Name: name}, Version: version, Vendored: folder})
}

// lockedVersion is what a lock has for a dependency: at the same place in its list, or of the same name.
func lockedVersion(locked []value, i int, d value) string {
	named := func(l value) bool { return l.child("name").text() == d.child("name").text() }
	if i < len(locked) && named(locked[i]) {
		return locked[i].child("version").text()
	}
	for _, l := range locked {
		if named(l) {
			return l.child("version").text()
		}
	}
	return ""
}

func (f *finder) dependency(folder string, d value, lock, locked string) {
	name, version, repository := d.child("name").text(), d.child("version"), d.child("repository").text()
	if !f.follows(d, name, repository) {
		return
	}
	p := Pin{Source: Source{Helm, trimSlash(repository), name}, Version: version.text(), Lock: lock}
	where := func() string { return Place{d.in.name, d.node.Line, ""}.String() + ": dependency " + name }
	switch {
	case strings.HasPrefix(repository, "@"), strings.HasPrefix(repository, "alias:"):
		f.refuse(p.Source, "%s: the repository %s is a name that only its author's machine knows: write its URL", where(), quote(repository))
		return
	case local(repository):
		// What lies in the repository itself has no newer version elsewhere, unless the catalog says where.
		p.Source.Repository, p.Lock = "", ""
	}
	switch {
	case version.text() == "":
		f.refuse(p.Source, "%s: it names no version: pin one", where())
		return
	case exact(p.Version):
	case locked != "":
		p.Range, p.Version = p.Version, locked
	case local(repository):
	default:
		f.refuse(p.Source, "%s: %s is a range, and without a Chart.lock nobody knows which version is meant: run `helm dependency update` and commit Chart.lock, or write an exact version",
			where(), quote(p.Version))
		return
	}
	p.Places = []Place{version.place()}
	charts := path.Join(folder, "charts")
	for _, v := range []string{p.Version, strings.TrimPrefix(p.Version, "v")} {
		if archive := path.Join(charts, name+"-"+v+".tgz"); p.Vendored == "" && f.exists(archive) {
			p.Vendored = archive
		}
	}
	if unpacked := path.Join(charts, name); p.Vendored == "" && f.exists(path.Join(unpacked, "Chart.yaml")) {
		p.Vendored = unpacked
		if local(repository) && !exact(p.Version) {
			inside, _ := f.root(path.Join(unpacked, "Chart.yaml"))
			p.Range, p.Version = p.Version, inside.child("version").text()
		}
	}
	if local(repository) && p.Vendored == "" || p.Version == "" {
		return
	}
	f.add(p)
}

// follows tells whether a chart's name and repository can be asked about.
func (f *finder) follows(chart value, name, repository string) bool {
	switch where := chart.place(); {
	case name == "": // Not even Helm can tell what it is.
	case !chartName.MatchString(name):
		f.refuse(Source{Kind: Helm, Name: name}, "%s: %s is not a chart's name", where, quote(name))
	case credential.MatchString(repository):
		f.refuse(Source{Kind: Helm, Name: name}, "%s: chart %s: its repository %s has a credential in it: keep that where Docker or netrc have theirs", where, name, quote(repository))
	default:
		return true
	}
	return false
}

var chartName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// helmCharts looks at the charts that a kustomization inflates.
func (f *finder) helmCharts(folder string, k value) {
	home := path.Join(folder, "charts")
	if h := k.child("helmGlobals").child("chartHome").text(); h != "" {
		home = path.Join(folder, h)
	}
	for _, c := range k.child("helmCharts").items() {
		name, version, repository := c.child("name").text(), c.child("version"), c.child("repo").text()
		if !f.follows(c, name, repository) {
			continue
		}
		p := Pin{Source: Source{Helm, trimSlash(repository), name}, Version: version.text()}
		vendored := path.Join(home, name)
		if repository != "" && p.Version != "" {
			vendored = path.Join(home, name+"-"+p.Version, name)
		}
		if f.exists(path.Join(vendored, "Chart.yaml")) {
			p.Vendored = vendored
		}
		switch {
		case p.Version != "" && !exact(p.Version):
			f.refuse(p.Source, "%s: chart %s: %s is no exact version: write one, such as 1.2.3", version.place(), name, quote(p.Version))
			continue
		case p.Version != "":
			p.Places = []Place{version.place()}
		case p.Vendored != "":
			inside, _ := f.root(path.Join(vendored, "Chart.yaml"))
			p.Version = inside.child("version").text()
		case repository != "":
			f.refuse(p.Source, "%s: chart %s names no version: pin one", Place{c.in.name, c.node.Line, ""}, name)
		}
		if p.Version != "" && (repository != "" || p.Vendored != "") {
			f.add(p)
		}
		f.inValues(c.child("valuesInline"))
	}
}

// exact tells of a version that is one, not a range.
func exact(version string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v"))
	return err == nil
}

// local tells of a dependency that comes from the repository itself.
func local(repository string) bool {
	return repository == "" || strings.HasPrefix(repository, "file:")
}

func trimSlash(url string) string { return strings.TrimRight(url, "/") }
