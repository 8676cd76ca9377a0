package registry

import (
	"bytes"
	"errors"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

// entry is one version of a chart in the index of a Helm repository, as far as we need it.
type entry struct {
	Version string   `yaml:"version" json:"version"`
	URLs    []string `yaml:"urls" json:"urls"`
	Digest  string   `yaml:"digest" json:"digest"`
}

const (
	// maxWhole is how large an index may be that is decoded as a whole, because it is not laid out as Helm does. Decoded it takes some
	// twenty times as much memory.
	maxWhole = 4 << 20
	// maxEntry bounds one version of a chart among the lines.
	maxEntry = 1 << 20
)

var errLayout = errors.New("not laid out as helm repo index does")

// find is the one entry of an index for a version of a chart.
//
// Indexes have tens of megabytes, and a YAML decoder makes gigabytes of them. So only the lines of the versions asked for are decoded, which
// Helm's layout makes easy to find; JSON is read in pieces, and of other layouts only small ones are read.
func find(index []byte, name, version string) (entry, error) {
	read := func(index []byte, name string) ([]entry, bool, error) { return lines(index, name, version) }
	if bytes.HasPrefix(bytes.TrimLeft(index, " \t\r\n"), []byte("{")) {
		read = inJSON
	}
	versions, known, err := read(index, name)
	if errors.Is(err, errLayout) {
		if len(index) > maxWhole {
			return entry{}, failf(ErrInvalid, "index.yaml is %v; of others at most %d MiB are read: let its owner write it with helm repo index, or vendor the chart", errLayout, maxWhole>>20)
		}
		versions, known, err = whole(index, name)
	}
	if err != nil {
		return entry{}, err
	}
	if !known {
		return entry{}, failf(ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL")
	}
	return choose(versions, version)
}

// choose takes the version that is meant: exactly that, or the same with or without a v before it.
func choose(versions []entry, version string) (entry, error) {
	match := func(same func(string) bool) (found []entry) {
		for _, e := range versions {
			if same(e.Version) {
				found = append(found, e)
			}
		}
		return found
	}
	found := match(func(v string) bool { return v == version })
	if len(found) == 0 {
		found = match(func(v string) bool { return strings.TrimPrefix(v, "v") == strings.TrimPrefix(version, "v") })
	}
	if len(found) == 0 {
		return entry{}, failf(ErrNotFound, "the repository has no such version of it: check the version")
	}
	one := found[0]
	if one.Digest == "" {
		return entry{}, failf(ErrDigest, "the repository's index has no digest for it, so nobody can tell what it is: vendor the chart")
	}
	if len(one.URLs) == 0 || one.URLs[0] == "" {
		return entry{}, failf(ErrInvalid, "the repository's index has no URL for it: vendor the chart")
	}
	digest, err := parseDigest(one.Digest)
	if err != nil {
		return entry{}, err
	}
	one.Digest = digest
	for _, other := range found[1:] {
		if d, err := parseDigest(other.Digest); err != nil || d != digest {
			return entry{}, failf(ErrDigest, "the repository's index has that version twice, with digests %s and %.80q: take another version, or vendor the chart", digest, other.Digest)
		}
	}
	return one, nil
}

// exact reports whether a version is one, and no range of them.
func exact(version string) bool {
	_, err := semver.NewVersion(version)
	// 1.2 and 1 are read as versions, but Helm takes them for ranges.
	return err == nil && strings.Count(strings.FieldsFunc(version, func(r rune) bool { return r == '-' || r == '+' })[0], ".") == 2
}

// whole decodes an index of any layout.
func whole(index []byte, name string) (versions []entry, known bool, err error) {
	var all struct {
		Entries map[string]yaml.Node `yaml:"entries"`
	}
	if err := yaml.Unmarshal(index, &all); err != nil {
		return nil, false, failf(ErrInvalid, "index.yaml does not decode: %v; check the repository's URL", err)
	}
	if all.Entries == nil {
		return nil, false, noIndex()
	}
	node, known := all.Entries[name]
	if !known {
		return nil, false, nil
	}
	if err := node.Decode(&versions); err != nil {
		return nil, false, failf(ErrInvalid, "index.yaml does not decode: %v", err)
	}
	return versions, true, nil
}

func noIndex() error {
	return failf(ErrInvalid, "index.yaml has no entries, so this is no Helm repository: check its URL")
}
