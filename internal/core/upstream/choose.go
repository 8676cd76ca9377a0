package upstream

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// choose keeps what counts of all that was found, and puts together what is one pin.
func (f *finder) choose() (pins []Pin, problems []string) {
	u := f.addon.Upstream
	declared, is := declaredSource(u)
	if is {
		pins = f.follow(declared)
	} else {
		// A chart that lies in the repository has no newer version anywhere.
		pins = slices.DeleteFunc(f.found, func(p Pin) bool { return p.Source.Repository == "" })
	}
	pins = f.oldest(merged(pins))
	slices.SortFunc(pins, comparePins)
	for _, p := range f.problems {
		if !is || p.source.Kind == "" || sameSource(p.source, declared) || p.source == declared {
			problems = append(problems, p.text)
		}
	}
	slices.Sort(problems)
	problems = slices.Compact(problems)
	if len(problems) > maxProblems {
		problems = append(problems[:maxProblems], fmt.Sprintf("and %d more like these", len(problems)-maxProblems))
	}
	return pins, problems
}

// declaredSource is what the catalog names.
func declaredSource(u catalog.Upstream) (s Source, is bool) {
	switch {
	case u.Helm != nil:
		return Source{Helm, trimSlash(u.Helm.Repository), u.Helm.Chart}, true
	case u.GitHub != nil:
		return Source{GitHub, u.GitHub.Repository, u.GitHub.Asset}, true
	case u.Git != "":
		return Source{Kind: Git, Repository: trimSlash(u.Git)}, true
	case u.Image != "":
		if s, ok := imageSource(u.Image); ok {
			return s, true
		}
		return Source{Kind: Image, Repository: u.Image}, true
	}
	return Source{}, false
}

// sameSource tells whether what a file names is what the catalog names: of a chart the name, wherever it comes from.
func sameSource(s, declared Source) bool {
	switch {
	case declared.Kind == Helm:
		return s.Kind == Helm && s.Name == declared.Name
	case declared.Kind == GitHub && s.Kind == GitHub:
		return strings.EqualFold(s.Repository, declared.Repository) && (declared.Name == "" || s.Name == "" || s.Name == declared.Name)
	case declared.Kind == GitHub && s.Kind == Git:
		return declared.Name == "" && strings.EqualFold(s.Repository, "https://github.com/"+declared.Repository)
	case declared.Kind == Git:
		return s.Kind == Git && strings.EqualFold(strings.TrimSuffix(s.Repository, ".git"), strings.TrimSuffix(declared.Repository, ".git"))
	}
	return s == declared
}

// follow are the pins of what the catalog names.
func (f *finder) follow(declared Source) (pins []Pin) {
	elsewhere := false
	for _, p := range f.found {
		if !sameSource(p.Source, declared) {
			continue
		}
		if declared.Kind == Helm && p.Source.Repository != "" && p.Source.Repository != declared.Repository {
			elsewhere = true
			f.refuse(declared, "%s: chart %s comes from %s, and the catalog's upstream.helm names %s: make them the same", p.Places[0], declared.Name, p.Source.Repository, declared.Repository)
			continue
		}
		p.Source = declared
		pins = append(pins, p)
	}
	switch {
	case len(pins) > 0 || elsewhere || f.refused(declared):
	case declared.Kind == Image:
		f.refuse(declared, "no file in %s says a version of the image %s, which the catalog's upstream.image names: write one, or correct the catalog", f.addon.Path, declared.Repository)
	case declared.Kind == GitHub && declared.Name != "":
		return f.copied(declared)
	default:
		return f.followers(declared)
	}
	return pins
}

// refused tells whether it was said already what is wrong with a source.
func (f *finder) refused(declared Source) bool {
	return slices.ContainsFunc(f.problems, func(p problem) bool { return p.source.Kind == declared.Kind && sameSource(p.source, declared) })
}

// copied is the pin of a file of a release that the addon's folder has a copy of. Its version is in the catalog.
func (f *finder) copied(declared Source) []Pin {
	g := f.addon.Upstream.GitHub
	file := path.Join(f.addon.Path, g.Asset)
	switch {
	case g.Version == "":
		f.refuse(declared, "no file names https://github.com/%s/releases/download/…/%s: if %s is a copy of it, add upstream.github.version, and sha256, to the addon in %s; if its images go by the releases, "+
			"remove asset", g.Repository, g.Asset, file, catalog.File)
		return nil
	case !f.exists(file):
		f.refuse(declared, "%s is not there, of which the catalog has the version %s in upstream.github.version: add the file, or take out version", file, g.Version)
		return nil
	}
	p := Pin{Source: declared, Version: g.Version, Vendored: file}
	if g.SHA256 != "" {
		p.Digest = "sha256:" + strings.ToLower(g.SHA256)
	}
	root, _ := f.root(catalog.File)
	for _, a := range root.child("addons").items() {
		if a.child("name").text() != f.addon.Name {
			continue
		}
		github := a.child("upstream").child("github")
		for _, v := range []value{github.child("version"), github.child("sha256")} {
			if v.text() != "" {
				p.Places = append(p.Places, v.place())
			}
		}
	}
	if len(p.Places) == 0 {
		f.refuse(declared, "%s does not say the version of %s where it was looked for", catalog.File, g.Asset)
		return nil
	}
	return []Pin{p}
}

