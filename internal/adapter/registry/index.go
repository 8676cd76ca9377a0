package registry

import (
	"bytes"
	"errors"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

// index is what a Helm repository offers: the text, and where in it each chart is.
//
// Indexes have tens of megabytes, and a YAML decoder makes gigabytes of them. So only the lines of the versions asked for are decoded, which
// Helm's layout makes easy to find; JSON is read in pieces, and of other layouts only small ones are read. Where the charts are is found out once.
type index struct {
	text []byte
	json bool
	// charts are by name; nil in an index of another layout, which is decoded as a whole.
	charts map[string]span
}

// span is where the versions of a chart are.
type span struct {
	from, to int
	// twice is set where the chart comes again.
	twice bool
}

// entry is one version of a chart in the index of a Helm repository, as far as it takes to fetch it.
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

// scan finds the charts in an index.
func scan(text []byte) (*index, error) {
	begin := bytes.TrimLeft(text, " \t\r\n")
	if bytes.HasPrefix(begin, []byte("<")) {
		return nil, failf(ErrInvalid, "index.yaml is a web page, perhaps one to log in at: check the repository's URL, and the credentials for it")
	}
	x := &index{text: text, json: bytes.HasPrefix(begin, []byte("{"))}
	var err error
	if x.json {
		x.charts, err = scanJSON(text)
	} else {
		x.charts, err = scanLines(text)
	}
	if errors.Is(err, errLayout) {
		x.charts, err = nil, nil
		if len(text) > maxWhole {
			return nil, tooLargeForWhole()
		}
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (x *index) size() int {
	if x == nil {
		return 0 // A failure is remembered.
	}
	return len(x.text)
}

func tooLargeForWhole() error {
	return failf(ErrInvalid, "index.yaml is %v; of others at most %d MiB are read: let its owner write it with helm repo index, or vendor the chart", errLayout, maxWhole>>20)
}

// find is the one entry of an index for a version of a chart.
func (x *index) find(name, version string) (entry, error) {
	versions, err := read[entry](x, name, strings.TrimPrefix(version, "v"))
	if err != nil {
		return entry{}, err
	}
	return choose(versions, version)
}

// read decodes the versions of a chart. Those whose text does not have number in it may be left out.
func read[E any](x *index, name, number string) (versions []E, err error) {
	known := false
	switch {
	case x.charts == nil:
		err = errLayout
	case x.json:
		versions, known, err = readJSON[E](x, name)
	default:
		versions, known, err = readLines[E](x, name, number)
	}
	if errors.Is(err, errLayout) {
		if len(x.text) > maxWhole {
			return nil, tooLargeForWhole()
		}
		versions, known, err = whole[E](x.text, name)
	}
	if err == nil && !known {
		err = failf(ErrNotFound, "the repository has no chart of that name: check it, and the repository's URL")
	}
	return versions, err
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
		return entry{}, noVersion()
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

func noVersion() error {
	return failf(ErrNotFound, "the repository has no such version of it: check the version")
}

// exact reports whether a version is one, and no range of them.
func exact(version string) bool {
	_, err := semver.NewVersion(version)
	// 1.2 and 1 are read as versions, but Helm takes them for ranges.
	return err == nil && strings.Count(strings.FieldsFunc(version, func(r rune) bool { return r == '-' || r == '+' })[0], ".") == 2
}

// whole decodes an index of any layout.
func whole[E any](text []byte, name string) (versions []E, known bool, err error) {
	var all struct {
		Entries map[string]yaml.Node `yaml:"entries"`
	}
	var root yaml.Node
	err = yaml.Unmarshal(text, &root)
	if err == nil && len(root.Content) == 1 && root.Content[0].Kind != yaml.MappingNode {
		return nil, false, noIndex()
	}
	if err == nil {
		err = root.Decode(&all)
	}
	if err != nil {
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
