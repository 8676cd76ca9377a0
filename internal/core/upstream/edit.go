package upstream

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/inplace"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// plain is what versions are made of that are written into files.
var plain = version.Published

// Edit gives the files in which a pin's places hold another version, by path: only these scalars change, with their quotes and comments as they were.
// Digest is pinned along where the pin has one, and must be set then. Lock files and copies are the caller's to renew. A range that holds the
// version already stays, and its file is left out.
func Edit(tree fs.FS, p Pin, version, digest string) (map[string][]byte, error) {
	if !plain(version) {
		return nil, fmt.Errorf("%s is no version: want letters, digits and ._+~-", quote(version))
	}
	if p.Digest != "" && digest == "" {
		return nil, fmt.Errorf("%s of %s is pinned with its digest, and that of %s is not known", p.Version, p.Source.title(), version)
	}
	if digest != "" && !sha256.MatchString(digest) {
		return nil, fmt.Errorf("%s is no digest: want sha256: and 64 hexadecimal digits", quote(digest))
	}
	places := map[string][]Place{}
	for _, place := range p.Places {
		places[place.File] = append(places[place.File], place)
	}
	edited := map[string][]byte{}
	for name, wanted := range places {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		file, err := inplace.Parse(name, data)
		if err != nil {
			return nil, errors.New(sentence(name, err))
		}
		values := map[*yaml.Node]string{}
		d := &document{File: file, name: name}
		for _, place := range wanted {
			v, err := d.find(place)
			if err != nil {
				return nil, err
			}
			if values[v.node], err = rewrite(v.node.Value, p, version, digest); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", place, place.Field, err)
			}
			if values[v.node] == v.node.Value {
				delete(values, v.node)
			}
		}
		if len(values) == 0 {
			continue
		}
		if edited[name], err = file.Set(values); err != nil {
			return nil, err
		}
	}
	return edited, nil
}

// find is the scalar at a place.
func (d *document) find(p Place) (found value, err error) {
	for _, root := range d.roots() {
		root.scalars(func(v value) {
			if v.node.Line == p.Line && v.at.field() == p.Field {
				found = v
			}
		})
	}
	if found.node == nil {
		return found, fmt.Errorf("%s: %s is not there any more", p, p.Field)
	}
	return found, nil
}

// scalars visits all that are written in a value.
func (v value) scalars(visit func(value)) {
	switch v.node.Kind {
	case yaml.ScalarNode:
		visit(v)
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			value{v.node.Content[i+1], &at{above: v.at, key: v.node.Content[i].Value}, v.in}.scalars(visit)
		}
	case yaml.SequenceNode:
		for i, n := range v.node.Content {
			value{n, &at{above: v.at, index: i}, v.in}.scalars(visit)
		}
	}
}

// rewrite puts another version into what a place has.
func rewrite(old string, p Pin, version, digest string) (string, error) {
	switch {
	case old == p.Version:
		return version, nil
	case p.Range != "" && (old == p.Range || holds(old, p.Version)):
		return ranged(old, version), nil // Another place may have another range that holds the same version.
	case p.Digest != "" && old == p.Digest:
		return digest, nil
	case p.Digest != "" && "sha256:"+strings.ToLower(old) == p.Digest:
		return strings.TrimPrefix(digest, "sha256:"), nil
	}
	if name, tag, had := divide(old); tag == p.Version {
		if had == "" {
			return name + ":" + version, nil
		}
		return name + ":" + version + "@" + digest, nil
	}
	if tag, had, is := strings.Cut(old, "@"); is && tag == p.Version && had != "" {
		return version + "@" + digest, nil
	}
	if a, ok := address(old); ok && a.version == p.Version {
		if strings.Contains(bare(p.Version), ".") {
			// The file may be named after the version too, with or without its v.
			a.after = strings.ReplaceAll(a.after, bare(p.Version), bare(version))
		}
		return a.before + version + a.after, nil
	}
	return "", fmt.Errorf("it has %s, and not %s any more", quote(old), p.Version)
}

var (
	oneBound = regexp.MustCompile(`^([~^=]?\s*v?)[0-9]+(?:\.[0-9]+){0,2}$`)
	wildcard = regexp.MustCompile(`^([~^=]?\s*v?)((?:[0-9]+\.){1,2})([xX*])$`)
)

// ranged is a range of the same form that holds a version; the same one when it holds it already. What has several parts becomes the version itself.
func ranged(old, version string) string {
	v, err := semver.NewVersion(version)
	if err != nil {
		return version
	}
	if holds(old, version) {
		return old
	}
	for _, form := range []*regexp.Regexp{oneBound, wildcard} {
		m := form.FindStringSubmatch(old)
		if m == nil {
			continue
		}
		numbers := []string{fmt.Sprint(v.Major()), fmt.Sprint(v.Minor()), fmt.Sprint(v.Patch())}
		next := m[1] + strings.Join(numbers[:1+strings.Count(old, ".")], ".")
		if form == wildcard {
			next = m[1] + strings.Join(append(numbers[:strings.Count(old, ".")], m[3]), ".")
		} else if v.Prerelease() != "" {
			next = m[1] + strings.TrimPrefix(version, "v")
		}
		if holds(next, version) {
			return next
		}
	}
	return version
}

// holds tells whether a version is in a range, as Helm sees it.
func holds(r, version string) bool {
	constraint, err := semver.NewConstraint(r)
	if err != nil {
		return false
	}
	v, err := semver.NewVersion(version)
	return err == nil && constraint.Check(v)
}