// followers is the pin of the images whose tag is the version of the application in what the catalog names: those with the tag that most
// images have. Of several such tags it is the one whose images are called most like it.
func (f *finder) followers(declared Source) []Pin {
	tags := map[string][]Pin{}
	for _, p := range f.found {
		if p.Source.Kind == Image {
			tags[p.Version] = append(tags[p.Version], p)
		}
	}
	what := declared.title()
	if len(tags) == 0 {
		f.refuse(declared, "nothing in %s has a version of %s: no file names it, and there is no image with a tag that could follow it", f.addon.Path, what)
		return nil
	}
	best, most := "", [2]int{-1, 0}
	for _, tag := range sorted(tags) {
		if score := [2]int{distinct(tags[tag]), f.likeness(tags[tag], declared)}; slices.Compare(score[:], most[:]) > 0 {
			best, most = tag, score
		}
	}
	pin := Pin{Source: declared, Version: best, App: true}
	for _, p := range tags[best] {
		if p.Digest != "" {
			f.refuse(declared, "%s: %s:%s has a digest, which cannot follow %s: take the digest out, or name the image as upstream", p.Places[0], p.Source.Repository, p.Version, what)
			return nil
		}
		pin.Places = append(pin.Places, p.Places...)
	}
	return []Pin{pin}
}

// title names a source in a sentence.
func (s Source) title() string {
	switch s.Kind {
	case Helm:
		return "chart " + s.Name + " of " + s.Repository
	case GitHub:
		return "https://github.com/" + s.Repository
	}
	return s.Repository
}

// distinct counts the images.
func distinct(pins []Pin) int {
	names := map[string]bool{}
	for _, p := range pins {
		names[p.Source.Repository] = true
	}
	return len(names)
}

// likeness counts the words that an image's name has in common with a source, or with the addon.
func (f *finder) likeness(pins []Pin, s Source) (most int) {
	known := map[string]bool{}
	for _, r := range runs(strings.ToLower(s.Name + " " + path.Base(s.Repository) + " " + f.addon.Name)) {
		known[r.text] = true
	}
	for _, p := range pins {
		n := 0
		for _, r := range runs(path.Base(p.Source.Repository)) {
			if known[r.text] {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// merged puts the places of each version of each source together.
func merged(pins []Pin) (all []Pin) {
	type key struct {
		source          Source
		version, digest string
		vendored, lock  string
		app             bool
	}
	known := map[key]int{}
	for _, p := range pins {
		k := key{p.Source, p.Version, p.Digest, p.Vendored, p.Lock, p.App}
		i, is := known[k]
		if !is {
			i = len(all)
			known[k] = i
			all = append(all, Pin{p.Source, p.Version, p.Digest, p.Range, p.App, nil, p.Lock, p.Vendored})
		}
		all[i].Places = append(all[i].Places, p.Places...)
		all[i].Range = cmp.Or(all[i].Range, p.Range)
	}
	for i := range all {
		slices.SortFunc(all[i].Places, comparePlaces)
		all[i].Places = slices.Compact(all[i].Places)
	}
	return all
}

// oldest leaves out what a source is pinned to beside an older version: once the older one has caught up, they go on together.
func (f *finder) oldest(pins []Pin) (kept []Pin) {
	for _, p := range pins {
		older := slices.IndexFunc(pins, func(o Pin) bool {
			order, ok := Compare(o.Version, p.Version)
			return o.Source == p.Source && ok && order < 0
		})
		if older < 0 {
			kept = append(kept, p)
			continue
		}
		f.refuse(p.Source, "%s is in two versions: %s in %s, %s in %s; the older one is followed", p.Source.title(), pins[older].Version, pins[older].where(), p.Version, p.where())
	}
	return kept
}

// where is a pin's first place, or its copy.
func (p Pin) where() string {
	if len(p.Places) > 0 {
		return p.Places[0].String()
	}
	return p.Vendored
}

func sorted(tags map[string][]Pin) []string {
	all := make([]string, 0, len(tags))
	for tag := range tags {
		all = append(all, tag)
	}
	slices.Sort(all)
	return all
}

// credential is a user's name with a password, or a token, in a URL.
var credential = regexp.MustCompile(`://[^/@\s]*:[^/@\s]*@|://[^/@:\s]{20,}@`)

// quote cuts what comes from a file.
func quote(s string) string {
	s = credential.ReplaceAllString(s, "://***@")
	if len(s) > 150 {
		s = strings.ToValidUTF8(s[:150], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
